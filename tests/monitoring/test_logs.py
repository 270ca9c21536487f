"""Log lines: text, colours on a terminal alone, and one JSON object a line."""

from __future__ import annotations

import io
import json
import logging
import sys
from datetime import datetime
from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from gateway.session import FAULT
from monitoring.logs import JsonFormatter, TextFormatter, formatter, name_node
from permissions.verdict import Denial, Verdict
from pubsub.connection import Connection, Flusher
from pubsub.user import User
from tests.gateway.node_kit import Peer, running
from tests.pubsub.kit import JSON


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(text: str, *arguments: Any, level: int = logging.INFO, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("deepstream.x", level, "file.py", 1, text, arguments, None)
    made.__dict__.update(more)
    return made


def test_text_is_time_level_logger_and_message() -> None:
    line = TextFormatter().format(record("%s is %d", "a", 1, level=logging.WARNING))
    time, level, logger, *words = line.split()

    assert datetime.fromisoformat(time)
    assert (level, logger, words) == ("WARNING", "deepstream.x", ["a", "is", "1"])


@pytest.mark.parametrize(
    ("stream", "colors", "no_color", "coloured"),
    [
        (Terminal(), True, "", True),
        (Terminal(), False, "", False),
        (Terminal(), True, "1", False),
        (io.StringIO(), True, "", False),
    ],
    ids=["a terminal", "colors: false", "NO_COLOR", "a file"],
)
def test_levels_are_coloured_on_a_terminal_where_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, colors: bool, no_color: str, coloured: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("NO_COLOR", no_color)
    line = formatter("default", colors=colors).format(record("down", level=logging.ERROR))

    assert ("\x1b[31mERROR\x1b[0m" in line) is coloured
    assert line.endswith(" deepstream.x down")


def test_json_is_an_object_a_line_with_what_is_known() -> None:
    connection = Connection(JSON, Flusher(lambda call: None), limit=1, address="10.0.0.1:5")
    connection.user = User("ann")
    line = JsonFormatter().format(record("%s: two\nlines", connection, event="greeted"))
    found = json.loads(line)

    assert "\n" not in line
    assert datetime.fromisoformat(found.pop("time")).tzinfo is not None
    assert found == {
        "level": "INFO",
        "logger": "deepstream.x",
        "event": "greeted",
        "message": f"{connection}: two\nlines",
        "connection": connection.id,
        "address": "10.0.0.1:5",
        "user": "ann",
    }


def test_lines_of_a_kind_have_the_same_event() -> None:
    lines = [json.loads(JsonFormatter().format(record("%s came", who))) for who in ("ann", "bob")]

    assert [line["event"] for line in lines] == ["%s came", "%s came"]
    assert [line["message"] for line in lines] == ["ann came", "bob came"]


def test_a_fault_is_within_its_line() -> None:
    try:
        raise ValueError("odd")
    except ValueError:
        made = record("failed", level=logging.ERROR)
        made.exc_info = sys.exc_info()
    line = JsonFormatter().format(made)

    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: odd")


def test_what_json_cannot_say_is_said_as_text() -> None:
    assert json.loads(JsonFormatter().format(record("odd", event=object)))["event"] == str(object)


def test_structured_lines_carry_the_servers_name() -> None:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    try:
        name_node("north")
        assert json.loads(handler.format(record("x")))["node"] == "north"
    finally:
        logging.getLogger().removeHandler(handler)


# Which message a line is about


def about(message: Message) -> dict[str, Any]:
    line = json.loads(JsonFormatter().format(record("x", about=message)))
    found: dict[str, Any] = line["about"]
    return found


def test_a_line_says_which_message_it_is_about_and_not_what_that_carried() -> None:
    patch = Message(Topic.RECORD, RecordAction.PATCH, name="a/<b>", version=7, path="x", data='"secret"')
    assert about(patch) == {"topic": "RECORD", "action": "PATCH", "name": "a/<b>", "version": 7}
    bulk = Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["a", "b"], correlation_id="12")
    assert about(bulk) == {
        "topic": "EVENT",
        "action": "SUBSCRIBE",
        "names": ["a", "b"],
        "correlationId": "12",
    }


def test_a_message_of_any_size_makes_a_short_line() -> None:
    long = Message(Topic.EVENT, EventAction.SUBSCRIBE, name="n" * 9999, names=["x" * 9999] * 999)
    found = about(long)
    assert (len(found["name"]), len(found["names"]), len(found["names"][0])) == (1024, 20, 1024)


@pytest.mark.parametrize(
    ("topic", "action", "words"),
    [(4, 99, ("EVENT", "99")), (77, 1, ("77", "1")), (10, 1, ("LOCK", "1"))],
)
def test_a_message_that_has_no_name_is_told_by_its_numbers(
    topic: int, action: int, words: tuple[str, str]
) -> None:
    assert about(Message(topic, action)) == {"topic": words[0], "action": words[1]}


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """The lines of one kind, as objects."""
    lines = [json.loads(JsonFormatter().format(one)) for one in caplog.records]
    return [line for line in lines if line["event"] == event]


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
async def test_a_fault_and_a_refusal_say_whose_message_it_was(
    caplog: pytest.LogCaptureFixture, waits: bool
) -> None:
    def judged(message: Message) -> Verdict:
        if message.name == "bad":
            raise RuntimeError("a mistake")
        return {"denied": Denial.DENIED} if message.name == "denied" else None

    async def later(message: Message) -> Verdict:
        return judged(message)

    caplog.set_level(logging.DEBUG, "deepstream")
    async with running(check=lambda _, message: later(message) if waits else judged(message)) as node:
        ann = Peer(node).log_in("ann")
        for name in ("good", "denied", "bad"):
            ann.send(Message(Topic.EVENT, EventAction.EMIT, name=name, data='"secret"'))
        await ann.closed()
    [refused] = logged(caplog, "denied")
    [fault] = [one for one in logged(caplog, FAULT) if "exception" in one]
    for line, name in ((refused, "denied"), (fault, "bad")):
        assert line["about"] == {"topic": "EVENT", "action": "EMIT", "name": name}
        assert (line["connection"], line["user"]) == (ann.connection.id, "ann")
        assert "secret" not in json.dumps(line)
