"""What joins this process to others, as the settings say."""

from __future__ import annotations

from channels.layers import get_channel_layer
from django.conf import settings

from cluster.layers import is_shared, redis_url
from cluster.members import Members
from cluster.volatile import RedisStore
from deepstream_project.config import Config, ConfigError


def open_cluster(config: Config) -> Members | None:
    """The cluster on Django's channel layer; None if that is this process's memory alone."""
    if not is_shared(settings.CHANNEL_LAYERS):
        return None
    options = config.cluster_node
    return Members(
        get_channel_layer(),
        name=config.server_name,
        beat=options.heartbeat_interval,
        timeout=options.node_timeout,
    )


def open_volatile(config: Config) -> RedisStore | None:
    """Where records that are never stored are in a cluster; None: in this process. Raises ConfigError."""
    check_volatile(config)
    url = redis_url(settings.CHANNEL_LAYERS)
    return RedisStore(url) if url is not None and config.record.storage_exclusion_prefixes else None


def check_volatile(config: Config) -> None:
    """Raise ConfigError if records are never stored, and nothing in the cluster decides between writers."""
    layers = settings.CHANNEL_LAYERS
    if config.record.storage_exclusion_prefixes and is_shared(layers) and redis_url(layers) is None:
        raise ConfigError(
            "record.storageExclusionPrefixes: several processes share such records through Redis, and"
            " CHANNEL_LAYERS uses none; set REDIS_URL, or leave out storageExclusionPrefixes."
        )
