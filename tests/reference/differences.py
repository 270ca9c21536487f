"""The differences on purpose: what the reference server does where this one does what the scripts say.

Each has its reason and turns a script into the one the reference follows. A difference that the
reference no longer shows makes the scripts it changes fail, so the list cannot outlive its reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction as Auth
from deepstream_protocol.topics import ConnectionAction as Connection
from deepstream_protocol.topics import EventAction as Event
from deepstream_protocol.topics import ParserAction as Parser
from deepstream_protocol.topics import PresenceAction as Presence
from deepstream_protocol.topics import RecordAction as Record
from deepstream_protocol.topics import RpcAction as Rpc
from deepstream_protocol.topics import Topic
from tests.reference.changes import Change, altered, dies, got, instead, lacks, repeats
from tests.reference.otherwise import (
    acknowledged_before_denied,
    closed_without_a_code,
    erasure,
    forwarded_as_json,
    in_vain,
    not_asked,
    of_an_upsert,
    passed_on,
    plain_ack,
    unknown_answer,
    without_ack,
    written,
)
from tests.reference.script import A, Actor, B, C, Dies, Script, Sends, Step


@dataclass(frozen=True)
class Difference:
    """A reason, and the change it makes in the scripts that have ``where`` in their titles."""

    reason: str
    change: Change
    where: tuple[str, ...] = ("",)
    but_not: tuple[str, ...] = ()

    def concerns(self, script: Script) -> bool:
        """Whether the change is to be made in ``script``."""
        title = script.title
        return any(part in title for part in self.where) and not any(part in title for part in self.but_not)


def as_the_reference_plays_it(script: Script, used: set[str] | None = None) -> Script:
    """``script`` with all differences made; ``used`` collects the reasons of those that changed something."""
    steps = script.steps
    for difference in DIFFERENCES:
        if difference.concerns(script):
            changed = tuple(_changed(steps, difference.change))
            if used is not None and changed != steps:
                used.add(difference.reason)
            steps = changed
    return Script(script.title, steps, script.setting)


def _changed(steps: tuple[Step, ...], change: Change) -> Iterator[Step]:
    asked: dict[Actor, Message] = {}
    for step in steps:
        if isinstance(step, Sends):
            asked[step.actor] = step.message
        theirs = change(step, asked.get(step.actor))
        yield from (step,) if theirs is None else theirs
        if theirs and isinstance(theirs[-1], Dies):
            return


PARSE_ERROR = ("a frame that is no message", "a frame that is cut off")

DIFFERENCES = [
    # Holes: one client's message ends the reference's process.
    Difference("login data that is no JSON ends its process",
               got(Auth.INVALID_MESSAGE_DATA, Topic.AUTH, dies), ("a login with data that is no JSON",)),
    Difference("a record's data that is no JSON ends its process",
               got(Record.INVALID_MESSAGE_DATA, Topic.RECORD, dies),
               ("an update with data that is no JSON",)),
    Difference("listening twice ends its process", got(Event.MULTIPLE_SUBSCRIPTIONS, Topic.EVENT, dies),
               ("event listening to the same pattern twice",)),
    Difference("listening twice ends its process, with records too",
               got(Record.MULTIPLE_SUBSCRIPTIONS, Topic.RECORD, dies),
               ("record listening to the same pattern twice",)),
    # Holes: what is denied.
    Difference("of a bulk message with a denied name it drops the last name (events)",
               got(Event.EMIT, Topic.EVENT, lambda _: ()), ("of many events the denied one is dropped",)),
    Difference("of a bulk message with a denied name it drops the last name (heads)",
               instead(A.gets(Record.HEAD_RESPONSE, name="h2", version=-1),
                       A.gets(Record.HEAD_RESPONSE, name="no/1", version=-1)), ("of many heads",)),
    Difference("of a bulk message with a denied name it drops the last name (presence)",
               got(Presence.PRESENCE_JOIN, Topic.PRESENCE, lambda _: ()), ("a user one may not watch",)),
    Difference("of a bulk message with a denied name it drops the last name (procedures)",
               got(Rpc.REQUEST, Topic.RPC, lambda _: (B.gets(Rpc.NO_RPC_PROVIDER, name="f", id="2"),)),
               ("a procedure that may not be provided",)),
    Difference("an answer to the call that did not reach the denied provider is unknown",
               got(Rpc.RESPONSE, Topic.RPC, lambda _: (unknown_answer(A, "2"),)),
               ("a procedure that may not be",)),
    Difference("reads are acknowledged before the rules are asked, with the denied names too",
               acknowledged_before_denied, ("a denied record is not read",)),
    Difference("a bulk message of one name that is denied has no acknowledgement, and a client waits in vain",
               got(Event.SUBSCRIBE, Topic.EVENT, lambda _: ()), ("a bulk message of which all is denied",)),
    Difference("it asks no rule about an erasure",
               got(Record.MESSAGE_DENIED, Topic.RECORD,
                   lambda _: (A.gets(Record.WRITE_ACKNOWLEDGEMENT, name="no/3", id="w", is_write_ack=True),)),
               ("a denied erase",)),
    # Holes: records.
    Difference("after a version that skips one it refuses every write to that record",
               instead(A.gets(Record.WRITE_ACKNOWLEDGEMENT, name="skip3", id="2", is_write_ack=True),
                       A.gets(Record.VERSION_EXISTS, name="skip3", id="2", is_write_ack=True, version=1,
                              data={"a": 1}, original_action=18)),
               ("after a refused version",)),
    Difference("with isWriteAck it makes a missing record, where PROTOCOL.md has an error",
               got(Record.RECORD_UPDATE_ERROR, Topic.RECORD,
                   lambda step: altered(step, action=int(Record.WRITE_ACKNOWLEDGEMENT), is_error=None,
                                        original_action=None)),
               ("is an error if it is to be acknowledged too",)),
    Difference("it counts a version for a path that it does not write",
               got(Record.INVALID_MESSAGE_DATA, Topic.RECORD,
                   lambda _: (A.gets(Record.WRITE_ACKNOWLEDGEMENT, name="proto", id="w",
                                     is_write_ack=True),)),
               ("a dangerous key in a path",)),
    Difference("an acknowledgement of a hot record lacks isWriteAck",
               got(Record.WRITE_ACKNOWLEDGEMENT, Topic.RECORD, lambda step: altered(step, is_write_ack=None)),
               ("a hot record takes whole writes",)),
    Difference("PROTOCOL.md has subscribers told of an erasure as that; it is a patch without data there",
               erasure),
    Difference("a written record says isWriteAck: false to those who asked for nothing", written,
               but_not=("notification",)),
    Difference("a deletion passes the correlation id of its author on to strangers",
               got(Record.DELETED, Topic.RECORD, lambda step: altered(step, correlation_id="d")),
               ("a deletion carries no correlation id",)),
    # Holes: calls and listening.
    Difference("anybody can answer a call",
               instead(C.gets(Rpc.INVALID_RPC_CORRELATION_ID, name="f", id="1", original_action=5,
                              is_error=True),
                       B.gets(Rpc.RESPONSE, name="f", id="1")), ("only the provider can answer",)),
    Difference("the provider's answer comes too late when somebody else answered",
               instead(B.gets(Rpc.RESPONSE, name="f", id="1", data="1"), unknown_answer(A, "1")),
               ("only the provider can answer",)),
    Difference("a provider that leaves is waited for",
               got(Rpc.NO_RPC_PROVIDER, Topic.RPC,
                   lambda step: altered(step, action=int(Rpc.ACCEPT_TIMEOUT))),
               ("a provider that leaves before acceptance",)),
    Difference("a provider that leaves after it accepted is waited for",
               got(Rpc.RESPONSE_TIMEOUT, Topic.RPC, lambda _: ()),
               ("a provider that leaves after acceptance",)),
    Difference("a client can call in any name where the server adds none",
               got(Rpc.REQUEST, Topic.RPC, lambda step: altered(step, requestor_name="ann")),
               ("a caller's name is not passed on",)),
    Difference("a listener that leaves while it is asked is waited for", not_asked,
               ("when the listener that is asked leaves",)),
    # Holes: users without a name.
    Difference("everybody without a name is one user open who comes",
               instead(A.gets(Presence.PRESENCE_JOIN_ALL, name="cat"),
                       A.gets(Presence.PRESENCE_JOIN_ALL, name="open"),
                       A.gets(Presence.PRESENCE_LEAVE_ALL, name="open"),
                       A.gets(Presence.PRESENCE_JOIN_ALL, name="cat")),
               ("users without a name come and go",)),
    Difference("everybody without a name is one user open who is there",
               got(Presence.QUERY_ALL_RESPONSE, Topic.PRESENCE, lambda step: altered(step, names=["open"])),
               ("users without a name are not named",)),
    Difference("open is there for whoever asks",
               got(Presence.QUERY_RESPONSE, Topic.PRESENCE, lambda step: altered(step, data='{"open":true}')),
               ("open is not a user",)),
    # Here an error is an error, and says what it is about.
    Difference("without isError an official client takes a write that was refused for a success",
               lacks("is_error", of=[(Topic.RECORD, Record.INVALID_VERSION),
                                     (Topic.RECORD, Record.INVALID_MESSAGE_DATA)])),
    Difference("a refused path write to a hot record is never heard of by a client that waits for it",
               lacks("is_error", "is_write_ack", of=[(Topic.RECORD, Record.INVALID_PATCH_ON_HOTPATH)])),
    Difference("other errors lack isError too",
               lacks("is_error", of=[(Topic.AUTH, Auth.INVALID_MESSAGE_DATA)])),
    Difference("a second acceptance is an error without a field that says so",
               lacks("is_error", "original_action", of=[(Topic.RPC, Rpc.MULTIPLE_ACCEPT)])),
    Difference("a bad pattern is not said to be an error, nor what is bad about it",
               lacks("is_error", "data", "correlation_id", "original_action",
                     of=[(Topic.EVENT, Event.INVALID_LISTEN_REGEX),
                         (Topic.RECORD, Record.INVALID_LISTEN_REGEX)])),
    Difference("an official client that gets an error of an update prints which action failed: undefined",
               lacks("original_action", of=[(Topic.RECORD, Record.RECORD_UPDATE_ERROR)])),
    Difference("an unknown topic is not named",
               lacks("original_topic", "original_action", of=[(Topic.PARSER, Parser.UNKNOWN_TOPIC)])),
    Difference("an acknowledgement for everybody loses the correlation id",
               lacks("correlation_id",
                     of=[(Topic.PRESENCE, Presence.SUBSCRIBE_ALL),
                         (Topic.PRESENCE, Presence.UNSUBSCRIBE_ALL)])),
    Difference("errors of an upsert name an action that was not sent", of_an_upsert),
    Difference("subscribing twice while reading names an action that was not sent",
               got(Record.MULTIPLE_SUBSCRIPTIONS, Topic.RECORD,
                   lambda step: altered(step, original_action=25))),
    Difference("refused data comes back with the error",
               repeats("version", "path", "data", of=[Record.INVALID_MESSAGE_DATA])),
    Difference("a version that skips one is answered with the asker's data, not the record's",
               repeats("path", "data", of=[Record.INVALID_VERSION])),
    Difference("whoever accepts in vain is left believing to be the provider", in_vain,
               ("in vain", "after the time is over")),
    Difference("unlistening to what one does not listen to is passed over in silence (events)",
               got(Event.NOT_SUBSCRIBED, Topic.EVENT, lambda _: ()), ("when they are unlistened",)),
    Difference("unlistening to what one does not listen to is passed over in silence (records)",
               got(Record.NOT_SUBSCRIBED, Topic.RECORD, lambda _: ())),
    # Here a client is told more.
    Difference("a frame that does not parse is an unknown topic",
               instead(A.gets(Parser.MESSAGE_PARSE_ERROR), A.gets(Parser.UNKNOWN_TOPIC)), PARSE_ERROR),
    Difference("a frame that does not parse leaves the socket open", instead(A.is_closed(1008)), PARSE_ERROR),
    Difference("a close frame without a code tells a client nothing", closed_without_a_code),
    Difference("an action that only servers take is passed over in silence",
               got(Parser.UNKNOWN_ACTION, Topic.PARSER, lambda _: ())),
    Difference("removing a single name that is not there is acknowledged",
               got(Event.NOT_SUBSCRIBED, Topic.EVENT, plain_ack)),
    Difference("unproviding a single name that is not there is acknowledged",
               got(Rpc.NOT_PROVIDED, Topic.RPC, plain_ack)),
    # Here a client is told less.
    Difference("whatever fields the sender adds to an event are passed on",
               got(Event.EMIT, Topic.EVENT,
                   lambda step: altered(step, correlation_id="9", is_error=True, subscription="s",
                                        original_action=3)),
               ("nothing else the sender added",)),
    Difference("an event whose data is no JSON reaches clients that cannot read it",
               passed_on),
    # JSON.
    Difference("JSON acknowledgements lack isAck", without_ack),
    Difference("JSON spells originalTOPIC otherwise", got(Connection.INVALID_MESSAGE, Topic.CONNECTION,
               lambda step: altered(step, original_topic=None)), ("a JSON client before the challenge",)),
    Difference("JSON has empty fields in what one client sends another", forwarded_as_json),
    Difference("a JSON client's isAck is passed on",
               instead(A.gets(Event.EMIT, name="e", data='{"x":[0]}'),
                       A.gets(Event.EMIT, name="e", data='{"x":[0]}', is_ack=False)),
                       ("a JSON client may send the value",)),
]  # fmt: skip
