"""Where the reference server does not do what PROTOCOL.md says, found by running the scenarios on it."""

DIFFERENCES: dict[tuple[str, str], str] = {}
"""(scenario, wire format or "" for all) to what the reference server does instead."""
