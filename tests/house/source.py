"""The house as text and syntax trees: what the tests of its rules read."""

from __future__ import annotations

import ast
import gc
import subprocess
import tokenize
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
WINGS = ("checks", "monitor", "reports", "lab")


@dataclass(frozen=True)
class Module:
    """One Python file; `path` counts from the root of the house."""

    path: str
    text: str
    tree: ast.Module

    def imports(self) -> Iterator[Import]:
        """Every import in it, at whatever depth."""
        for node, lazy in self.nodes:
            for name in _imported(node):
                yield Import(self.path, name, getattr(node, "lineno", 0), lazy)

    def within(self, *folders: str) -> bool:
        """Whether it lies in one of the folders, or is one of the files."""
        return any(self.path == folder or self.path.startswith(f"{folder}/") for folder in folders)

    def calls(self) -> Iterator[tuple[str, int]]:
        """Every call by its dotted name, and its line."""
        for node, _ in self.nodes:
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node.lineno

    def words(self) -> Iterator[str]:
        """Every string constant, pieces of f-strings included."""
        for node, _ in self.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value

    def docstrings(self) -> Iterator[str]:
        """Of the module, its classes and its functions, and what stands below an attribute."""
        for node, _ in self.nodes:
            body = getattr(node, "body", ())
            for step in body if isinstance(body, list) else ():
                match step:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield text

    @cached_property
    def comments(self) -> tuple[tuple[int, str], ...]:
        """Every comment, and its line."""
        if "#" not in self.text:
            return ()
        tokens = tokenize.generate_tokens(StringIO(self.text).readline)
        return tuple((one.start[0], one.string) for one in tokens if one.type == tokenize.COMMENT)

    @cached_property
    def nodes(self) -> list[tuple[ast.AST, bool]]:
        """Every node, and whether it waits for a function to be called."""
        with _kept():
            return list(_walk(self.tree))


@dataclass(frozen=True)
class Import:
    """`name` is as deep as it can be told: `from a.b import c` is a.b.c."""

    path: str
    name: str
    line: int
    lazy: bool

    def of(self, *modules: str) -> bool:
        """Whether it is one of these modules, or something in it."""
        return any(self.name == module or self.name.startswith(f"{module}.") for module in modules)

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.name}"


@cache
def files() -> tuple[str, ...]:
    """Every file of the house that is, or could be, in a commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(
        sorted(path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file())
    )


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every Python file of these folders; of the four wings when none is named."""
    wanted = [
        path
        for path in files()
        if path.endswith(".py") and path.split("/")[0] in (folders or WINGS)
    ]
    with _kept():
        return tuple(_read(path) for path in wanted)


def none(found: Iterable[object]) -> None:
    """Fails with the whole list, a line each."""
    strays = [str(stray) for stray in found]
    assert not strays, "\n" + "\n".join(strays)


@contextmanager
def _kept() -> Iterator[None]:
    """What is made inside stays for ever. Python's collector of cycles would go through these
    millions of nodes again and again, here and in every test after: 6.2 s instead of 1.7 s.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@cache
def _read(path: str) -> Module:
    text = (ROOT / path).read_text(encoding="utf-8")
    return Module(path, text, ast.parse(text, path))


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """In the order of the text. Without recursion: a tree is deep, and there are a thousand."""
    left = [(tree, False)]
    while left:
        node, lazy = left.pop()
        yield node, lazy
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        left.extend((child, lazy) for child in reversed(list(ast.iter_child_nodes(node))))


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0 and node.module, f"a relative import: {ast.unparse(node)}"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []
