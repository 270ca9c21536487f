"""Where the reference server does not do what PROTOCOL.md says, found by running the scenarios on it.

A scenario named here must fail on the reference server, so that this list cannot outlive the facts.
"""

NO_JSON = "the reference server marks no acknowledgement as one on its JSON wire"

_OWN_ADDRESS = "lets old clients in on an address of their own alone"

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
    "an old client without any options is let in": _OWN_ADDRESS,
    "an old client that logs in later is let in": _OWN_ADDRESS,
    "a new client that is slow is let in as what it is": _OWN_ADDRESS,
    "old and new clients meet at one address": _OWN_ADDRESS,
    "an old client comes back to the common address after its socket broke": _OWN_ADDRESS,
    "an old client that is pinged stays": _OWN_ADDRESS,
    "the right password lets an old client in with its client data": _OWN_ADDRESS,
    "after a wrong password the right one is accepted": _OWN_ADDRESS,
    "after a kill an old client's subscriptions, patterns and calls are there again": _OWN_ADDRESS,
    "after a kill an old client's records are as they were and go on": "keeps records in memory",
    "denied reads call back with the error": "tells of it, but not the callback",
    "denied writes call back with the error": "tells of it, but not the callback",
    "a snapshot of what does not exist calls back with the error": "tells of it, but not the callback",
    "a denied provider is told and a denied call fails": "adds an id to the denial that nobody gave",
    "a call takes and gives values of every kind between old and new": "passes a typed value on as JSON",
    "a pattern that is no regular expression is refused": "says nothing on the text protocol",
    "in a conflict what was merged is written again": "has the client merge twice",
    "a write is acknowledged after the conflict that it was in": "acknowledges no write that was merged",
    "what exists is told from what does not": "knows no question whether a record exists",
    "paths and values of every kind arrive the same on both sides": "refuses false on the text protocol",
    "a batch of a new client reaches an old one whole": "knows no batch",
}
"""Scenario to what the reference server does instead."""
