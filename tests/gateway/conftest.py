"""The WebSocket tests run on uvloop, as the server does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop for this folder."""
    return {"uvloop": uvloop.new_event_loop}
