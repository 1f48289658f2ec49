"""The imports of the house as a graph: circles among modules, and among the rooms of a folder.

Every import counts, at whatever depth, also for types alone: a circle that only a type checker
walks is one that a reader walks too. A package's own modules may import the package.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import TypeVar

from tests.house.source import WINGS, Module, modules

_N = TypeVar("_N", bound=Hashable)
Graph = Mapping[str, Mapping[str, int]]
"""importer -> imported -> line of the first such import; all are paths from the house's root"""


def imports_of(found: Iterable[Module] | None = None) -> dict[str, dict[str, int]]:
    """Who imports whom within the four wings."""
    known = {_dotted(module.path): module for module in (found or modules(*WINGS))}
    graph: dict[str, dict[str, int]] = {module.path: {} for module in known.values()}
    for name, module in known.items():
        for one in module.imports():
            target = one.name
            while target and target not in known:
                target = target.rpartition(".")[0]
            if not target or target == name or name.startswith(f"{target}."):
                continue
            graph[module.path].setdefault(known[target].path, one.line)
    return graph


def circles(graph: Mapping[_N, Iterable[_N]]) -> list[list[_N]]:
    """The strongly connected components of more than one node (Tarjan 1972)."""
    index: dict[_N, int] = {}
    low: dict[_N, int] = {}
    stack: list[_N] = []
    found: list[list[_N]] = []

    def visit(node: _N) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(component)

    for node in graph:
        if node not in index:
            visit(node)
    return found


def rooms(graph: Graph, folder: str) -> dict[str, dict[str, str]]:
    """What a folder holds (its files and folders), and who of them imports whom, with an example."""
    arrows: dict[str, dict[str, str]] = {}
    for importer, targets in graph.items():
        room = _child(importer, folder)
        if room is None:
            continue
        arrows.setdefault(room, {})
        for imported, line in targets.items():
            other = _child(imported, folder)
            if other is not None and other != room:
                arrows[room].setdefault(other, f"{importer}:{line} imports {imported}")
    return arrows


def folders() -> list[str]:
    """Every folder of the four wings."""
    parents = {
        parent for module in modules(*WINGS) for parent in PurePosixPath(module.path).parents
    }
    return sorted(str(parent) for parent in parents if str(parent) != ".")


def _child(path: str, folder: str) -> str | None:
    """The file or folder of `folder` that `path` is or lies in; None for one elsewhere, and for the
    folder's own `__init__`.
    """
    if not path.startswith(f"{folder}/"):
        return None
    child = path[len(folder) + 1 :].split("/")[0]
    return None if child == "__init__.py" else child.removesuffix(".py")


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
