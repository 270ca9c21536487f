"""Where the reference server does not do what PROTOCOL.md says, found by running the scenarios on it.

A scenario named here must fail on the reference server, so that this list cannot outlive the facts.
"""

NO_JSON = "the reference server marks no acknowledgement as one on its JSON wire"

DIFFERENCES: dict[str, str] = {
    "a query string in the address is accepted": "hangs up on an address with a query string",
    "a value is replaced by null and null by a value": "a path that leads through null ends the process",
    "of three events subscribed at once the denied one alone is dropped": "drops the last name instead",
    "of three calls provided at once the denied one alone is dropped": "drops the last name instead",
    "a provider that is gone before it accepts counts as a rejection": "waits for ackTimeout",
    "when a provider is gone before it accepts another one is asked": "waits for ackTimeout and asks nobody",
    "a provider that is gone after it accepted is a response timeout at once": "waits for responseTimeout",
    "clients without a name are nobody": "tells of them as the user 'open'",
    "the server closes a socket that fell silent": "leaves it open",
    "after a kill records are as they were and go on": "keeps records in memory",
    "what was acknowledged or seen before a kill is there after it": "keeps records in memory",
    "writes made while the server was down are merged when it is back": "keeps records in memory",
    "a new client reads what an old one writes": "refuses false as a value on the text protocol",
    "old and new clients call each other": "sends an error as a typed value on the text protocol",
    "an old provider rejects and the call goes to a new one": "passes a typed value on as if it were JSON",
}
"""Scenario to what the reference server does instead."""
