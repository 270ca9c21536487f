# ruff: noqa: E501 - names of tests are sentences
"""Every key of the configuration acts, which the test that the table names proves, or it says why not.

Where no test elsewhere goes from the key itself to what a client sees, one is below.
"""

from __future__ import annotations

import ast
import logging
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, EventAction, ParserAction, RecordAction, Topic
from records.models import Record
from tests.accounts.kit import Asked, WebService, attempt, is_accepted, is_refused, login, serving
from tests.deepstream_project.test_config_keys import SECTIONS
from tests.raw_client import RawClient, SocketClosed
from tests.servers import ROOT

HERE = "deepstream_project/test_config_acts.py"
CONFIGURED = "gateway/test_commands_configured.py"
PROBLEMS = "deepstream_project/test_config_problems.py"
NEEDLESS = f"{PROBLEMS}::test_a_key_that_nothing_depends_on_here_says_so_unless_it_is_the_default"
BACKENDS = "deepstream_project/test_backends.py"
HASHES = "accounts/test_passwords.py::test_a_hash_is_the_key_and_then_the_salt_whose_text_is_the_salt"
BINARY_CODEC_AND_JSON = {
    "urlPath": f"{HERE}::test_each_wire_is_at_its_configured_path",
    "heartbeatInterval": "gateway/test_session.py::test_a_socket_silent_for_two_heartbeats_is_closed_and_one_that_pings_is_not",
    "outgoingBufferTimeout": NEEDLESS,
    "maxBufferByteSize": NEEDLESS,
    "maxOutboxSize": "robustness/test_no_harm_sockets.py::test_clients_that_do_not_read_are_dropped_and_readers_get_every_event",
    "unauthenticatedClientTimeout": "robustness/test_no_harm_sockets.py::test_a_thousand_clients_that_never_log_in_are_told_and_closed_in_time",
    "maxAuthAttempts": f"{HERE}::test_each_wire_counts_its_refused_logins",
    "logInvalidAuthData": "accounts/test_file.py::test_refused_passwords_are_logged_only_where_that_is_asked_for",
    "maxMessageSize": f"{HERE}::test_each_wire_has_its_largest_message",
    "headers": f"{HERE}::test_strategies_see_the_headers_that_the_endpoint_names",
}
HISTORY = "records/test_history.py"
LISTENING = "pubsub/test_listening_providers.py"
REROUTING = "rpc/test_rerouting.py"
REQUESTS = "gateway/http/test_http_api_requests.py"

PROOFS: dict[str, dict[str, str]] = {
    "the top": {
        "serverName": f"{CONFIGURED}::test_structured_logs_name_the_server_the_connection_and_the_user",
        "showLogo": f"{CONFIGURED}::test_the_start_begins_with_a_logo_where_that_is_wanted",
        "logLevel": f"{HERE}::test_the_log_level_is_that_of_all_loggers",
        "exitOnFatalError": f"{CONFIGURED}::test_a_server_whose_redis_is_lost_ends_where_that_is_asked_for",
        "dependencyInitializationTimeout": f"{CONFIGURED}::test_the_start_waits_for_a_redis_that_comes_late",
    },
    "enabledFeatures": {
        **dict.fromkeys(
            ("record", "event", "rpc", "presence"),
            f"{HERE}::test_a_feature_that_is_off_is_unknown_and_the_others_work",
        ),
        "monitoring": NEEDLESS,
    },
    "httpServer": {
        "host": f"{CONFIGURED}::test_a_server_listens_where_the_file_says_with_tls_of_the_configured_key",
        "port": f"{CONFIGURED}::test_a_server_listens_where_the_file_says_with_tls_of_the_configured_key",
        "healthCheckPath": "gateway/test_application.py::test_the_health_check_has_the_path_of_the_configuration",
        "allowAllOrigins": f"{REQUESTS}::test_a_foreign_page_is_refused_where_origins_are_listed",
        "origins": f"{REQUESTS}::test_a_page_of_a_listed_origin_is_served",
        "headers": f"{HERE}::test_strategies_see_the_headers_that_the_http_server_names",
        "maxMessageSize": f"{REQUESTS}::test_the_limit_of_a_body_can_be_configured",
        "ssl": f"{CONFIGURED}::test_a_server_listens_where_the_file_says_with_tls_of_the_configured_key",
    },
    "ssl": dict.fromkeys(
        ("key", "cert", "ca", "passphrase"),
        f"{CONFIGURED}::test_a_server_listens_where_the_file_says_with_tls_of_the_configured_key",
    ),
    "ws-binary": BINARY_CODEC_AND_JSON,
    "ws-json": BINARY_CODEC_AND_JSON,
    "ws-text": BINARY_CODEC_AND_JSON
    | {
        "heartbeatInterval": "gateway/test_text_session.py::test_every_client_is_pinged_and_one_that_never_answers_is_closed",
        "unauthenticatedClientTimeout": "old_client/test_one_address.py::test_an_old_client_that_does_not_log_in_is_told_in_its_own_words",
        "legacyDetection": "old_client/test_one_address_off.py::test_a_silent_client_hears_nothing_until_its_time_is_over",
    },
    "http": {
        "allowAuthData": "gateway/http/test_http_api_login.py::test_login_data_with_commands_can_be_forbidden",
        "enableAuthEndpoint": f"{REQUESTS}::test_paths_that_are_not_configured_belong_to_django",
        "authPath": f"{HERE}::test_the_http_api_is_at_its_configured_paths",
        "postPath": f"{REQUESTS}::test_the_paths_can_be_configured",
        "getPath": f"{REQUESTS}::test_the_paths_can_be_configured",
        "logInvalidAuthData": "gateway/http/test_http_api_login.py::test_refused_login_data_is_logged_only_where_that_is_configured",
        "requestTimeout": "gateway/http/test_http_api_batches.py::test_a_request_takes_no_longer_however_many_commands_wait",
    },
    "mqtt": dict.fromkeys(
        ("host", "port", "idleTimeout"), f"{PROBLEMS}::test_mqtt_is_read_and_said_not_to_listen"
    ),
    "rpc": {
        "ackTimeout": f"{REROUTING}::test_the_timeouts_are_those_of_the_settings",
        "responseTimeout": f"{REROUTING}::test_the_timeouts_are_those_of_the_settings",
        "provideRequestorName": f"{REROUTING}::test_a_provider_learns_of_the_requestor_what_the_settings_say",
        "provideRequestorData": f"{REROUTING}::test_a_provider_learns_of_the_requestor_what_the_settings_say",
    },
    "record": {
        "storageExclusionPrefixes": f"{HERE}::test_what_is_excluded_from_storage_is_not_in_the_database",
        "storageHotPathPrefixes": f"{HERE}::test_a_hot_path_is_written_without_a_look_at_the_version",
        "cacheRetrievalTimeout": NEEDLESS,
        "storageRetrievalTimeout": "records/test_reads.py::test_a_store_that_takes_too_long_is_a_timeout",
        "cacheMaxBytes": "records/test_cache.py::test_what_was_used_longest_ago_is_dropped_when_it_gets_too_much",
    },
    "listen": {
        "shuffleProviders": "pubsub/test_listening.py::test_shuffled_providers_share_the_load",
        "responseTimeout": "pubsub/test_listening.py::test_silence_is_told_as_a_timeout_and_the_next_one_is_asked",
        "rematchInterval": f"{LISTENING}::test_a_name_that_all_rejected_is_tried_again_at_the_rematch_interval",
        "matchCooldown": f"{LISTENING}::test_a_name_is_not_tried_again_within_the_cooldown_of_a_failed_search",
    },
    "auth file": {
        **dict.fromkeys(("hash", "iterations", "keyLength"), HASHES),
        "users": "accounts/test_file.py::test_client_data_goes_to_the_client_and_server_data_to_the_rules",
        "path": f"{HERE}::test_users_and_rules_of_older_files_are_named_by_their_path",
    },
    "auth storage": {
        **dict.fromkeys(("hash", "iterations", "keyLength"), HASHES),
        "table": "accounts/test_stored_users.py::test_a_user_is_a_record",
        "tableSplitChar": "accounts/test_stored_users.py::test_a_user_is_a_record",
        "createUser": "accounts/test_stored_users.py::test_a_first_login_makes_the_user_where_that_is_on",
    },
    "auth http": {
        "endpointUrl": "accounts/test_webhook.py::test_it_is_asked_with_the_login_data_and_where_the_client_comes_from",
        "permittedStatusCodes": f"{HERE}::test_a_login_service_has_the_status_codes_that_the_file_says",
        "requestTimeout": "accounts/test_webhook.py::test_a_slow_service_is_asked_again_and_others_log_in_meanwhile",
        "promoteToHeader": "accounts/test_webhook.py::test_login_data_is_sent_as_headers_where_that_is_configured",
        "retryStatusCodes": f"{HERE}::test_a_login_service_has_the_status_codes_that_the_file_says",
        "retryAttempts": "accounts/test_webhook.py::test_it_is_asked_no_more_often_than_allowed",
        "retryInterval": "accounts/test_webhook.py::test_it_is_asked_again_after_a_retry_status",
    },
    "auth jwt": {
        "key": "accounts/test_jwt.py::test_claims_say_who_the_user_is",
        "jwksUrl": "accounts/test_jwt.py::test_keys_are_fetched_once_and_again_for_one_that_is_new",
        "algorithms": "accounts/test_jwt.py::test_what_is_no_good_token_is_refused_with_a_reason",
        "audience": "accounts/test_jwt.py::test_audience_and_issuer_must_be_right_where_they_are_configured",
        "issuer": "accounts/test_jwt.py::test_audience_and_issuer_must_be_right_where_they_are_configured",
        "claims": "accounts/test_jwt.py::test_claims_say_who_the_user_is",
    },
    "record history": {
        "enabled": f"{HISTORY}::test_without_the_setting_there_is_no_history",
        "days": f"{HISTORY}::test_entries_of_more_than_the_kept_days_go_but_for_what_the_others_need",
        "versions": f"{HISTORY}::test_a_surplus_of_entries_goes_and_what_stays_can_be_told",
        "exclude": f"{HISTORY}::test_names_that_are_excluded_have_no_history",
    },
    "jwt claims": dict.fromkeys(
        ("id", "serverData", "clientData"), "accounts/test_jwt.py::test_claims_say_who_the_user_is"
    ),
    "loginThrottle": {
        "attempts": "accounts/test_throttle.py::test_a_server_slows_down_one_client_and_serves_the_others",
        "interval": "accounts/test_throttle.py::test_wrong_logins_are_forgotten_after_the_interval",
        "delay": "accounts/test_throttle.py::test_a_server_slows_down_one_client_and_serves_the_others",
    },
    "permission": {
        "permissions": "gateway/rules/test_rules_reload.py::test_what_the_new_rules_refuse_is_taken_away_and_the_client_told",
        "path": f"{HERE}::test_users_and_rules_of_older_files_are_named_by_their_path",
        "maxRuleIterations": f"{HERE}::test_rules_are_asked_again_as_often_as_the_file_allows",
        "cacheEvacuationInterval": NEEDLESS,
    },
    "storage": {
        **dict.fromkeys(
            ("host", "port", "user", "database"), f"{CONFIGURED}::test_records_are_where_the_file_says"
        ),
        "username": f"{BACKENDS}::test_storage_says_where_the_database_is",
        "password": f"{BACKENDS}::test_storage_says_where_the_database_is",
        "url": f"{BACKENDS}::test_storage_may_be_a_url",
        "connectionString": f"{BACKENDS}::test_postgresql_itself_takes_the_bounds",
        "ssl": f"{BACKENDS}::test_tls_to_postgresql_proves_the_server_unless_told_not_to",
    },
    "storage ssl": dict.fromkeys(
        ("ca", "cert", "key", "rejectUnauthorized"),
        f"{BACKENDS}::test_tls_to_postgresql_proves_the_server_unless_told_not_to",
    ),
    "clusterNode": {
        "host": f"{CONFIGURED}::test_the_start_waits_for_a_redis_that_comes_late",
        "port": f"{CONFIGURED}::test_the_start_waits_for_a_redis_that_comes_late",
        "db": f"{CONFIGURED}::test_records_are_where_the_file_says",
        **dict.fromkeys(
            ("heartbeatInterval", "nodeTimeout"),
            "cluster/test_losses.py::test_a_node_that_dies_takes_its_users_providers_and_listeners_with_it",
        ),
        **dict.fromkeys(
            ("url", "username", "user", "password", "tls"),
            f"{BACKENDS}::test_redis_is_that_of_the_environment_then_that_of_the_file_then_none",
        ),
    },
    "monitoring log": dict.fromkeys(
        ("logInterval", "monitoringKey"),
        "gateway/test_monitoring.py::test_figures_come_in_the_log_at_intervals_under_their_key",
    ),
    "monitoring http": {
        **dict.fromkeys(
            ("url", "headerKey", "headerValue"),
            "gateway/test_monitoring.py::test_the_page_is_there_for_the_right_header_alone",
        ),
        "allowOpenPermissions": "gateway/test_monitoring.py::test_what_clients_do_is_counted_by_topic_and_action",
    },
    "logger": {
        "colors": "monitoring/test_logs.py::test_levels_are_coloured_on_a_terminal_where_that_is_wanted"
    },
}
KEYS = [
    (section, key)
    for section, (_, _, _, keys) in SECTIONS.items()
    for key in keys
    # The keys of sections have tables of their own.
    if (section, key) != ("record", "history") and (section != "the top" or key in PROOFS["the top"])
]


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("section", "key"), KEYS, ids=[f"{section}: {key}" for section, key in KEYS])
def test_every_key_has_a_test_that_shows_what_it_does_or_why_it_does_nothing(section: str, key: str) -> None:
    file, _, name = PROOFS[section][key].partition("::")
    assert name in names_in(file)


def test_every_key_at_the_top_is_a_section_or_has_its_test() -> None:
    sections = {name.split()[0] for name in SECTIONS} | {"connectionEndpoints", "cache"}
    again = {"dependencyInitialisationTimeout"}
    assert set(SECTIONS["the top"][3]) - set(PROOFS["the top"]) - sections - again == set()


# What is not shown elsewhere from the key on

WIRES = {"ws-binary": "binary", "ws-json": "json"}


def endpoints(**options: Any) -> list[dict[str, Any]]:
    return [{"type": kind, "options": options} for kind in WIRES]


async def emit(client: RawClient, data: str = "1") -> None:
    await client.send(Message(Topic.EVENT, EventAction.EMIT, name="news", data=data))


@pytest.mark.parametrize(("kind", "wire"), WIRES.items())
async def test_each_wire_is_at_its_configured_path(tmp_path: Path, kind: str, wire: str) -> None:
    made = [{"type": kind, "options": {"urlPath": "/here/it/is"}}]
    async with (
        serving(tmp_path, connectionEndpoints=made) as server,
        RawClient.connect(f"{server.url}/here/it/is", wire) as client,
    ):
        await client.login()


@pytest.mark.parametrize("wire", WIRES.values())
async def test_each_wire_counts_its_refused_logins(tmp_path: Path, wire: str) -> None:
    auth = {"type": "file", "options": {"users": {}}}
    wrong = {"username": "ann", "password": "x"}
    async with (
        serving(tmp_path, auth=auth, connectionEndpoints=endpoints(maxAuthAttempts=2)) as server,
        RawClient.connect(server.url, wire) as client,
    ):
        await client.challenge()
        for _ in range(2):
            assert is_refused(await attempt(client, wrong))
        assert (await client.receive()).action == AuthAction.TOO_MANY_AUTH_ATTEMPTS
        with pytest.raises(SocketClosed):
            await client.receive()


@pytest.mark.parametrize("wire", WIRES.values())
async def test_each_wire_has_its_largest_message(tmp_path: Path, wire: str) -> None:
    async with (
        serving(tmp_path, connectionEndpoints=endpoints(maxMessageSize=500)) as server,
        RawClient.connect(server.url, wire) as client,
    ):
        await client.login()
        await emit(client, f'"{"x" * 300}"')
        await client.quiet()
        await emit(client, f'"{"x" * 500}"')
        with pytest.raises(SocketClosed) as closed:
            await client.receive()
        assert closed.value.code == 1009


async def headers_seen(folder: Path, **sections: Any) -> dict[str, str]:
    """Which headers of a client's request the login service hears of."""

    def answer(asked: Asked) -> tuple[int, Any]:
        return 200, {}

    async with WebService(answer) as service:
        auth = {"type": "http", "options": {"endpointUrl": service.url}}
        async with serving(folder, auth=auth, **sections) as server:
            sent = {"X-Seen": "yes", "X-Hidden": "yes"}
            assert is_accepted(await login(server.url, {}, additional_headers=sent))
        found: dict[str, str] = service.asked[0].json()["connectionData"]["headers"]
        return found


async def test_strategies_see_the_headers_that_the_endpoint_names(tmp_path: Path) -> None:
    assert await headers_seen(tmp_path, connectionEndpoints=endpoints(headers=["X-Seen"])) == {
        "x-seen": "yes"
    }


async def test_strategies_see_the_headers_that_the_http_server_names(tmp_path: Path) -> None:
    """Those are for requests of the HTTP API; a WebSocket's are named by its endpoint."""
    async with WebService(lambda asked: (200, {})) as service:
        auth = {"type": "http", "options": {"endpointUrl": service.url}}
        http = {"options": {"headers": ["X-Seen"]}}
        made = [{"type": "http"}]
        async with (
            serving(tmp_path, auth=auth, httpServer=http, connectionEndpoints=made) as server,
            httpx.AsyncClient() as client,
        ):
            sent = {"X-Seen": "yes", "X-Hidden": "yes"}
            body = {"body": [{"topic": "event", "action": "emit", "eventName": "a"}]}
            answer = await client.post(f"http://{server.host}/api", json=body, headers=sent)
        assert answer.json()["result"] == "SUCCESS"
        assert service.asked[0].json()["connectionData"]["headers"] == {"x-seen": "yes"}


@pytest.mark.parametrize("level", ["DEBUG", "ERROR"])
async def test_the_log_level_is_that_of_all_loggers(tmp_path: Path, level: str) -> None:
    before = logging.getLogger().level
    try:
        async with serving(tmp_path, logLevel=level):
            assert logging.getLogger("deepstream.anything").getEffectiveLevel() == getattr(logging, level)
    finally:
        logging.getLogger().setLevel(before)


QUESTIONS = {
    "record": Message(Topic.RECORD, RecordAction.HEAD, names=["a"], name="a"),
    "event": Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["a"], correlation_id="1"),
    "rpc": Message(Topic.RPC, 2, name="a", correlation_id="1", data="1"),
    "presence": Message(Topic.PRESENCE, 2, correlation_id="1"),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("feature", QUESTIONS)
async def test_a_feature_that_is_off_is_unknown_and_the_others_work(tmp_path: Path, feature: str) -> None:
    async with (
        serving(tmp_path, enabledFeatures={feature: False}) as server,
        RawClient.connect(server.url) as client,
    ):
        await client.login()
        for name, question in QUESTIONS.items():
            await client.send(question)
            answer = await client.receive()
            is_unknown = (answer.topic, answer.action) == (Topic.PARSER, ParserAction.UNKNOWN_TOPIC)
            assert is_unknown is (name == feature)


async def test_the_http_api_is_at_its_configured_paths(tmp_path: Path) -> None:
    auth = {"type": "file", "options": {"hash": False, "users": {"ann": {"password": "tiger"}}}}
    made = [{"type": "http", "options": {"authPath": "/let/me/in"}}]
    async with (
        serving(tmp_path, auth=auth, connectionEndpoints=made) as server,
        httpx.AsyncClient() as client,
    ):
        data = {"username": "ann", "password": "lion"}
        answer = await client.post(f"http://{server.host}/let/me/in", json=data)
    assert answer.status_code == 401


def upsert(name: str, version: int, data: str) -> Message:
    message = Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=version, data=data)
    message.is_write_ack, message.correlation_id = True, "1"
    return message


@pytest.mark.django_db(transaction=True)
async def test_what_is_excluded_from_storage_is_not_in_the_database(tmp_path: Path) -> None:
    record = {"storageExclusionPrefixes": ["no-storage/"]}
    async with serving(tmp_path, record=record) as server, RawClient.connect(server.url) as client:
        await client.login()
        for name in ("no-storage/a", "b"):
            await client.send(upsert(name, -1, "{}"))
            assert (await client.receive()).is_error is None
        await client.send(Message(Topic.RECORD, RecordAction.READ, name="no-storage/a"))
        assert (await client.receive()).action == RecordAction.READ_RESPONSE
    assert [record.name async for record in Record.objects.all()] == ["b"]


@pytest.mark.django_db(transaction=True)
async def test_a_hot_path_is_written_without_a_look_at_the_version(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, record={"storageHotPathPrefixes": ["hot/"]}) as server,
        RawClient.connect(server.url) as client,
    ):
        await client.login()
        second = {}
        for name in ("hot/a", "cold/a"):
            for data in ('{"n":1}', '{"n":2}'):
                await client.send(upsert(name, 1, data))
                second[name] = (await client.receive()).action
    assert second == {
        "hot/a": RecordAction.WRITE_ACKNOWLEDGEMENT,
        "cold/a": RecordAction.VERSION_EXISTS,
    }


async def test_a_login_service_has_the_status_codes_that_the_file_says(tmp_path: Path) -> None:
    statuses = iter([503, 503, 418, 200])

    async with WebService(lambda asked: (next(statuses), {})) as service:
        options = {
            "endpointUrl": service.url,
            "permittedStatusCodes": [418],
            "retryStatusCodes": [503],
            "retryInterval": 1,
        }
        async with serving(tmp_path, auth={"type": "http", "options": options}) as server:
            assert is_accepted(await login(server.url, {}))
            assert len(service.asked) == 3
            assert is_refused(await login(server.url, {}), {})


async def test_users_and_rules_of_older_files_are_named_by_their_path(tmp_path: Path) -> None:
    files = {
        "users.yml": "ann: {password: tiger}",
        "rules.yml": (
            "record: {'*': {read: true}}\nevent: {'*': {publish: false}}\n"
            "rpc: {'*': {request: true}}\npresence: {'*': {allow: true}}"
        ),
    }
    sections = {
        "auth": {"type": "file", "options": {"hash": False, "path": "./users.yml"}},
        "permission": {"type": "config", "options": {"path": "./rules.yml"}},
    }
    async with serving(tmp_path, files=files, **sections) as server, RawClient.connect(server.url) as client:
        await client.login({"username": "ann", "password": "tiger"})
        await emit(client)
        assert (await client.receive()).action == EventAction.MESSAGE_DENIED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("iterations", "allowed"), [(1, False), (2, True)])
async def test_rules_are_asked_again_as_often_as_the_file_allows(
    tmp_path: Path, iterations: int, allowed: bool
) -> None:
    await Record.objects.acreate(name="a", version=1, data={"next": "b"})
    await Record.objects.acreate(name="b", version=1, data={"open": True})
    rules = {
        "record": {"*": {"read": True}},
        "event": {"*": {"publish": "_(_('a').next).open"}},
        "rpc": {"*": {"request": True}},
        "presence": {"*": {"allow": True}},
    }
    options = {"permissions": rules, "maxRuleIterations": iterations}
    async with (
        serving(tmp_path, permission={"type": "config", "options": options}) as server,
        RawClient.connect(server.url) as client,
    ):
        await client.login()
        await emit(client)
        if allowed:
            await client.quiet()
        else:
            assert (await client.receive()).action == EventAction.MESSAGE_PERMISSION_ERROR
