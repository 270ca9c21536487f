"""Which channel layers join processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IN_MEMORY = "channels.layers.InMemoryChannelLayer"


def is_shared(layers: Mapping[str, Any]) -> bool:
    """Whether Django's setting ``CHANNEL_LAYERS`` names a layer that other processes can reach as well."""
    layer = layers.get("default")
    return layer is not None and layer["BACKEND"] != IN_MEMORY


def redis_url(layers: Mapping[str, Any]) -> str | None:
    """The address of the layer's first Redis server, None if it runs on something else."""
    layer = layers.get("default")
    if layer is None or not layer["BACKEND"].startswith("channels_redis."):
        return None
    host = layer.get("CONFIG", {}).get("hosts", ["redis://localhost:6379"])[0]
    if isinstance(host, tuple):
        return f"redis://{host[0]}:{host[1]}"
    address = host["address"] if isinstance(host, Mapping) else host
    return str(address)
