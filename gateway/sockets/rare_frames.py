"""The frames that are rare: fragments, closing, partial control frames, and all that breaks RFC 6455."""

from __future__ import annotations

import logging
from codecs import getincrementaldecoder

from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from gateway.sockets.frames import Payload, read_header

logger = logging.getLogger(__name__)

_UTF8 = getincrementaldecoder("utf-8")
_LONGEST_REASON = 123


class FragmentedMessage:
    """A data message that arrives in fragments; text is checked as it comes (RFC 6455 section 8.1)."""

    __slots__ = ("_data", "_decoder")

    def __init__(self, *, is_text: bool) -> None:
        self._data = bytearray()
        self._decoder = _UTF8() if is_text else None

    def add(self, fragment: bytes, *, is_last: bool) -> None:
        """Append a fragment; raises UnicodeDecodeError as soon as text cannot become valid any more."""
        if self._decoder is not None:
            self._decoder.decode(fragment, is_last)
        self._data += fragment

    def payload(self) -> Payload:
        """The message as a whole."""
        return bytes(self._data) if self._decoder is None else self._data.decode()


class RareFrames:
    """Reads one socket's frames, one at a time, through the sans-I/O ``ServerProtocol`` of websockets.

    It is fed from one frame boundary to another, so a socket may make one for a ping or a fragmented message
    and throw it away when it is ``idle`` again: nothing is left in it then.
    """

    __slots__ = ("_expected", "_max_size", "_message", "_protocol")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._protocol = ServerProtocol(state=State.OPEN, max_size=max_size, logger=logger)
        self._message: FragmentedMessage | None = None
        self._expected = 0  # bytes still to come of the frame that was begun

    @property
    def idle(self) -> bool:
        """Whether no frame, no message and no closing handshake is under way."""
        return not self._expected and self._message is None and self._protocol.state is State.OPEN

    @property
    def between_frames(self) -> bool:
        """Whether the next byte begins a frame."""
        return not self._expected

    def read(self, data: bytes, position: int, payloads: list[Payload]) -> int:
        """Read to the end of one frame or of ``data``; the new position, unmoved if the header is partial."""
        if not self._expected:
            header = read_header(data, position)
            if header is None:
                return position
            self._expected = header.stop - position
            if self._message is not None and data[position] & 0x0F == Opcode.CLOSE:
                self._drop_message()
        part = data[position : position + self._expected]
        self._expected -= len(part)
        self._protocol.receive_data(part)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event, payloads)
        return position + len(part)

    def _drop_message(self) -> None:
        """Let a peer close amid a message: legal (RFC 6455 section 5.4), but not to ServerProtocol."""
        if self._protocol.state is State.OPEN:
            self._message = None
            self._protocol = ServerProtocol(state=State.OPEN, max_size=self._max_size, logger=logger)

    def _take(self, frame: Frame, payloads: list[Payload]) -> None:
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            self._message = FragmentedMessage(is_text=frame.opcode is Opcode.TEXT)
        elif frame.opcode is not Opcode.CONT:
            return
        assert self._message is not None  # ServerProtocol lets no other continuation pass
        try:
            self._message.add(bytes(frame.data), is_last=frame.fin)
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "invalid UTF-8")
            return
        if frame.fin:
            payloads.append(self._message.payload())
            self._message = None

    def start_closing(self, code: int, reason: str) -> None:
        """Make the close frame, its reason cut to what fits; an impossible code raises ProtocolError."""
        short = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, short)

    def answers(self) -> tuple[list[bytes], bool]:
        """The frames to send now, and whether the connection must end after them."""
        writes = self._protocol.data_to_send()
        is_end = bool(writes) and writes[-1] == SEND_EOF
        return (writes[:-1] if is_end else writes), is_end

    @property
    def close(self) -> Close | None:
        """The first close frame, whichever side sent it."""
        protocol = self._protocol
        return protocol.close_rcvd if protocol.close_rcvd_then_sent else protocol.close_sent
