"""Who takes what from whom, as a graph: circles, and imports that go up.

A node is a file; an arrow is an import, at whatever depth it stands (within a function, or under
TYPE_CHECKING: both bind two files to each other). That importing `a.b` also runs the package `a` is
left out: every file would hang on it.

    circles(modules)         files that import each other, in a ring or a knot
    upward(order, modules)   imports from a room to one that stands above it in `order`
    rooms(folder)            what a folder holds, and who of them takes from whom
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from tests.house.source import Import, Module, modules

Node = TypeVar("Node", bound=Hashable)
Arrows = Mapping[Node, Iterable[Node]]


def taken_from(all_modules: Sequence[Module]) -> dict[str, dict[str, Import]]:
    """path -> the paths that it imports, each with the first import of it. Only files among
    `all_modules`."""
    paths = {_dotted(module.path): module.path for module in all_modules}
    graph: dict[str, dict[str, Import]] = {}
    for module in all_modules:
        taken = graph.setdefault(module.path, {})
        for found in module.imports():
            target = _file_of(found.name, paths)
            if target and target != module.path:
                taken.setdefault(target, found)
    return graph


def circles(all_modules: Sequence[Module] | None = None) -> list[list[str]]:
    """Every set of files that import each other, each sorted; of the four wings when no modules are
    given."""
    graph = taken_from(modules() if all_modules is None else all_modules)
    return sorted(sorted(knot) for knot in knots(graph) if len(knot) > 1)


def upward(order: Sequence[str], all_modules: Sequence[Module] | None = None) -> list[Import]:
    """The imports that go from a room to one above it. `order` names folders or files by their
    paths, the ground first; a file belongs to the longest name that it lies under, and to no room
    when there is none."""
    graph = taken_from(modules() if all_modules is None else all_modules)
    storey = {room: height for height, room in enumerate(order)}

    def height_of(path: str) -> int | None:
        under = [room for room in storey if path == room or path.startswith(f"{room}/")]
        return storey[max(under, key=len)] if under else None

    return [
        found
        for path, taken in graph.items()
        if (from_here := height_of(path)) is not None
        for target, found in taken.items()
        if (height := height_of(target)) is not None and height > from_here
    ]


def rooms(folder: str) -> dict[str, dict[str, Import]]:
    """room -> the rooms of the same folder that it takes from, each with an import of it; a room is
    a file or a folder in `folder`, whose own `__init__` is none."""
    arrows: dict[str, dict[str, Import]] = {}
    for path, taken in taken_from(modules()).items():
        if (room := _room(path, folder)) is None:
            continue
        arrows.setdefault(room, {})
        for target, found in taken.items():
            if (other := _room(target, folder)) not in (None, room):
                arrows[room].setdefault(str(other), found)
    return arrows


def folders() -> list[str]:
    """Every folder of the four wings that holds Python."""
    paths = (PurePosixPath(module.path) for module in modules())
    return sorted({str(parent) for path in paths for parent in path.parents} - {"."})


def knots(graph: Arrows[Node]) -> list[list[Node]]:
    """The strongly connected components, those that nothing else is needed for first (Tarjan, SIAM
    J. Comput. 1(2), 1972), without recursion: a chain of imports may be longer than Python's
    stack."""
    index: dict[Node, int] = {}
    lowest: dict[Node, int] = {}
    waiting: list[Node] = []
    done: set[Node] = set()
    found: list[list[Node]] = []
    for start in graph:
        if start in index:
            continue
        path = [(start, iter(graph.get(start, ())))]
        index[start] = lowest[start] = len(index)
        waiting.append(start)
        while path:
            node, rest = path[-1]
            for target in rest:
                if target not in index:
                    index[target] = lowest[target] = len(index)
                    waiting.append(target)
                    path.append((target, iter(graph.get(target, ()))))
                    break
                if target not in done:
                    lowest[node] = min(lowest[node], index[target])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                if lowest[node] == index[node]:
                    at = waiting.index(node)
                    knot, waiting[at:] = waiting[at:], []
                    done.update(knot)
                    found.append(knot)
    return found


def _room(path: str, folder: str) -> str | None:
    if not path.startswith(f"{folder}/") or path == f"{folder}/__init__.py":
        return None
    return path[len(folder) + 1 :].split("/")[0]


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _file_of(name: str, paths: Mapping[str, str]) -> str | None:
    """The file that a name lies in: `a.b.c` may be a module, or something in `a.b`."""
    while name:
        if name in paths:
            return paths[name]
        name = name.rpartition(".")[0]
    return None
