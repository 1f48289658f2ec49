"""What is shipped beside the program and made from its command line: the manual page, the
completions of two shells.

    python -m tests.house.shipped            says what is stale; exit code 1 when something is
    python -m tests.house.shipped --write    writes them anew, below share/

The manual page is roff with the macros of man(7); the completions are made by shtab. Both are
files, so that a package can be built without running anything, and so that completing a word never
starts the program: the names of checks are read out of the configuration by sed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import shtab

from checks.kinds import kinds
from lab.injected_faults import FAULTS
from monitor.command_line import parser
from monitor.desks.list import desk_kinds
from tests.house.manual_page import manual_page
from tests.house.source import ROOT

_NAMES = "sed -n 's/^\\[checks\\.\\([^].]*\\)\\].*/\\1/p' \"${REVEILLE_CONFIG:-$(%s)}\" 2>/dev/null"
_FILE = (
    "if [ -f reveille.toml ]; then echo reveille.toml; else echo /etc/reveille/reveille.toml; fi"
)
PREAMBLE = {
    "bash": f'_reveille_checks() {{\n    compgen -W "$({_NAMES % _FILE})" -- "$1"\n}}\n',
    "zsh": f'_reveille_checks() {{\n    local -a names\n    names=(${{(f)"$({_NAMES % _FILE})"}})\n'
    "    compadd -a names\n}\n",
}
NAMES_OF_CHECKS = {"bash": "_reveille_checks", "zsh": "_reveille_checks"}
"""completes the name of a check in the configuration at hand"""


@cache
def shipped() -> Mapping[str, str]:
    """path below the house -> what shall stand there."""
    return {
        "share/man/man1/reveille.1": manual_page(parser()),
        "share/bash-completion/completions/reveille": _completion("bash"),
        "share/zsh/site-functions/_reveille": _completion("zsh"),
    }


def main(arguments: Sequence[str]) -> int:
    """Say what is stale, or write it anew. The exit code."""
    old = [path for path, text in shipped().items() if not _stands(path, text)]
    for path in old:
        if "--write" in arguments:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(shipped()[path], encoding="utf-8")
        else:
            sys.stderr.write(f"{path} is not what the command line says now\n")
    return int(bool(old) and "--write" not in arguments)


def _stands(path: str, text: str) -> bool:
    file = ROOT / path
    return file.is_file() and file.read_text(encoding="utf-8") == text


def _completion(shell: str) -> str:
    whole = parser()
    for action in _actions(whole):
        _completed(action, whole)
    made = shtab.complete(whole, shell, preamble=PREAMBLE[shell])
    return "\n".join(line.rstrip() for line in made.splitlines()) + "\n"


def _completed(action: argparse.Action, whole: argparse.ArgumentParser) -> None:
    """Say of an argument what it is completed by."""
    match action.dest, action.metavar:
        case "break_", _:
            action.choices = list(FAULTS)
        case "kind", None if not action.option_strings:
            action.choices = sorted([*kinds(), *desk_kinds()])
        case "about", _:
            action.choices = [name for name in _verbs(whole) if name != "help"]
        case ("folder", _) | (_, "DIR"):
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        case ("check", _) | ("name", _) if "write" not in str(action.help):
            action.complete = NAMES_OF_CHECKS  # type: ignore[attr-defined]
        case _, "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined]


def _actions(whole: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in whole._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


def _verbs(whole: argparse.ArgumentParser) -> list[str]:
    return [
        name
        for action in whole._actions
        if isinstance(action, argparse._SubParsersAction)
        for name in action.choices
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
