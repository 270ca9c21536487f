"""Opening a connection, logging in, and frames that are no messages (PROTOCOL.md section 2)."""

from __future__ import annotations

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.topics import AuthAction as Auth
from deepstream_protocol.topics import ConnectionAction as Connection
from deepstream_protocol.topics import EventAction as Event
from deepstream_protocol.topics import ParserAction as Parser
from deepstream_protocol.topics import RecordAction as Record
from tests.reference.script import A, B, Steps, message, script

CHALLENGED: list[Steps] = [
    A.opens(),
    A.sends(Connection.CHALLENGE, url="ws://here"),
    A.gets(Connection.ACCEPT),
]
PING = BinaryCodec().encode(message(Connection.PING))


def framed(*body: int) -> bytes:
    """An outer protobuf message of these bytes, behind its length."""
    return bytes([len(body), *body])


def closes_with_invalid_data(data: str | None) -> list[Steps]:
    """A login whose data is no JSON object."""
    fields = {} if data is None else {"data": data}
    return [
        *CHALLENGED,
        A.sends(Auth.REQUEST, **fields),
        A.gets(Auth.INVALID_MESSAGE_DATA, is_error=True),
        A.is_closed(1008),
    ]


SCRIPTS = [
    script("a challenge without a url is accepted too", A.opens(), A.sends(Connection.CHALLENGE),
           A.gets(Connection.ACCEPT)),
    script("before the challenge every other topic is refused, and the socket stays", A.opens(),
           A.sends(Event.SUBSCRIBE, names=["e"], id="1"), A.gets(Connection.INVALID_MESSAGE),
           A.sends(Record.READ, name="r"), A.gets(Connection.INVALID_MESSAGE),
           A.sends(Auth.REQUEST, data={}), A.gets(Connection.INVALID_MESSAGE),
           A.sends(Connection.CHALLENGE, url="u"), A.gets(Connection.ACCEPT)),
    script("after the challenge and before login everything but a login is refused", CHALLENGED,
           A.sends(Event.EMIT, name="e", data="1"), A.gets(Auth.INVALID_MESSAGE),
           A.sends(Record.READ, name="r", id="1"), A.gets(Auth.INVALID_MESSAGE),
           A.sends(Auth.REQUEST, data={}), A.gets(Auth.AUTH_SUCCESSFUL)),
    script("a second challenge is refused", CHALLENGED,
           A.sends(Connection.CHALLENGE, url="u"), A.gets(Auth.INVALID_MESSAGE)),
    script("what was asked before login has no effect after it", CHALLENGED,
           A.sends(Event.SUBSCRIBE, names=["too-early"], id="1"), A.gets(Auth.INVALID_MESSAGE),
           A.sends(Auth.REQUEST, data={}), A.gets(Auth.AUTH_SUCCESSFUL),
           B.sends(Event.EMIT, name="too-early", data="1"), B.is_quiet(),
           A.sends(Connection.PING), A.gets(Connection.PONG)),
    script("an open login has no client data", CHALLENGED,
           A.sends(Auth.REQUEST, data={"username": "ann"}), A.gets(Auth.AUTH_SUCCESSFUL)),
    script("a login without data closes the socket", closes_with_invalid_data(None)),
    script("a login with null closes the socket", closes_with_invalid_data("null")),
    script("a login with a number closes the socket", closes_with_invalid_data("1")),
    script("a login with a text closes the socket", closes_with_invalid_data('"ann"')),
    script("a login with data that is no JSON closes the socket", closes_with_invalid_data("{bad")),
    script("a second login is an unknown topic", A.sends(Auth.REQUEST, data={}),
           A.gets(Parser.UNKNOWN_TOPIC, original_topic=3, original_action=2)),
    script("after login a challenge is an unknown topic",
           A.sends(Connection.CHALLENGE, url="u"),
           A.gets(Parser.UNKNOWN_TOPIC, original_topic=2, original_action=5)),
    script("a ping is answered with a pong, each", A.sends(Connection.PING), A.sends(Connection.PING),
           A.gets(Connection.PONG), A.gets(Connection.PONG)),
    script("a topic that does not exist is answered, and the socket stays",
           A.sends_raw(framed(0x10, 0x37, 0x1A, 0x00)), A.gets(Parser.UNKNOWN_TOPIC, original_topic=55),
           A.sends(Connection.PING), A.gets(Connection.PONG)),
    script("a frame that is no message is answered with a parse error and closes the socket",
           A.sends_raw(b"\xff\xfe\x00garbage"), A.gets(Parser.MESSAGE_PARSE_ERROR), A.is_closed(1008)),
    script("a frame that is cut off is answered with a parse error and closes the socket",
           A.sends_raw(PING[:-1]), A.gets(Parser.MESSAGE_PARSE_ERROR), A.is_closed(1008)),
    script("only the first message of a frame counts", A.sends_raw(PING + PING), A.gets(Connection.PONG)),
    script("bytes after the first message of a frame are ignored",
           A.sends_raw(PING + b"\xff\xff"), A.gets(Connection.PONG)),
    script("a text frame on the binary path closes the socket", A.sends_raw("hello"), A.is_closed(1003)),
    script("a text frame on the binary path closes the socket before login too",
           A.opens(), A.sends_raw("hello"), A.is_closed(1003)),
    script("a frame over the size limit closes the socket", A.sends_raw(b"x" * 1_100_000), A.is_closed(1009)),
    script("actions that only servers take are answered as unknown",
           A.sends(Record.READ_RESPONSE, name="r", version=1, data={}),
           A.gets(Parser.UNKNOWN_ACTION, original_topic=5, original_action=4),
           A.sends(Event.SUBSCRIPTION_FOR_PATTERN_FOUND, name="p", subscription="e"),
           A.gets(Parser.UNKNOWN_ACTION, original_topic=4, original_action=11)),
    script("a client that does not log in in time is told so and closed",
           A.opens(), A.gets(Connection.AUTHENTICATION_TIMEOUT), A.is_closed(1008), setting="hasty"),
    script("a client that is challenged and does not log in in time is told so and closed",
           CHALLENGED, A.gets(Connection.AUTHENTICATION_TIMEOUT), A.is_closed(1008), setting="hasty"),
    script("a login with the right password brings the client data", CHALLENGED,
           A.sends(Auth.REQUEST, data={"username": "ann", "password": "secret"}),
           A.gets(Auth.AUTH_SUCCESSFUL, data={"colour": "red"}), setting="accounts"),
    script("a wrong password can be corrected", CHALLENGED,
           A.sends(Auth.REQUEST, data={"username": "ann", "password": "wrong"}),
           A.gets(Auth.AUTH_UNSUCCESSFUL),
           A.sends(Auth.REQUEST, data={"username": "ann", "password": "secret"}),
           A.gets(Auth.AUTH_SUCCESSFUL, data={"colour": "red"}), setting="accounts"),
    script("an unknown user is refused in the same words as a wrong password", CHALLENGED,
           A.sends(Auth.REQUEST, data={"username": "eve", "password": "x"}), A.gets(Auth.AUTH_UNSUCCESSFUL),
           setting="accounts"),
    script("a login without a password is refused with the reason", CHALLENGED,
           A.sends(Auth.REQUEST, data={"username": "ann"}),
           A.gets(Auth.AUTH_UNSUCCESSFUL,
                  data={"error": "missing authentication parameter: username or/and password"}),
           setting="accounts"),
    script("the last refusal that is allowed closes the socket", CHALLENGED,
           A.sends(Auth.REQUEST, data={"username": "ann", "password": "wrong"}),
           A.gets(Auth.AUTH_UNSUCCESSFUL),
           A.sends(Auth.REQUEST, data={"username": "ann", "password": "wrong"}),
           A.gets(Auth.AUTH_UNSUCCESSFUL),
           A.gets(Auth.TOO_MANY_AUTH_ATTEMPTS), A.is_closed(1008), setting="accounts"),
]  # fmt: skip
