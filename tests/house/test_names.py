"""Every module and file that a string, a comment or a docstring names is there.

Moves are made by script and by hand, and a name in a string is followed by neither: a child
process that is started by the name of a module that moved dies on the day it is needed.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from tests.house.source import ROOT, WINGS, files, modules, none

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")

EVERYTHING = (*WINGS, "tests")
# `checks.kinds`, `monitor.verbs.running:demo`, `-m checks.host.child`; a class or function may
# follow.
_DOTTED = re.compile(
    rf"(?<![\w.@/\[-])((?:{'|'.join(EVERYTHING)})(?:\.[a-z_][a-z0-9_]*)+)(?![\w/-])"
)
# `checks/kinds.py`, `systemd/host.conf`, and a bare `retention.py` in prose.
_PATH = re.compile(
    r"(?<![\w./<{*-])((?:[a-z_.][\w.-]*/)*[a-z_][\w-]*\.(?:py|toml|md|j2|service))(?![\w-])"
)
# What looks like a name of ours and is none, with its reason.
_FOREIGN = {
    "lab.break_": "a method, of a variable in an example",
    "reports.example.net": "a host",
    "reveille.toml": "the reader's own",
    "lab.txt": "a lock file",
    "./ours.toml": "the reader's own",
    "systemd.service": "a manual page",
}
# Here `checks.NAME` is a place in a configuration.
_OF_CONFIGURATIONS = (
    "tests/unit/test_sound_part.py",
    "tests/unit/test_config",
    "tests/loopback/test_backup.py",
    "tests/loopback/test_hygiene.py",
    "tests/field/far_ends/test_api.py",
    "tests/field/installed/",
    "tests/scenes/test_check_config_try.py",
    "tests/unit/test_clear_text.py",
)


def _modules() -> set[str]:
    paths = [path for path in files() if path.endswith(".py")]
    dotted = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths
    }
    return dotted | {str(PurePosixPath(path).parent).replace("/", ".") for path in files()}


def test_every_module_that_a_string_names_is_there() -> None:
    known = _modules()
    strays: list[str] = []
    for module in modules(*EVERYTHING):
        if module.path.startswith(_OF_CONFIGURATIONS):
            continue
        for text in (*module.words(), *(comment for _, comment in module.comments)):
            for found in _DOTTED.findall(text):
                if found in _FOREIGN or _is_there(found, known):
                    continue
                strays.append(f"{module.path}: {found}")
    none(sorted(set(strays)))


def test_every_file_that_a_docstring_or_comment_names_is_there() -> None:
    """A file by its path from the root, from the folder of who names it, or by its name alone."""
    there = set(files())
    names = {PurePosixPath(path).name for path in there}
    strays: list[str] = []
    for module in modules(*WINGS):
        texts = [*module.docstrings(), *(comment for _, comment in module.comments)]
        for text in texts:
            for found in _PATH.findall(text):
                beside = str(PurePosixPath(module.path).parent / found)
                if (
                    found in _FOREIGN
                    or found in there
                    or beside in there
                    or f"{module.path.split('/')[0]}/{found}" in there
                    or ("/" not in found and found in names)
                ):
                    continue
                strays.append(f"{module.path}: {found}")
    none(sorted(set(strays)))


def _is_there(dotted: str, known: set[str]) -> bool:
    """A module, or something that its module says."""
    if dotted in known:
        return True
    module, _, name = dotted.rpartition(".")
    while module and module not in known:
        module, _, name = module.rpartition(".")
    if "." not in module and module in EVERYTHING and (ROOT / module).is_dir():
        return False
    path = module.replace(".", "/")
    source = ROOT / f"{path}.py"
    text = (source if source.exists() else ROOT / path / "__init__.py").read_text(encoding="utf-8")
    return re.search(rf"\b{re.escape(name)}\b", text) is not None
