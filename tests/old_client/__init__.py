"""Clients of versions 1 to 3: on an address of their own, and on the one that all clients have."""
