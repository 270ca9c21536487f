"""The few forms of Python code that a compiled rule consists of, as ``ast`` nodes."""

from __future__ import annotations

import ast
from types import CodeType, FunctionType
from typing import Any


def load(name: str) -> ast.expr:
    """The value of a local or global name."""
    return ast.Name(name, ast.Load())


def store(name: str, value: ast.expr) -> ast.expr:
    """Compute ``value``, keep it under ``name``, and give it."""
    return ast.NamedExpr(ast.Name(name, ast.Store()), value)


def assign(name: str, value: ast.expr) -> ast.stmt:
    """The statement that keeps ``value`` under ``name``."""
    return ast.Assign([ast.Name(name, ast.Store())], value)


def call(function: str, *arguments: ast.expr) -> ast.expr:
    """A call of the function that has the name ``function``."""
    return ast.Call(load(function), list(arguments), [])


def negated(value: ast.expr) -> ast.expr:
    """``not value``."""
    return ast.UnaryOp(ast.Not(), value)


def any_of(tests: list[ast.expr]) -> ast.expr:
    """The first of ``tests`` that is true, else the last."""
    return ast.BoolOp(ast.Or(), tests) if len(tests) > 1 else tests[0]


def is_nullish(stored: ast.expr, name: str) -> ast.expr:
    """Whether what ``stored`` keeps under ``name`` is null or undefined."""
    is_null = ast.Compare(stored, [ast.Is()], [ast.Constant(None)])
    return any_of([is_null, ast.Compare(load(name), [ast.Is()], [load("undefined")])])


def function(arguments: tuple[str, ...], body: list[ast.stmt], names: dict[str, Any]) -> FunctionType:
    """A function of ``body``; ``names`` are all the globals that it has."""
    signature = ast.arguments(
        posonlyargs=[], args=list(map(ast.arg, arguments)), kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    definition = ast.FunctionDef("rule", signature, body, decorator_list=[], returns=None)
    module = ast.fix_missing_locations(ast.Module([definition], type_ignores=[]))
    constants = compile(module, "<rule>", "exec").co_consts
    return FunctionType(next(code for code in constants if isinstance(code, CodeType)), names)
