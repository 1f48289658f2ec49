"""What far ends, servers, files and people of the field really did, each with the verdict that is
right.

A story is a row of a table: its name, what the far end does, where that was reported, and what the
check must say. Each is played by a far end of the test's own and looked at by the same road as
`once` goes: a configuration, one look of the rounds on a scratch ledger, a verdict. What the house
says wrongly today is named in `wrong` and expected to fail, so that mending it shows at once: take
the words out of the row then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Observation
from monitor.clock import SystemClock
from monitor.config import Configuration, load
from monitor.incidents.correlation import AttemptResult
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import Runner

SITE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\nregion = "india"\n'
NAME = "main"
"""what the one check of a configuration, and its line, are called"""


@dataclass(frozen=True, slots=True)
class Right:
    """What must come out. `stage` and `code` of the fault; an empty one is not looked at."""

    state: str = "OK"
    stage: str = ""
    code: str = ""


OK = Right()


def failed(stage: str, code: str) -> Right:
    """The far end's fault."""
    return Right("FAILED", stage, code)


@dataclass(frozen=True, slots=True)
class Story:
    """One row: `far` is what the far end does, in the words of its own module."""

    name: str
    far: Any
    source: str
    right: Right = OK
    wrong: str = ""
    """the kind of mistake that the house makes of it today, in one line; empty where it is right"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    sometimes: bool = False
    """whether the outcome hangs on what comes first, so that it may be right today as well"""
    slow: bool = False


def told(stories: Iterable[Story]) -> list[Any]:
    """The rows as parameters of a test, the wrong ones marked."""
    return [pytest.param(story, id=story.name, marks=_marks(story)) for story in stories]


def _marks(story: Story) -> list[pytest.MarkDecorator]:
    wrong = (
        [pytest.mark.xfail(strict=not story.sometimes, raises=AssertionError, reason=story.wrong)]
        if story.wrong
        else []
    )
    return [*wrong, *([pytest.mark.slow] if story.slow else [])]


def configured(folder: Path, checks: str) -> Configuration:
    """A site with these checks and lines, as `load` reads it."""
    file = folder / "reveille.toml"
    file.write_text(
        f"state = {json.dumps(str(folder / 'state'))}\n{SITE}{checks}", encoding="utf-8"
    )
    return load(file)


async def once(
    folder: Path, kind: str, line: Mapping[str, Any] | None = None, /, **settings: Any
) -> AttemptResult:
    """One look by a check of this kind, with nothing to confirm and nothing sent."""
    tables = table(f"lines.{NAME}", line) if line is not None else ""
    configuration = configured(folder, tables + table(f"checks.{NAME}", {"kind": kind, **settings}))
    clock = SystemClock()
    with Ledger(":memory:") as ledger:
        rounds = Rounds(ledger, configuration, clock, Runner(clock, folder / "exhibits"))
        seen = await rounds.look(Due(replace(configuration.checks[NAME], confirm=1), "once"))
    assert seen is not None
    return seen


def said(seen: AttemptResult, right: Right) -> Right:
    """What came out, as far as the row asks for it."""
    fault = seen.verdict.fault
    return Right(
        str(seen.verdict.state),
        fault.stage if fault and right.stage else "",
        fault.code if fault and right.code else "",
    )


def comes_out(seen: AttemptResult, story: Story) -> None:
    """The verdict is the one that is right; else what was seen is told."""
    assert said(seen, story.right) == story.right, f"{story.source}: {in_short(seen)}"


def in_short(seen: AttemptResult) -> str:
    """State, fault, reasons and notes, for the one who reads a failed test."""
    observation: Observation = seen.observation
    return (
        f"{seen.verdict.state} {seen.verdict.fault} {seen.verdict.reasons} {observation.blind}"
        f" {observation.notes}"
    )


def table(name: str, values: Mapping[str, Any]) -> str:
    """A table of TOML."""
    return "\n".join(
        [f"[{name}]", *(f"{key} = {written(value)}" for key, value in values.items()), ""]
    )


def written(value: Any) -> str:
    """A value of TOML: texts, numbers and truths as JSON writes them, dates bare, tables inline."""
    if isinstance(value, Mapping):
        return (
            "{ "
            + ", ".join(f"{json.dumps(str(key))} = {written(item)}" for key, item in value.items())
            + " }"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value if not isinstance(value, Path) else str(value), ensure_ascii=False)
