"""Every pattern of the house, and texts that would hold it up: what it repeats, repeated."""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.house.source import ROOT, modules

_parser = re._parser  # type: ignore[attr-defined]
_CALLS = {"compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "split"}
_AT_ONCE = {"match", "fullmatch"}
# What fits nowhere: a pattern that matches at once shows nothing of what it would try.
_BREAK = "\x01\n\x01"
# Work is compared with work of the same moment, so that a busy machine makes both slower: four
# times the text is four times the work where it is linear, sixteen times where it is quadratic.
_SHORTEST, _LONGEST = 512, 32_768
_WORTH_SECONDS = 0.003
_TIMES, _TOO_MUCH = 4, 9
# Beside three other workers on two cores, four were not enough: once in some thousand runs.
_AGAIN = 12
# 36 repetitions are read within 20 us, or in years.
_ENDLESS_SECONDS = 0.1


@dataclass(frozen=True)
class Written:
    """One pattern and where it stands."""

    where: str
    pattern: re.Pattern[Any]
    used: frozenset[str] = frozenset({"search", "fullmatch"})
    """by which methods"""


def patterns(folders: tuple[str, ...]) -> Iterator[Written]:
    """Those that a module keeps, and those that are written where they are used."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield from _inline(file)


def _inline(file: Path) -> Iterator[Written]:
    tree, kept = ast.parse(file.read_text(encoding="utf-8")), set[str]()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if ast.unparse(node.func.value) != "re" or node.func.attr not in _CALLS or not node.args:
            continue
        where = f"{file.relative_to(ROOT)}:{node.lineno}"
        if isinstance(node.args[0], ast.Constant) and node.func.attr != "compile":
            pattern = re.compile(_literal(node.args[0]), _flags(node))
            yield Written(where, pattern, frozenset({node.func.attr}))
            continue
        kept.add(where)
    if kept:
        try:
            module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        except ModuleNotFoundError as lacking:
            # A phone's process has a Python of its own where this one has no engine.
            if lacking.name == "pjsua2":
                return
            raise
        for name, value in vars(module).items():
            for one in _of(value):
                used = _uses().get(name, set())
                where = f"{file.relative_to(ROOT)}: {name}"
                yield Written(where, one, frozenset(used or {"search", "fullmatch"}))


def _of(value: Any) -> list[re.Pattern[Any]]:
    parts = value.values() if isinstance(value, dict) else value
    parts = list(parts) if isinstance(value, dict | tuple | list) else [value]
    return [part for part in parts if isinstance(part, re.Pattern)]


@cache
def _uses() -> dict[str, set[str]]:
    """Name -> what is called of it, anywhere in the house."""
    found: dict[str, set[str]] = {}
    for module in modules():
        for name, method in re.findall(r"\b(\w+)\.(\w+)\(", module.text):
            found.setdefault(name, set()).add(method)
    return found


def _literal(node: ast.Constant) -> Any:
    return node.value


def _flags(call: ast.Call) -> int:
    written = [*call.args[1:], *(word.value for word in call.keywords if word.arg == "flags")]
    flags = 0
    for part in written:
        for node in ast.walk(part):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                flags |= int(getattr(re, node.attr)) if node.value.id == "re" else 0
    return flags


def holds_up(written: Written) -> str | None:
    """A text, in short, on which the time of a search grows faster than its length; None for
    none.
    """
    pattern = written.pattern
    sample = _sample(_parser.parse(pattern.pattern, pattern.flags))[:40]
    for unit in _units(pattern):
        for times in (14, 20, 26, 32, 36):
            if _spent(written, unit * times) > _ENDLESS_SECONDS:
                return f"{times} times {unit[:40]!r}: without end"
        for head in ("", sample):
            if growth := _growth(written, head, unit):
                return f"{head[:20]!r} and then {unit[:40]!r} repeated: {growth}"
    return None


def _growth(written: Written, head: str, unit: str) -> str | None:
    """How the work grows faster than the text; None where it does not."""

    def spent(size: int) -> float:
        return _spent(written, head + unit * max(1, size // len(unit)))

    size = _SHORTEST
    while (long := spent(size)) < _WORTH_SECONDS:
        if (size := size * 2) > _LONGEST:
            return None
    short = spent(size // _TIMES)
    # What was in the way of one (another process, a cold cache) is not there each time.
    for _ in range(_AGAIN):
        if long < _TOO_MUCH * short:
            return None
        long, short = min(long, spent(size)), min(short, spent(size // _TIMES))
    return f"{size} letters take {long / short:.0f} times as long as {size // _TIMES}"


def _spent(written: Written, text: str) -> float:
    """CPU seconds of this thread: what other programs take does not count."""
    pattern = written.pattern
    text += _BREAK
    given = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
    began = time.thread_time()
    if written.used - _AT_ONCE:
        any(False for _ in pattern.finditer(given))
    if "match" in written.used:
        pattern.match(given)
    if "fullmatch" in written.used:
        pattern.fullmatch(given)
    return time.thread_time() - began


def _units(pattern: re.Pattern[Any]) -> list[str]:
    found: dict[str, None] = {}
    _walk(_parser.parse(pattern.pattern, pattern.flags), "", found)
    return [unit for unit in found if unit]


def _walk(sequence: Any, before: str, found: dict[str, None]) -> None:
    for op, value in sequence:
        name = str(op)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            body = _sample(value[2])
            if value[1] > 100:
                found.update(dict.fromkeys((body, before, before + body, body + before)))
            _walk(value[2], before, found)
        elif name == "BRANCH":
            for branch in value[1]:
                _walk(branch, before, found)
        elif name == "SUBPATTERN":
            _walk(value[3], before, found)
        elif name == "ATOMIC_GROUP":
            _walk(value, before, found)
        before = (before + _sample([(op, value)]))[-60:]


def _sample(sequence: Any) -> str:
    return "".join(_one(str(op), value) for op, value in sequence)


def _one(name: str, value: Any) -> str:
    match name:
        case "LITERAL":
            return chr(int(value))
        case "NOT_LITERAL":
            return "x" if value != ord("x") else "y"
        case "ANY":
            return "x"
        case "IN":
            return _of_class(value)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _sample(value[2]) * max(int(value[0]), 1)
        case "SUBPATTERN":
            return _sample(value[3])
        case "ATOMIC_GROUP":
            return _sample(value)
        case "BRANCH":
            return _sample(value[1][0])
        case _:
            return ""


_CATEGORIES = {"DIGIT": "7", "SPACE": " ", "WORD": "a", "NOT_DIGIT": "a", "NOT_SPACE": "a"}


def _of_class(parts: Any) -> str:
    matcher = [(str(op), value) for op, value in parts]
    for sign in "a7 -x\t\n.:;,=&<\"'/AZ\r%\\(":
        if _in(matcher, sign):
            return sign
    return "x"


def _in(matcher: list[tuple[str, Any]], sign: str) -> bool:
    negated = bool(matcher) and matcher[0][0] == "NEGATE"
    hit: bool = any(_hit(name, value, sign) for name, value in matcher)
    return hit != negated


def _hit(name: str, value: Any, sign: str) -> bool:
    if name == "LITERAL":
        return ord(sign) == int(value)
    if name == "RANGE":
        return bool(value[0] <= ord(sign) <= value[1])
    if name == "CATEGORY":
        word = str(value).removeprefix("CATEGORY_")
        kinds = {
            "DIGIT": sign.isdigit(), "SPACE": sign.isspace(),
            "WORD": sign.isalnum() or sign == "_",
        }  # fmt: skip
        return not kinds[word[4:]] if word.startswith("NOT_") else kinds.get(word, False)
    return False
