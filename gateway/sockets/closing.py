"""How WebSocket connections end: the close codes this server gives (RFC 6455 section 7.4), and hanging up."""

from __future__ import annotations

import asyncio

NORMAL_CLOSURE = 1000
GOING_AWAY = 1001
ABNORMAL_CLOSURE = 1006
INTERNAL_ERROR = 1011

CLOSE_TIMEOUT = 3.0
"""Seconds that the peer gets to answer a close frame, and then again to close the TCP connection."""


def hang_up(transport: asyncio.Transport) -> asyncio.TimerHandle:
    """Close TCP after what was written; go on reading, so that no reset overtakes the last bytes.

    The timer that is returned aborts a peer that does not close its side: cancel it when the connection is
    lost.
    """
    if not transport.is_closing():
        transport.resume_reading()
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()
    return asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, transport.abort)
