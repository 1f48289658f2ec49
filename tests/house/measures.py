"""The house in figures: how long its files and functions are, how much is said about them, who
hangs on whom.

    python -m tests.house.measures [FOLDER]        as JSON; FOLDER is another checkout, as of an
    older commit

Counted is what git knows: Python files only. A function's lines go from its `def` to its end,
decorators left out.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import permutations
from pathlib import Path
from statistics import median, quantiles

from tests.house.imports import circles, knots, taken_from
from tests.house.source import ROOT, WINGS, Module, modules

LONG_FUNCTION, LONG_LINE = 30, 100
MOST_TRIED = 7
"""rooms of a circle up to which every order is tried; 7! = 5 040"""

Figures = dict[str, dict[str, float]]


PARTS = {"the four wings": WINGS, **{f"{wing}/": (wing,) for wing in WINGS}, "tests/": ("tests",)}


@cache
def measured(root: Path = ROOT, names: tuple[str, ...] = tuple(PARTS)) -> Figures:
    """name of a part of the house -> name of a figure -> its value; lengths in lines, shares in
    percent."""
    every = modules(*WINGS, "tests") if root == ROOT else modules_in(root)
    parts = {name: [module for module in every if module.within(*PARTS[name])] for name in names}
    return {name: _figures(part) for name, part in parts.items() if part}


def modules_in(root: Path) -> list[Module]:
    """Every Python file that git knows below `root`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.py"],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = sorted(path for path in listed.stdout.split("\0") if path and (root / path).is_file())
    texts = {path: (root / path).read_text(encoding="utf-8") for path in paths}
    return [Module(path, text, ast.parse(text, path)) for path, text in texts.items()]


def room_of(path: str, within: str) -> str:
    """The room of a folder that a file lies in: the sub-folder, or the file itself."""
    return f"{within}/{path.removeprefix(f'{within}/').split('/')[0]}"


def rooms_upward(part: Sequence[Module]) -> int:
    """Imports between the rooms of a wing that no order of the rooms can make go down: 0 where
    there is one."""
    return sum(
        _against(part, wing) for wing in sorted({module.path.split("/")[0] for module in part})
    )


def _against(part: Sequence[Module], wing: str) -> int:
    counts: dict[str, dict[str, int]] = {}
    for path, taken in taken_from([module for module in part if module.within(wing)]).items():
        row = counts.setdefault(room_of(path, wing), {})
        for target in taken:
            if (room := room_of(target, wing)) != room_of(path, wing):
                row[room] = row.get(room, 0) + 1
    return sum(_least_upward(knot, counts) for knot in knots(counts) if len(knot) > 1)


def _least_upward(knot: Sequence[str], counts: dict[str, dict[str, int]]) -> int:
    """Imports that go up in the best order of a circle of rooms; of a large one, in the order by
    what each gives."""

    def cost(order: Sequence[str]) -> int:
        return sum(
            counts[low].get(high, 0) for at, low in enumerate(order) for high in order[at + 1 :]
        )

    if len(knot) <= MOST_TRIED:
        return min(cost(order) for order in permutations(knot))
    given = {
        room: sum(counts[other].get(room, 0) - counts[room].get(other, 0) for other in knot)
        for room in knot
    }
    return cost(sorted(knot, key=lambda room: -given[room]))


def _figures(part: Sequence[Module]) -> dict[str, float]:
    lines = [module.text.splitlines() for module in part]
    files = [len(written) for written in lines]
    functions = [_length(node) for module in part for node in _functions(module)]
    total = sum(files)
    return {
        "files": len(files),
        "lines": total,
        **_spread("lines of a file", files),
        **_spread("lines of a function", functions),
        f"functions over {LONG_FUNCTION} lines": sum(
            length > LONG_FUNCTION for length in functions
        ),
        f"lines over {LONG_LINE} columns": sum(
            len(line) > LONG_LINE for written in lines for line in written
        ),
        "lines of comment, %": _share(
            sum(bool(re.match(r"\s*#", line)) for written in lines for line in written), total
        ),
        **_documented(part),
        "circles of files": len(circles(part)),
        "imports upward": rooms_upward(part),
    }


def _spread(name: str, lengths: Sequence[int]) -> dict[str, float]:
    ninth = (
        quantiles(lengths, n=10, method="inclusive")[-1]
        if len(lengths) > 1
        else max(lengths, default=0)
    )
    return {
        f"{name}, median": round(median(lengths)) if lengths else 0,
        f"{name}, 90th percentile": round(ninth),
        f"{name}, longest": max(lengths, default=0),
    }


def _documented(part: Sequence[Module]) -> dict[str, float]:
    """How many public things say what they are."""
    nodes = [node for module in part for node, _ in module.nodes]
    classes = [
        node for node in nodes if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    functions = [
        node for module in part for node in _functions(module) if not node.name.startswith("_")
    ]
    return {
        "modules with a docstring, %": _said(module.tree for module in part),
        "public classes with a docstring, %": _said(classes),
        "public functions with a docstring, %": _said(functions),
    }


def _said(
    things: Iterable[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef],
) -> float:
    said = [bool(ast.get_docstring(thing)) for thing in things]
    return _share(sum(said), len(said))


def _share(some: int, of: int) -> float:
    return round(100 * some / of, 1) if of else 0.0


def _functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (n for n, _ in module.nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


if __name__ == "__main__":
    root = Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT
    sys.stdout.write(json.dumps(measured(root), indent=1) + "\n")
