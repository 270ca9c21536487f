"""Expressions mean what they mean in JavaScript, which Node is asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.permissions.expressions import NODE_KNOWS_MORE, generated, picked
from tests.permissions.valve_kit import evaluated

Evaluate = Callable[[str], list[Any]]

pytestmark = pytest.mark.node


@pytest.mark.parametrize("expression", [each for each in picked() if each not in NODE_KNOWS_MORE])
def test_an_expression_means_what_it_means_in_javascript(expression: str, javascript: Evaluate) -> None:
    assert evaluated(expression) == javascript(expression)


@pytest.mark.parametrize("expression", NODE_KNOWS_MORE)
def test_what_javascript_can_do_and_a_rule_cannot_is_refused_when_it_is_loaded(
    expression: str, javascript: Evaluate
) -> None:
    assert evaluated(expression) == ["refused"]
    assert javascript(expression) != ["refused"]


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expression=generated)
def test_any_expression_means_what_it_means_in_javascript(expression: str, javascript: Evaluate) -> None:
    assert evaluated(expression) == javascript(expression)


@settings(max_examples=500, deadline=None)
@given(expression=generated)
def test_a_traced_expression_has_the_same_value(expression: str) -> None:
    assert evaluated(expression, traced=True) == evaluated(expression)
