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
from typing import Any, cast

from tests.house.source import ROOT, modules

_parser = re._parser  # type: ignore[attr-defined]
_CALLS = {"compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "split"}
_AT_ONCE = {"match", "fullmatch"}
# What fits nowhere: a pattern that matches at once shows nothing of what it would try.
_BREAK = "\x01\n\x01"
_SHORT, _LONG = 500, 4_000


@dataclass(frozen=True)
class Written:
    """One pattern and where it stands."""

    where: str
    pattern: re.Pattern[Any]
    seeks: bool
    """whether it is looked for anywhere in a text, and not at its beginning alone"""


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
            pattern = re.compile(cast(str, node.args[0].value), _flags(node))
            yield Written(where, pattern, node.func.attr not in _AT_ONCE)
            continue
        kept.add(where)
    if kept:
        module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for name, value in vars(module).items():
            for one in _of(value):
                used = set(re.findall(rf"\b{name}\.(\w+)\(", _house()))
                seeks = not used or bool(used - _AT_ONCE)
                yield Written(f"{file.relative_to(ROOT)}: {name}", one, seeks)


def _of(value: Any) -> list[re.Pattern[Any]]:
    parts = value.values() if isinstance(value, dict) else value
    parts = list(parts) if isinstance(value, dict | tuple | list) else [value]
    return [part for part in parts if isinstance(part, re.Pattern)]


@cache
def _house() -> str:
    return "\n".join(module.text for module in modules())


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
    for unit in _units(pattern):
        for head in ("", _sample(_parser.parse(pattern.pattern, pattern.flags))[:40]):
            for times in (14, 20, 26, 32, 36) if not head else ():
                if _spent(written, head + unit * times) > 0.1:
                    return f"{head[:20]!r} and {times} times {unit[:40]!r}: without end"
            short, long = (
                _spent(written, head + unit * max(1, size // len(unit))) for size in (_SHORT, _LONG)
            )
            # Linear work is 8 times as much, quadratic 64 times.
            if long > 0.01 and long > 24 * short:
                return f"{head[:20]!r} and then {unit[:40]!r} repeated: {short:.4f} s, {long:.3f} s"
    return None


def _spent(written: Written, text: str) -> float:
    pattern = written.pattern
    text += _BREAK
    given = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
    least = 9.9
    for _ in range(2):
        began = time.process_time()
        if written.seeks:
            any(False for _ in pattern.finditer(given))
        pattern.match(given)
        pattern.fullmatch(given)
        least = min(least, time.process_time() - began)
        if least < 0.01:
            break
    return least


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
            return chr(value)
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
