"""Which rule is asked for which message, with what, and what its answer means."""

from __future__ import annotations

from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from permissions.questions import QUESTIONS
from permissions.ruleset import RuleSet, milliseconds
from permissions.surroundings import RULE_TYPES
from permissions.verdict import Denial, Verdict
from pubsub.user import ANONYMOUS, User
from tests.permissions.valve_kit import BOB, NOW, Records, at_once, record, rules, ruleset

DENIED, ERROR = Denial.DENIED, Denial.ERROR

R, E, P, U = RecordAction, EventAction, RpcAction, PresenceAction
TABLE: list[tuple[Topic, Any, str, set[str]]] = [
    (Topic.RECORD, R.SUBSCRIBECREATEANDREAD, "record", {"create", "read"}),
    (Topic.RECORD, R.CREATEANDUPDATE, "record", {"create", "write"}),
    (Topic.RECORD, R.CREATEANDPATCH, "record", {"create", "write"}),
    *((Topic.RECORD, action, "record", {"read"}) for action in (R.SUBSCRIBE, R.SUBSCRIBEANDHEAD)),
    *((Topic.RECORD, action, "record", {"read"}) for action in (R.SUBSCRIBEANDREAD, R.READ, R.HEAD)),
    *((Topic.RECORD, action, "record", {"write"}) for action in (R.UPDATE, R.PATCH, R.PATCH_MULTI)),
    (Topic.RECORD, R.DELETE, "record", {"delete"}),
    (Topic.RECORD, R.ERASE, "record", {"delete"}),
    (Topic.RECORD, R.LISTEN, "record", {"listen"}),
    (Topic.RECORD, R.NOTIFY, "record", {"notify"}),
    (Topic.EVENT, E.EMIT, "event", {"publish"}),
    (Topic.EVENT, E.SUBSCRIBE, "event", {"subscribe"}),
    (Topic.EVENT, E.LISTEN, "event", {"listen"}),
    (Topic.RPC, P.PROVIDE, "rpc", {"provide"}),
    (Topic.RPC, P.REQUEST, "rpc", {"request"}),
    *((Topic.PRESENCE, action, "presence", {"allow"}) for action in (U.SUBSCRIBE, U.QUERY)),
    *((Topic.PRESENCE, action, "presence", {"allow"}) for action in (U.SUBSCRIBE_ALL, U.QUERY_ALL)),
]
"""VALVE.md's table: the rules that an action on a missing record, or on whatever else, needs."""


def allowing(section: str, *allowed: str) -> RuleSet:
    """Rules that refuse everything but some types, about records that do not exist."""
    return ruleset({section: {"*": dict.fromkeys(allowed, True)}})


def message_for(topic: Topic, action: int) -> Message:
    return Message(topic, action, name="x", path="a", data="{}" if action != R.PATCH_MULTI else "[]")


@pytest.mark.parametrize("action", [R.SUBSCRIBE, R.READ])
def test_what_is_open_to_readers_is_still_closed_to_those_who_would_create_it(action: int) -> None:
    rules = allowing("record", "read")
    for _ in range(3):
        assert rules.check(BOB, Message(Topic.RECORD, action, name="x")) is None
        creating = rules.check(BOB, Message(Topic.RECORD, R.SUBSCRIBECREATEANDREAD, name="x"))
        assert at_once(creating) == {"x": DENIED}


def verdict_of(
    expression: str, message: Message, *, user: User = BOB, records: Records | None = None
) -> Verdict:
    """The answer when all rules of the message's section are ``expression``, where it is possible."""
    question = QUESTIONS[message.topic, message.action]
    found = {question.rule_type: expression} | ({"create": True} if question.creates else {})
    return at_once(ruleset({question.section: {"*": found}}, records=records).check(user, message))


@pytest.mark.parametrize(("topic", "action", "section", "needed"), TABLE)
def test_an_action_needs_exactly_its_rules(topic: Topic, action: int, section: str, needed: set[str]) -> None:
    message = message_for(topic, action)
    assert at_once(allowing(section, *needed).check(BOB, message)) is None
    for missing in needed:
        others = set(RULE_TYPES[section]) - {missing}
        assert at_once(allowing(section, *others).check(BOB, message)) == {"x": DENIED}


def test_the_table_is_all_there_is() -> None:
    assert {(topic, action) for topic, action, _, _ in TABLE} == set(QUESTIONS)


@pytest.mark.parametrize("topic", [Topic.RECORD, Topic.EVENT, Topic.RPC, Topic.PRESENCE, Topic.CONNECTION])
def test_all_other_actions_need_no_rule(topic: Topic) -> None:
    nothing = ruleset()
    for action in range(130):
        if (topic, action) not in QUESTIONS:
            assert nothing.check(BOB, Message(topic, action, name="x")) is None


@pytest.mark.parametrize(
    "expression",
    ["false", "null", "undefined", "0", "1", "''", "'true'", "NaN", "[]", "{}", "[true]", "/a/", "user"],
)
def test_only_true_allows(expression: str) -> None:
    assert verdict_of(expression, record(R.READ, "a")) == {"a": DENIED}
    assert verdict_of(f"!({expression}) || true", record(R.READ, "a")) is None


@pytest.mark.parametrize(
    "expression", ["oldData.a.b === 1", "user.data.no.thing", "_(1)", "'a' in 'b'", "name.x.y"]
)
def test_a_rule_that_throws_is_an_error_and_no_denial(expression: str) -> None:
    assert verdict_of(expression, record(R.READ, "a"), records=Records({"a": {}})) == {"a": ERROR}


def test_nothing_that_is_not_a_number_is_over_or_under_any() -> None:
    for expression in ("data.nothing > 1", "data.nothing <= 1", "data.nothing - 1 === data.nothing - 1"):
        assert verdict_of(expression, Message(Topic.EVENT, E.EMIT, name="a", data="{}")) == {"a": DENIED}


def test_the_auction_of_the_manual() -> None:
    auction = ruleset(
        {
            "record": {
                "*": {"create": True, "read": True, "write": True, "listen": True, "notify": True},
                "auction/item/$sellerId/$itemId": {
                    "read": True,
                    "write": "user.data.canBid && data.price > oldData.price",
                    "delete": "user.id === $sellerId",
                },
            }
        },
        records=Records({"auction/item/bob/7": {"price": 100, "title": "A chair"}}),
    )
    item = "auction/item/bob/7"

    def price(price: object, user: User = BOB) -> Verdict:
        return at_once(auction.check(user, record(R.PATCH, item, version=2, path="price", data=f"{price}")))

    assert price(101) is None
    assert price(100) == {item: DENIED}
    assert price('"free"') == {item: DENIED}
    assert price(101, User("eve", server_data={"canBid": False})) == {item: DENIED}
    assert price(101, User("eve", server_data={"canBid": 1})) is None
    assert price(101, ANONYMOUS) == {item: ERROR}  # null has no canBid
    assert at_once(auction.check(BOB, record(R.DELETE, item))) is None
    assert at_once(auction.check(User("eve"), record(R.DELETE, item))) == {item: DENIED}
    assert at_once(auction.check(BOB, record(R.DELETE, "auction/item/bob/7/more"))) == {
        "auction/item/bob/7/more": DENIED
    }
    assert at_once(auction.check(BOB, record(R.CREATEANDUPDATE, "auction/item/bob/8", data="{}"))) == {
        "auction/item/bob/8": ERROR  # oldData is undefined
    }


def test_the_path_that_counts_is_one_that_has_the_rule_type() -> None:
    found = ruleset({"record": {"a/*": {"write": True}, "a/b": {"read": True}}})
    assert found.check(BOB, record(R.PATCH, "a/b")) is None
    assert found.check(BOB, record(R.READ, "a/b")) is None
    assert found.check(BOB, record(R.READ, "a/c")) == {"a/c": DENIED}


def test_a_rule_type_that_stands_nowhere_is_denied() -> None:
    document = rules()
    document["record"] = {"*": {"read": True}}
    found = RuleSet(document, records=Records())
    assert found.check(BOB, record(R.READ, "a")) is None
    assert found.check(BOB, record(R.DELETE, "a")) == {"a": DENIED}


@pytest.mark.parametrize("denied", [{0}, {2}, {4}, {0, 4}, {1, 2, 3}, {0, 1, 2, 3, 4}, set()])
@pytest.mark.parametrize(
    ("topic", "action", "section"),
    [
        (Topic.EVENT, E.SUBSCRIBE, "event"),
        (Topic.RPC, P.PROVIDE, "rpc"),
        (Topic.PRESENCE, U.SUBSCRIBE, "presence"),
        (Topic.PRESENCE, U.QUERY, "presence"),
        *(
            (Topic.RECORD, action, "record")
            for action in (R.SUBSCRIBE, R.SUBSCRIBEANDHEAD, R.SUBSCRIBEANDREAD)
        ),
        *((Topic.RECORD, action, "record") for action in (R.SUBSCRIBECREATEANDREAD, R.NOTIFY)),
    ],
)
def test_of_many_names_exactly_the_denied_ones_are_refused(
    topic: Topic, action: int, section: str, denied: set[int]
) -> None:
    names = [f"{'closed' if index in denied else 'open'}/{index}" for index in range(5)]
    expected = {name: DENIED for name in names if name.startswith("closed")} or None
    for rule in (True, "user.id === 'bob'"):
        found = ruleset({section: {"open/*": dict.fromkeys(RULE_TYPES[section], rule)}})
        assert at_once(found.check(BOB, Message(topic, action, names=names))) == expected


def test_of_many_names_each_has_its_own_reason() -> None:
    found = ruleset({"event": {"a": {"subscribe": True}, "b": {"subscribe": "user.no.thing"}}})
    names = ["b", "a", "c", "b"]
    assert found.check(BOB, Message(Topic.EVENT, E.SUBSCRIBE, names=names)) == {"b": ERROR, "c": DENIED}


def test_a_bulk_message_asks_for_its_names_and_a_single_one_for_its_name() -> None:
    found = ruleset({"event": {"a": {"subscribe": True, "publish": True}}})
    assert found.check(BOB, Message(Topic.EVENT, E.SUBSCRIBE, name="a")) is None
    assert found.check(BOB, Message(Topic.EVENT, E.SUBSCRIBE, name="a", names=["b"])) == {"b": DENIED}
    assert found.check(BOB, Message(Topic.EVENT, E.SUBSCRIBE, names=[])) is None
    assert found.check(BOB, Message(Topic.EVENT, E.EMIT, name="b", names=["a"])) == {"b": DENIED}
    assert found.check(BOB, Message(Topic.EVENT, E.EMIT)) == {"": DENIED}
    assert found.check(BOB, Message(Topic.EVENT, E.EMIT, names=["a"])) == {"": DENIED}


@pytest.mark.parametrize("action", [U.SUBSCRIBE_ALL, U.QUERY_ALL])
def test_all_users_together_have_no_name(action: int) -> None:
    found = ruleset({"presence": {"*": {"allow": "name === '' && user.id === 'bob'"}}})
    assert found.check(BOB, Message(Topic.PRESENCE, action)) is None
    assert found.check(User("eve"), Message(Topic.PRESENCE, action)) == {"": DENIED}


def test_the_name_of_a_listening_is_its_pattern() -> None:
    found = ruleset({"event": {"*": {"listen": "name === '^news/.*'"}}})
    assert found.check(BOB, Message(Topic.EVENT, E.LISTEN, name="^news/.*")) is None
    assert found.check(BOB, Message(Topic.EVENT, E.LISTEN, name=".*")) == {".*": DENIED}


@pytest.mark.parametrize(
    "expression",
    [
        "user.id === 'bob' && user.isAuthenticated === true && user.data.level === 3",
        "user['id'] === 'bob' && 'data' in user && typeof user === 'object'",
        f"now === {NOW} && now === now",
        "action === 2 && actionName === 'EMIT'",
        "name === 'news/7'",
        "$id === '7'",
        "data.a[1] === 'x'",
        "_('other').a === 1 && _('nobody') === null",
    ],
)
def test_a_rule_knows_its_surroundings(expression: str) -> None:
    found = ruleset({"event": {"news/$id": {"publish": expression}}}, records=Records({"other": {"a": 1}}))
    message = Message(Topic.EVENT, E.EMIT, name="news/7", data='{"a":[0,"x"]}')
    assert at_once(found.check(BOB, message)) is None


def test_an_open_login_is_not_authenticated() -> None:
    message = record(R.READ, "a")
    assert verdict_of("user.isAuthenticated", message, user=User("open", is_authenticated=False)) == {
        "a": DENIED
    }
    assert verdict_of("user.id === null && !user.isAuthenticated", message, user=ANONYMOUS) is None


def test_an_event_or_request_without_data_has_undefined_data() -> None:
    for topic, action in ((Topic.EVENT, E.EMIT), (Topic.RPC, P.REQUEST)):
        assert verdict_of("data === undefined", Message(topic, action, name="a")) is None
        assert verdict_of("data === null", Message(topic, action, name="a", data="null")) is None


@pytest.mark.parametrize("data", ["{", "", "undefined", "NaN", "[1,]", '{"a":\ud83d}'])
def test_data_that_is_no_json_is_an_error_where_the_rule_needs_it(data: str) -> None:
    message = Message(Topic.EVENT, E.EMIT, name="a", data=data)
    assert verdict_of("data.a === 1 || true", message) == {"a": ERROR}
    assert verdict_of("user.id === 'bob'", message) is None


def test_data_too_deep_for_a_rule_is_an_error() -> None:
    message = Message(Topic.EVENT, E.EMIT, name="a", data="[" * 1_000 + "]" * 1_000)
    assert verdict_of("data !== 1", message) is None
    assert verdict_of("data + '' !== 1", message) == {"a": ERROR}


OLD = {"price": 1, "tags": ["x", "y"], "deep": {"a": 1}}


@pytest.mark.parametrize(
    ("action", "fields", "expression"),
    [
        (R.UPDATE, {"data": '{"a":1}'}, "data.a === 1 && data.price === undefined && oldData.price === 1"),
        (
            R.PATCH,
            {"path": "price", "data": "2"},
            "data.price === 2 && oldData.price === 1 && data.deep.a === 1",
        ),
        (R.PATCH, {"path": "deep.b[1]", "data": '"z"'}, "data.deep.b[1] === 'z' && data.deep.b[0] === null"),
        (R.PATCH, {"path": "deep"}, "!('deep' in data) && oldData.deep.a === 1"),
        (R.CREATEANDPATCH, {"path": "price", "data": "2"}, "data.price === 2 && data.tags.length === 2"),
        (R.CREATEANDUPDATE, {"data": "[]"}, "data.length === 0 && oldData.price === 1"),
        (
            R.PATCH_MULTI,
            {"data": '[{"path":"price","data":2},{"path":"price","data":3},{"path":"deep"}]'},
            "data.price === 3 && !('deep' in data) && oldData.deep.a === 1 && oldData.price === 1",
        ),
        (R.ERASE, {"path": "deep"}, "oldData.deep.a === 1"),
        (R.DELETE, {}, "oldData.tags[1] === 'y'"),
        (R.READ, {}, "oldData.price === 1"),
        (R.SUBSCRIBECREATEANDREAD, {}, "oldData.price === 1"),
    ],
)
def test_data_is_what_the_record_would_be_and_old_data_what_it_is(
    action: int, fields: dict[str, Any], expression: str
) -> None:
    before = repr(OLD)
    assert verdict_of(expression, record(action, "a", **fields), records=Records({"a": OLD})) is None
    assert repr(OLD) == before


@pytest.mark.parametrize(
    ("action", "fields", "expression"),
    [
        (R.SUBSCRIBECREATEANDREAD, {}, "oldData !== undefined && !('a' in oldData)"),
        (R.SUBSCRIBEANDREAD, {}, "oldData === undefined"),
        (R.READ, {}, "oldData === undefined"),
        (R.DELETE, {}, "oldData === undefined"),
        (R.CREATEANDUPDATE, {"data": '{"a":1}'}, "oldData === undefined && data.a === 1"),
        (R.CREATEANDPATCH, {"path": "a.b", "data": "1"}, "oldData === undefined && data.a.b === 1"),
        (R.PATCH, {"path": "a", "data": "1"}, "oldData === undefined && data.a === 1"),
    ],
)
def test_a_missing_record_has_no_old_data_but_when_it_is_just_created(
    action: int, fields: dict[str, Any], expression: str
) -> None:
    assert verdict_of(expression, record(action, "a", **fields)) is None


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        (R.UPDATE, {}),
        (R.UPDATE, {"data": "{"}),
        (R.PATCH, {"path": "", "data": "1"}),
        (R.PATCH, {"data": "1"}),
        (R.PATCH, {"path": "__proto__.a", "data": "1"}),
        (R.PATCH, {"path": "a[999999999]", "data": "1"}),
        (R.PATCH_MULTI, {"data": "{}"}),
        (R.PATCH_MULTI, {"data": "[1]"}),
        (R.PATCH_MULTI, {"data": '[{"path":1}]'}),
        (R.PATCH_MULTI, {}),
    ],
)
def test_a_write_that_cannot_be_is_an_error_where_the_rule_needs_its_data(
    action: int, fields: dict[str, Any]
) -> None:
    message = record(action, "a", **fields)
    assert verdict_of("data !== 1", message, records=Records({"a": OLD})) == {"a": ERROR}
    assert verdict_of("user.id === 'bob'", message, records=Records({"a": OLD})) is None


@pytest.mark.parametrize("action", [R.SUBSCRIBECREATEANDREAD, R.CREATEANDUPDATE, R.CREATEANDPATCH])
def test_the_create_rule_counts_only_for_what_is_missing(action: int) -> None:
    for rule in ("oldData !== 1", "true"):
        allowed = {"read": rule, "write": rule, "create": False}
        found = ruleset({"record": {"*": allowed}}, records=Records({"there": {}}))
        assert at_once(found.check(BOB, record(action, "there", path="a", data="{}"))) is None
        assert at_once(found.check(BOB, record(action, "missing", path="a", data="{}"))) == {
            "missing": DENIED
        }


@pytest.mark.parametrize("action", [R.SUBSCRIBECREATEANDREAD, R.CREATEANDUPDATE, R.CREATEANDPATCH])
def test_what_may_be_created_must_also_be_allowed_to_be_used(action: int) -> None:
    for rule in ("oldData === 1", "false", "user.id === 'eve'"):
        found = ruleset({"record": {"*": {"create": True, "read": rule, "write": rule}}})
        assert at_once(found.check(BOB, record(action, "a", path="a", data="{}"))) == {"a": DENIED}


def test_a_verdict_does_not_stick_to_a_name_when_others_ask() -> None:
    found = ruleset({"record": {"*": {"read": "user.id === name"}}})
    for name in ("bob", "eve", "bob"):
        assert found.check(User(name), record(R.READ, "bob")) == (None if name == "bob" else {"bob": DENIED})


def test_now_is_in_milliseconds() -> None:
    before = milliseconds()
    found = RuleSet(rules({"event": {"*": {"publish": f"now >= {before}"}}}), records=Records())
    assert before > 1_600_000_000_000
    assert found.check(BOB, Message(Topic.EVENT, E.EMIT, name="a")) is None
