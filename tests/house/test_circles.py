"""No circles: modules import in one direction, and so do the rooms of every folder.

A folder whose rooms have no circle has an order from the ground up: docs/architecture.md draws it.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.house.graph import circles, folders, imports_of, rooms
from tests.house.source import none


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = imports_of()
    assert len(graph) > 100
    none(
        f"{importer}:{line} imports {imported}, and is imported by it on some way"
        for circle in circles(graph)
        for importer in circle
        for imported, line in graph[importer].items()
        if imported in circle
    )


@pytest.mark.parametrize("folder", folders())
def test_the_rooms_of_a_folder_import_in_one_direction(folder: str) -> None:
    arrows = rooms(imports_of(), folder)
    none(
        f"{room} -> {other}: {arrows[room][other]}"
        for circle in circles(arrows)
        for room in circle
        for other in arrows[room]
        if other in circle
    )


@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7))))
def test_a_circle_is_found_where_each_reaches_the_other(graph: dict[int, set[int]]) -> None:
    """Held against the plain definition: two nodes are in a circle if each is reached from the other."""

    def reached(begin: int) -> set[int]:
        seen: set[int] = set()
        todo = set(graph.get(begin, ()))
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo |= set(graph.get(node, ()))
        return seen

    together = {frozenset(circle) for circle in circles(graph)}
    nodes = set(graph) | {node for targets in graph.values() for node in targets}
    expected = {
        frozenset({a} | {b for b in nodes if a in reached(b) and b in reached(a)})
        for a in nodes
        if any(b != a and a in reached(b) and b in reached(a) for b in nodes)
    }
    assert together == expected
