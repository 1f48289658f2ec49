"""The drawing and the figures of docs/architecture.md, made from the source.

    python -m tests.house.architecture            says what is stale; exit code 1 when something is
    python -m tests.house.architecture --write    writes both anew, between their marks in the page

The drawing is exact: a new room, or a new arrow between two rooms, makes it stale, so that somebody
looks at it. The figures move with every commit: they are stale when they are far off (`TOLERANCE`),
or when a circle has come.

In the drawing a room stands above all that it takes from; a room is a folder, or a file that lies
in none.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from textwrap import wrap

from tests.house.imports import circles, knots, taken_from, upward
from tests.house.measures import Figures, measured, room_of
from tests.house.source import ROOT, WINGS, Module, modules

__all__ = ["circles", "drawing", "figures", "main", "stale", "upward"]

PAGE = ROOT / "docs" / "architecture.md"
BEFORE = ROOT / "tests" / "golden" / "house" / "before.json"
TOLERANCE = 0.15
"""of a figure: about 80 of 500 files"""
EXACT = ("circles of files", "imports upward")
SHOWN = ("the four wings", "tests/")
WIDTH = 96


def drawing() -> str:
    """The whole house: each folder that has rooms of its own, its rooms from the top down."""
    return "\n\n".join(_storeys(folder) for folder in _with_rooms())


def figures(now: Figures | None = None) -> str:
    """The table: each figure before and after, for the four wings and for the tests."""
    before = json.loads(BEFORE.read_text(encoding="utf-8"))
    now = now or measured(names=SHOWN)
    parts = [part for part in before["figures"] if part in SHOWN]
    head = [cell for part in parts for cell in (f"{part}, before", f"{part}, now")]
    rows = [
        [name, *(_number(at[part][name]) for part in parts for at in (before["figures"], now))]
        for name in before["figures"][parts[0]]
    ]
    lines = [["", *head], ["---", *("---:" for _ in head)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def stale(page: str) -> Iterator[str]:
    """What the page says, and the source no longer does."""
    if _between("drawing", page) != f"```text\n{drawing()}\n```":
        yield "the drawing of docs/architecture.md is not the house any more"
    yield from _far_off(_between("figures", page))


def main(arguments: Sequence[str]) -> int:
    """Say what is stale, or write it anew. The exit code."""
    page = PAGE.read_text(encoding="utf-8")
    if "--write" in arguments:
        page = _replaced("drawing", f"```text\n{drawing()}\n```", page)
        PAGE.write_text(_replaced("figures", figures(), page), encoding="utf-8")
        return 0
    found = list(stale(page))
    sys.stderr.writelines(f"{line}\n" for line in found)
    return int(bool(found))


def _with_rooms() -> list[str]:
    """The wings, and every folder below them that has folders with files of Python."""
    folders = {path.rpartition("/")[0] for path in (module.path for module in modules())}
    parents = {folder.rpartition("/")[0] for folder in folders} - {""}
    return sorted(
        {*WINGS, *parents}, key=lambda folder: (WINGS.index(folder.split("/")[0]), folder)
    )


def _storeys(folder: str) -> str:
    """One folder: a line for each room with what it is for, and what it takes from below."""
    taken = _arrows(folder)
    height: dict[str, int] = {}
    beside: dict[str, list[str]] = {}
    for knot in knots({room: sorted(taken[room]) for room in sorted(taken)}):
        below = [height[other] for room in knot for other in taken[room] if other not in knot]
        for room in knot:
            height[room] = max(below, default=-1) + 1
            beside[room] = sorted(set(knot) - {room})
    rooms = sorted(taken, key=lambda room: (-height[room], room))
    heading = f"{folder}/  {_purpose(folder)}"
    return "\n".join(
        [*wrap(heading, WIDTH), *(_line(room, taken[room], beside[room]) for room in rooms)]
    )


def _arrows(folder: str) -> dict[str, set[str]]:
    """room -> the rooms that it takes from. Files at the top of a folder below the wings are one
    room together."""
    inside = [
        module
        for module in modules()
        if module.within(folder) and module.path != f"{folder}/__init__.py"
    ]

    def room(path: str) -> str:
        found = room_of(path, folder)
        return f"{folder}/*.py" if "/" in folder and found == path else found

    taken: dict[str, set[str]] = {room(module.path): set() for module in inside}
    for path, targets in taken_from(inside).items():
        taken[room(path)] |= {room(target) for target in targets} - {room(path)}
    return taken


def _line(room: str, taken: set[str], beside: Sequence[str]) -> str:
    """`  room   what it is for`, and under it the arrows."""
    name = _short(room)
    said = wrap(
        f"{name:18} {_purpose(room)}", WIDTH, initial_indent="  ", subsequent_indent=" " * 21
    )
    below = sorted(taken - set(beside))
    arrows = [("->", below)] * bool(below) + [("<->", beside)] * bool(beside)
    return "\n".join(
        [
            *said,
            *(
                line
                for sign, others in arrows
                for line in wrap(
                    f"{sign} {', '.join(map(_short, others))}",
                    WIDTH, initial_indent=" " * 21, subsequent_indent=" " * 24,
                )
            ),
        ]
    )  # fmt: skip


def _short(room: str) -> str:
    last = room.split("/")[-1]
    return (
        last.removesuffix(".py")
        if last.endswith(".py") and last != "*.py"
        else last
        if "*" in last
        else f"{last}/"
    )


def _purpose(room: str) -> str:
    """The first sentence of its docstring."""
    if room.endswith("*.py"):
        return "the files at its top"
    docstrings = _docstrings()
    text = docstrings.get(room) or docstrings.get(f"{room}/__init__.py") or ""
    first = text.partition("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=[.;])\s", first, maxsplit=1)[0].rstrip(".:;")


@cache
def _docstrings() -> Mapping[str, str]:
    return {module.path: _docstring(module) for module in modules()}


def _docstring(module: Module) -> str:
    return ast.get_docstring(module.tree) or ""


def _far_off(table: str) -> Iterator[str]:
    """The figures of the page that are far from what is measured now."""
    now = measured(names=SHOWN)
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
    )
    for column, title in enumerate(head):
        part = title.removesuffix(", now")
        if part == title:
            continue
        for row in rows:
            said, seen = float(row[column].replace(" ", "")), now[part][row[0]]
            if said != seen and (
                row[0] in EXACT or abs(said - seen) > TOLERANCE * max(said, seen, 20)
            ):
                yield (
                    f"docs/architecture.md: {part}, {row[0]}: {_number(said)} is written,"
                    f" {_number(seen)} is measured"
                )


def _number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0").replace(",", " ")


def _between(name: str, page: str) -> str:
    return page.partition(f"<!-- {name}: begin -->\n")[2].partition(f"\n<!-- {name}: end -->")[0]


def _replaced(name: str, text: str, page: str) -> str:
    head, begin, rest = page.partition(f"<!-- {name}: begin -->\n")
    _, end, tail = rest.partition(f"\n<!-- {name}: end -->")
    if not (begin and end):
        raise ValueError(
            f"{PAGE} has no place for the {name}: '<!-- {name}: begin -->' and ': end -->'"
        )
    return head + begin + text + end + tail


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
