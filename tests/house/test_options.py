"""What begins with "-" never reaches a tool as an option: what is not written in the source stands
behind "--", or in an option of its own (--name=value), or is in this table with its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

from tests.house.source import modules, none

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")

_OPTIONS = "options that are written in the source, values as --name=value"
_PATH = "a whole path: it begins with /"
REVIEWED: Mapping[str, str] = {
    "checks/data/backup/engines/file_road.py: f'{way}\\n{before}\\n{commands}'": (
        "commands of RESTORE.md, for -c"
    ),
    "checks/data/backup/engines/mariadb/dump.py: *MORE": _OPTIONS,
    "checks/data/backup/engines/mariadb/dump.py: *PLAIN": _OPTIONS,
    "checks/data/backup/engines/mariadb/dump.py: *(['--dump-history'] if self._history else [])": (
        _OPTIONS
    ),
    "checks/data/backup/engines/mariadb/dump.py: *([] if self._events else [EVENTS_TOO])": _OPTIONS,
    "checks/data/backup/engines/mariadb/users.py: *programs.address(source)": _OPTIONS,
    "checks/data/backup/engines/mariadb/programs.py: *([] if events else [EVENTS_TOO])": _OPTIONS,
    "checks/data/backup/engines/mariadb/programs.py: *MORE": _OPTIONS,
    "checks/data/backup/engines/mariadb/programs.py: *address(source)": _OPTIONS,
    "checks/data/backup/engines/mariadb/throw_away_server.py: *plain": _OPTIONS,
    "checks/data/backup/engines/mariadb/restore_test.py: text": "a command of RESTORE.md, for -c",
    "checks/data/backup/engines/postgresql/cluster.py: *plain": _OPTIONS,
    "checks/data/backup/engines/postgresql/dump.py: *more": _OPTIONS,
    "checks/data/backup/engines/postgresql/order.py: *asked": _OPTIONS,
    "checks/data/backup/engines/postgresql/restore_test.py: *address(source)": _OPTIONS,
    "checks/data/backup/engines/postgresql/withheld.py: *DESCRIBING": _OPTIONS,
    "checks/data/backup/run/copies.py: backup.folder": _PATH,
    "checks/data/backup/run/copies.py: target": "a remote of rclone's own configuration",
    "checks/host/collectors/clamav.py: *options": _OPTIONS,
    "checks/host/collectors/clamav.py: *self._where": _OPTIONS,
    "checks/host/collectors/disks.py: *way": "--device=, and the path behind --",
    "checks/host/collectors/program.py: *command[1:]": "what its callers give",
    "checks/host/collectors/queue_depth.py: *where": "-c and the folder of the configuration",
    "checks/host/collectors/rootkits.py: *log": "options, and a whole path of ours",
    "checks/host/collectors/rootkits.py: _RKHUNTER_TESTS": "names of tests, written in the source",
    "checks/host/collectors/services.py: *words": "verbs, options, and units behind --",
    "checks/host/collectors/updates.py: *only": _OPTIONS,
    "checks/telephony/audio/sound_file.py: *form": _OPTIONS,
    "checks/telephony/audio/sound_file.py: *given": _PATH,
    "checks/telephony/call/announcement_child.py: str(path)": _PATH,
    "checks/telephony/call/announcement_child.py: voice": "a word of letters, held by the settings",
    "monitor/verbs/editing.py: name": _PATH,
    "monitor/verbs/image_medium.py: *form": _OPTIONS,
    "monitor/verbs/image_medium.py: *held": "a name of ours, and a path behind =",
    "monitor/verbs/image_medium.py: str(iso)": _PATH,
    "monitor/installing/program.py: *command[1:]": "what its callers give",
}  # fmt: skip
_RUNS = {"run", "said", "Popen", "output", "told"}
_COMMANDS = {"command", "client"}


def open_words() -> Iterator[str]:
    """Words of commands that are not written in the source, and stand before any "--"."""
    for module in modules("checks", "monitor"):
        for node, _ in module.nodes:
            # A command that is put together first, and run a line below.
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.List):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if {ast.unparse(target) for target in targets} & _COMMANDS:
                    words = _open(node.value.elts[1:])
                    yield from (f"{module.path}: {word}" for word in words)
            elif (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).rpartition(".")[2] in _RUNS
                and node.args
                and isinstance(node.args[0], ast.List)
            ):
                yield from (f"{module.path}: {word}" for word in _open(node.args[0].elts[1:]))


def _open(words: list[ast.expr]) -> Iterator[str]:
    for word in words:
        match word:
            case ast.Constant(value="--"):
                return
            case ast.Constant():
                continue
            case ast.JoinedStr(values=[ast.Constant(value=str(first)), *_]) if first[:1] == "-":
                continue
            case _:
                yield ast.unparse(word)


def test_every_word_of_a_command_is_an_option_of_ours_or_behind_the_end_of_options() -> None:
    found = set(open_words())
    none(f"{word}: put it behind --, or say in REVIEWED why not" for word in found - set(REVIEWED))
    none(f"REVIEWED names {word}, which is not there" for word in set(REVIEWED) - found)
