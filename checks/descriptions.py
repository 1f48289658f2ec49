"""What is written below a field of settings, in quotes: its words in the reference, in schemas and
in messages.

Rule: the source is read when somebody asks, and never when a model is made. To read it for all
models at once takes longer than everything else that `reveille status` does.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType

from pydantic import BaseModel


@cache
def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """The words of each field, as one paragraph however its lines were broken, by the key that
    people write; "" where a field has none.
    """
    return {
        field.alias or name: " ".join((field.description or _below(model, name)).split())
        for name, field in model.model_fields.items()
    }


def _below(model: type[BaseModel], name: str) -> str:
    """Of the class that declares the field last: what a base says of it held for another one."""
    declared = (_declared(base).get(name) for base in model.__mro__ if issubclass(base, BaseModel))
    return next((words for words in declared if words is not None), "")


@cache
def _declared(model: type[BaseModel]) -> Mapping[str, str]:
    """The fields that the very class declares, with what stands below each."""
    module = sys.modules.get(model.__module__)
    made = _classes(module).get(model.__qualname__) if module is not None else None
    return dict(_fields(made.body)) if made is not None else {}


@cache
def _classes(module: ModuleType) -> Mapping[str, ast.ClassDef]:
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError):
        # A program that was packed without its sources has no words for its reference.
        return {}
    return dict(_within(tree, ""))


def _within(node: ast.AST, around: str) -> Iterator[tuple[str, ast.ClassDef]]:
    """Every class by its `__qualname__`."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.ClassDef):
            yield around + inner.name, inner
            yield from _within(inner, f"{around}{inner.name}.")
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _within(inner, f"{around}{inner.name}.<locals>.")
        else:
            yield from _within(inner, around)


def _fields(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, _text(after)


def _text(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        found = statement.value.value
        return found if isinstance(found, str) else ""
    return ""
