"""No circles: files import in one direction, and so do the rooms of every folder.

A folder whose rooms form no circle has an order from the ground up; docs/architecture.md draws it.
"""

from __future__ import annotations

import pytest

from tests.house.imports import circles, folders, knots, rooms, taken_from
from tests.house.source import modules, none

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")


def test_no_file_imports_itself_by_a_detour() -> None:
    graph = taken_from(modules())
    assert len(graph) > 100
    none(
        f"{found}, and is imported by it on some way"
        for circle in circles()
        for path in circle
        for target, found in graph[path].items()
        if target in circle
    )


@pytest.mark.parametrize("folder", folders())
def test_the_rooms_of_a_folder_import_in_one_direction(folder: str) -> None:
    arrows = rooms(folder)
    none(
        f"{room} -> {other}: {found}"
        for circle in knots(arrows)
        for room in circle
        for other, found in arrows.get(room, {}).items()
        if other != room and other in circle
    )
