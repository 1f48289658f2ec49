"""Nobody asks for a kind of check or desk by its name: what has to be known of one stands in its
own class.

A comparison with such a name, or a table of two of them, is a place that a new kind would have to
be written into.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from checks.kinds import kinds
from monitor.desks.list import desk_kinds
from tests.house.source import Module, modules, none

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")

OWN = {"checks/kinds.py", "monitor/desks/list.py"}
"""the lists themselves"""
# Where such a word means something else, or must stand, and why.
EXCEPTIONS = {
    "checks/kind.py": "the duties of the checklist, some of which have the name of a kind",
    "checks/webrtc/settings.py": "dns and websocket are stages of a call",
    "checks/webrtc/browser/settings.py": "dns and websocket are stages of a call",
    "monitor/config/section_models.py": "names of checks, as a reader might write them",
    "monitor/config/reference/schema_words.py": "the plural of a mail address",
    "monitor/incidents/answers.py": "the ways by which people answer, some named as desks are",
    "monitor/ledger/bodies.py": "a report or a ticket in a letter",
    "monitor/ledger/report_migrations.py": "parts of 0.1.0 by kind alone",
    "monitor/desks/internet_message.py": "a letter's body has a report in it, or a ticket",
    "reports/checklist.py": "the duties of the checklist, in their order",
}


def names() -> set[str]:
    return {*kinds(), *desk_kinds()}


def home(module: Module) -> set[str]:
    """The kinds whose own file this is."""
    return {
        ast.literal_eval(step.value)
        for node, _ in module.nodes
        if isinstance(node, ast.ClassDef)
        for step in node.body
        if isinstance(step, ast.AnnAssign)
        and ast.unparse(step.target) == "KIND"
        and step.value is not None
    }


def asked(module: Module, known: set[str]) -> Iterator[str]:
    """Each place where a name decides something: compared with, matched, or in a table beside
    another."""
    constants = {
        ast.unparse(target): node.value
        for node in module.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    for node, _ in module.nodes:
        found: set[str] = set()
        if isinstance(node, ast.Compare):
            sides = [
                constants.get(ast.unparse(side), side) for side in (node.left, *node.comparators)
            ]
            found = {word for side in sides for word in words(side)} & known
        elif isinstance(node, ast.MatchValue):
            found = set(words(node.value)) & known
        elif isinstance(node, ast.Dict | ast.Tuple | ast.List | ast.Set):
            parts = node.keys if isinstance(node, ast.Dict) else node.elts
            found = {word for part in parts if part is not None for word in words(part)} & known
            found = found if len(found) > 1 else set()
        if found:
            yield f"{module.path}:{getattr(node, 'lineno', 0)} {', '.join(sorted(found))}"


def words(node: ast.AST) -> Iterator[str]:
    """The texts of a constant, or of a collection of constants."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"frozenset", "set", "tuple"}:
        for part in node.args:
            yield from words(part)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for part in node.elts:
            yield from words(part)
    elif isinstance(node, ast.Dict):
        for key in node.keys:
            yield from words(key) if key is not None else ()


@cache
def strays() -> tuple[str, ...]:
    known = names()
    return tuple(
        place
        for module in modules()
        if module.path not in OWN
        for place in asked(module, known - home(module))
    )


def test_nobody_asks_for_a_kind_by_its_name() -> None:
    none(place for place in strays() if place.partition(":")[0] not in EXCEPTIONS)


def test_an_exception_goes_when_its_place_does() -> None:
    assert {place.partition(":")[0] for place in strays()} == set(EXCEPTIONS)


@pytest.mark.parametrize(
    "text",
    [
        'if probe.KIND == "portal": pass',
        'if probe.KIND != "portal": pass',
        'if "portal" == probe.KIND: pass',
        'if probe.KIND in ("portal", "other"): pass',
        'WORD = "portal"\nif probe.KIND != WORD: pass',
        'WORDS = frozenset({"portal"})\nif probe.KIND in WORDS: pass',
        'match probe.KIND:\n    case "portal": pass',
        'DUTIES = {"portal": 1, "chat": 2}',
        'ORDER = ["portal", "chat"]',
    ],
)
def test_each_way_to_ask_is_seen(text: str) -> None:
    module = Module("monitor/x.py", text, ast.parse(text))
    assert list(asked(module, names()))


def test_a_kind_may_speak_of_itself() -> None:
    text = 'class Portal:\n    KIND: ClassVar[str] = "portal"\n\nif kind == "portal": pass'
    module = Module("checks/x.py", text, ast.parse(text))
    assert list(asked(module, names() - home(module))) == []
