"""Which node decides about a name: all nodes find the same one without asking each other."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def arbiter_of(name: str, nodes: Iterable[str]) -> str:
    """The node that decides about ``name``, by rendezvous hashing: when one goes, only its names move."""
    key = name.encode(errors="surrogatepass")

    def weight(node: str) -> bytes:
        return blake2b(key, digest_size=8, key=blake2b(node.encode(), digest_size=32).digest()).digest()

    return max(nodes, key=weight)
