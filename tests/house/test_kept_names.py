"""What checks remember and what a person accepted is found again by later releases: the names of
it, as they stand in the source. Their values are each check's own plain JSON (docs/kept-bodies.md).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator

import pytest

from tests.house.source import ROOT, modules, none

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")

GOLDEN = ROOT / "tests" / "golden" / "bodies"
# A name that a migration of CONDITION (monitor/ledger/bodies.py) takes to another, or that is
# rightly forgotten: why.
MOVED: dict[str, str] = {}
_WRITTEN, _READ = ("remember", "propose", "compare"), ("recalled", "accepted")


def names() -> dict[str, set[str]]:
    """Every name that is written, and every one that is read, in plain sight."""
    nodes = [node for module in modules("checks") for node, _ in module.nodes]
    return {"written": set(_written(nodes)), "read": set(_read(nodes))}


def _written(nodes: list[ast.AST]) -> Iterator[str]:
    """remember("lines", ...), propose("ports", ...), and a baseline's compare("files", ...), which
    proposes it.
    """
    for node in nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _WRITTEN
        ):
            yield from _text(node.args[0] if node.args else None)


def _read(nodes: list[ast.AST]) -> Iterator[str]:
    """recalled.get("lines"), recalled["lines"], "lines" in recalled; so of accepted."""
    for node in nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
        ):
            yield from _text(node.args[0] if _is_kept(node.func.value) else None)
        elif isinstance(node, ast.Subscript):
            yield from _text(node.slice if _is_kept(node.value) else None)
        elif isinstance(node, ast.Compare):
            yield from _text(node.left if _is_kept(node.comparators[0]) else None)


def _is_kept(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).rpartition(".")[2] in _READ
    )


def _text(node: ast.AST | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


@pytest.mark.parametrize("side", ["written", "read"])
def test_no_name_of_a_release_is_lost(side: str) -> None:
    """One that nobody reads or writes any more was renamed: then what was remembered under it would
    be forgotten.
    """
    found = names()[side]
    assert len(found) >= 20
    for file in sorted(GOLDEN.glob("*/names.json")):
        kept = json.loads(file.read_text(encoding="utf-8"))[side]
        none(
            f"{name!r} of {file.parent.name} is {side} no more"
            for name in kept
            if name not in found | MOVED.keys()
        )


def test_every_name_of_today_is_pinned() -> None:
    """A new one goes into the newest names.json that is not released yet; at the latest then it has
    a name for good.
    """
    pinned = {"written": set[str](), "read": set[str]()}
    for file in GOLDEN.glob("*/names.json"):
        for side, kept in json.loads(file.read_text(encoding="utf-8")).items():
            pinned[side] |= set(kept)
    none(
        f"{name!r} is {side} and not pinned"
        for side, found in names().items()
        for name in found - pinned[side]
    )
