"""The text wire format of ``/deepstream-v3``: for clients of versions 1 to 3 (PROTOCOL.md section 9).

A frame has any number of messages, each ended by character 30, their parts joined by character 31. Clients
and server do not say the same things on it: ``decode`` reads what clients say, ``encode`` writes what a
server says, and neither remembers anything.
"""

from __future__ import annotations

from .errors import ProtocolError, UnknownTopic
from .message import Message
from .text_codes import LETTERS
from .text_reader import read_line
from .text_writer import write_lines

END = "\x1e"
PART = "\x1f"

MAX_ERRORS = 100
"""Lines of one frame that may be no messages: each is answered, so a frame full of them would cost us more
than whoever sent it."""


class TextCodec:
    """Text frames with any number of messages each, in and out."""

    name = "text"
    binary = False

    def decode(self, payload: str) -> list[Message]:
        """The messages in ``payload``, in order; a line that is none is the error that answers it.

        Such a message has ``is_error`` set, which no other has. Raises ProtocolError if there are too many.
        """
        messages = [read_line(line) for line in payload.split(END) if line]
        errors = sum(1 for message in messages if message.is_error)
        if errors > MAX_ERRORS:
            raise ProtocolError(f"{errors} lines that are no messages")
        return messages

    def encode(self, message: Message) -> str:
        """The lines that tell an old client of ``message``, none for what it has no word for.

        Nothing is written either where a name or an id has a separator in it: what came of that would be
        another message. Raises ProtocolError for text with a lone surrogate and for data that is no JSON,
        UnknownTopic for a topic that clients have no messages about.
        """
        if message.topic not in LETTERS:
            raise UnknownTopic(message.topic)
        text = "".join([_ended(line) for line in write_lines(message)])
        if not text.isascii():
            _check(text)
        return text


def _ended(parts: tuple[str, ...]) -> str:
    line = PART.join(parts)
    return "" if END in line or line.count(PART) >= len(parts) else line + END


def _check(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ProtocolError("text with a lone surrogate") from None
