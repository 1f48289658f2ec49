"""docs/architecture.md shows the house as it is. What is stale is written anew by one command:

python -m tests.house.architecture --write
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

import pytest

from tests.house.architecture import PAGE, drawing, stale
from tests.house.imports import circles, knots, upward
from tests.house.measures import rooms_upward
from tests.house.source import WINGS, Module, modules, none

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")


def house(**files: str) -> list[Module]:
    """A small house: `a__b="import c.d"` is the module a.b."""
    texts = {f"{name.replace('__', '/')}.py": text for name, text in files.items()}
    return [Module(path, text, ast.parse(text)) for path, text in texts.items()]


def test_the_page_shows_the_house_as_it_is() -> None:
    none(stale(PAGE.read_text(encoding="utf-8")))


def test_every_room_is_in_the_drawing() -> None:
    drawn = drawing()
    rooms = {module.path.rsplit("/", 1)[0] for module in modules()} - set(WINGS)
    none(room for room in rooms if f"  {room.rsplit('/', 1)[1]}/" not in drawn)


def test_a_new_room_and_a_new_arrow_make_it_stale() -> None:
    page = PAGE.read_text(encoding="utf-8")
    line = next(line for line in drawing().splitlines() if "->" in line)
    assert list(stale(page.replace(line, f"{line}, elsewhere/", 1)))


def test_a_figure_that_is_far_off_is_named() -> None:
    page = PAGE.read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| circles of files |"))
    wrong = "|".join([*row.split("|")[:-2], " 99 ", ""])
    [said] = [found for found in stale(page.replace(row, wrong, 1)) if "circles" in found]
    assert "99 is written" in said


def test_a_circle_is_found_however_long_it_is_and_wherever_the_import_stands() -> None:
    ring = {f"a__f{n}": f"def go():\n    from a import f{(n + 1) % 3000}" for n in range(3000)}
    assert [len(found) for found in circles(house(**ring))] == [3000]
    assert circles(house(a__f="from a.g import x", a__g="import b", b____init__="")) == []
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a.f import F"
    assert circles(house(a__f="from a import g", a__g=guarded)) == [["a/f.py", "a/g.py"]]


def test_two_circles_are_two() -> None:
    one = {"a__f": "from a import g", "a__g": "from a import f"}
    two = {"b__f": "from b import g\nfrom a import f", "b__g": "from b import f"}
    assert circles(house(**one, **two)) == [["a/f.py", "a/g.py"], ["b/f.py", "b/g.py"]]


@pytest.mark.parametrize(
    ("graph", "wanted"),
    [
        ({1: [2], 2: [3], 3: []}, [[3], [2], [1]]),
        ({1: [2], 2: [1, 3], 3: [4], 4: [3]}, [[3, 4], [1, 2]]),
        ({1: [1]}, [[1]]),
        ({1: [2, 3], 2: [4], 3: [4], 4: []}, [[4], [2], [3], [1]]),
    ],
)
def test_a_knot_comes_before_what_needs_it(
    graph: Mapping[int, list[int]], wanted: list[list[int]]
) -> None:
    assert [sorted(knot) for knot in knots(graph)] == wanted


def test_an_import_to_a_room_above_is_found() -> None:
    small = house(
        a__low__f="from a.high.g import x",
        a__high__g="from a.low import f",
        a__kinds="import a.high.g",
    )
    order = ("a/low", "a/high", "a/kinds.py")
    assert [str(found) for found in upward(order, small)] == ["a/low/f.py:1 imports a.high.g.x"]
    assert upward(("a/high", "a/low"), small)[0].path == "a/high/g.py"
    assert upward((), small) == []


def test_a_file_may_stand_on_another_storey_than_its_room() -> None:
    small = house(
        a__room__top="from a import kinds", a__room__f="", a__kinds="from a.room import f"
    )
    assert upward(("a/room", "a/kinds.py"), small)
    assert upward(("a/room", "a/kinds.py", "a/room/top.py"), small) == []


def test_what_no_order_can_make_go_down_is_counted() -> None:
    three = house(w__a__f="from w.b import f, g", w__b__f="from w.a import f", w__b__g="")
    assert rooms_upward(three) == 1
    assert rooms_upward(house(w__a__f="from w.b import f", w__b__f="")) == 0
