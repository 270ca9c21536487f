"""The project's settings with channels_redis' core layer instead of its pub/sub layer.

A server takes them if DJANGO_SETTINGS_MODULE says ``benchmarks.core_layer``.
"""

from deepstream_project.settings import *  # noqa: F403 - Django's way of settings that differ in a point
from deepstream_project.settings import CHANNEL_LAYERS

CHANNEL_LAYERS = {
    "default": CHANNEL_LAYERS["default"] | {"BACKEND": "channels_redis.core.RedisChannelLayer"},
}
