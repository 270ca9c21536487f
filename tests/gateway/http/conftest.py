"""What every test of the HTTP API needs; its ``server`` is its module's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.http.http_kit import Api
from tests.servers import Server


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    """The API of the module's server."""
    async with Api.of(server) as one:
        yield one
