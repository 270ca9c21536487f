"""The OpenAPI description is what the server does: schemathesis makes requests and judges the answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.rest.conftest import rest_server
from tests.rest.kit import token_of
from tests.servers import Server

DESCRIPTION = SchemaGenerator().get_schema(request=None, public=True)
OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(DESCRIPTION).get_all_operations()]
NOT_ASKED = [positive_data_acceptance]
"""A request may be as described and still be refused: a version conflicts, a cursor is made up."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of their own: what is written here, rules above all, would be in the way of other tests."""
    with rest_server(tmp_path_factory.mktemp("described")) as server:
        yield server


def is_strict(operation: Any) -> bool:
    """Whether a request can be another than described: not where any name and any body will do."""
    described = DESCRIPTION["paths"][operation.path][operation.method]
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return "$ref" in body or any(one["in"] == "query" for one in described.get("parameters", ()))


def judge(operation: Any, server: Server, mode: GenerationMode, *, examples: int) -> None:
    """Make requests for ``operation``; raises for the first answer that is not as described."""

    revokes = operation.label == "DELETE /rest/v1/token/"
    user = "ada" if revokes else "root"

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def one(case: Any) -> None:
        headers = {"Authorization": f"Token {token_of(user)}"}
        response = case.call(base_url=server.http_url, headers=headers, timeout=20)
        case.validate_response(response, excluded_checks=NOT_ASKED)
        assert response.status_code != 401 or revokes, "the token does not count any more"

    one()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_what_is_asked_as_described_is_answered_as_described(operation: Any, server: Server) -> None:
    judge(operation, server, GenerationMode.POSITIVE, examples=15)


@pytest.mark.parametrize(
    "operation", list(filter(is_strict, OPERATIONS)), ids=lambda operation: operation.label
)
def test_what_is_asked_otherwise_is_refused_as_described(operation: Any, server: Server) -> None:
    judge(operation, server, GenerationMode.NEGATIVE, examples=8)
