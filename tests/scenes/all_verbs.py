"""Every verb of the command line once, each in a process of its own: `python -m
tests.scenes.all_verbs FILE` prints what each said, as JSON.

A verb that a later release brings is among them by itself; what its arguments must be stands in
WORDS.
"""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import lab
import monitor.verbs
from checks.kinds import kinds
from monitor.cli import main
from monitor.command_line import parser
from monitor.config import load, write_sample
from monitor.demo import story
from reports.render import fault_templates

WORDS = {"number": ["RV-1"], "text": ["seen"], "name": ["portal"], "issue": [], "about": []}
WORDS |= {"duration": ["1h"], "line": ["chat"]}
WORDS |= {"url": ["http://127.0.0.1:1/"], "to": ["8000"], "database": ["asterisk"]}
"""what is written for an argument that must stand"""
MORE = {
    "add number": ["--registrar", "127.0.0.1:1"],
    "add database": ["--engine", "postgresql"],
    "prompt learn": ["--check", "portal"],
    "backup image": ["--to", "/proc/nope/image.tar"],
    "checklist wrong": ["--text", "nobody answers"],
    "lab": ["/proc/nope"],
    "maintenance start": ["portal", "--why", "firmware"],
    "rca edit": ["--from", "/proc/nope/form"],
    "rca write": ["--text", "== Cause ==\na full disk"],
    "tickets open": ["--change", "--text", "a new menu"],
    # Never on the host of whoever runs the tests.
    **{verb: ["--dry-run"] for verb in ("install", "upgrade", "uninstall")},
    "demo": ["--state", "/proc/nope"],
}


def leaves(
    under: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Each verb that can be run, and its parser."""
    if under.get_default("verb") and words:
        yield words, under
    for action in under._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from leaves(below, (*words, name))


def written(words: tuple[str, ...], verb: argparse.ArgumentParser) -> list[str]:
    """A verb as somebody would type it."""
    needed = [
        word
        for action in verb._actions
        if not action.option_strings and action.nargs != "?" and action.dest in WORDS
        for word in WORDS[action.dest]
    ]
    return [*words, *needed, *MORE.get(" ".join(words), [])]


def said(words: list[str]) -> dict[str, Any]:
    """Run one in a child; its exit code and its two outputs."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(_code(words))
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return {"words": words, "code": code, "out": out.read(), "err": err.read()}


def _code(words: list[str]) -> int:
    try:
        return main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - the traceback is what is looked for
        traceback.print_exc()
        return 99
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    file = ["--config", sys.argv[1]]
    # What each child would otherwise import again.
    for module in pkgutil.iter_modules(monitor.verbs.__path__, "monitor.verbs."):
        import_module(module.name)
    assert all((dict(kinds()), lab, story, fault_templates()))
    with tempfile.TemporaryDirectory() as folder:
        write_sample(sample := Path(folder) / "reveille.toml")
        load(sample)
    verbs = sorted(leaves(parser()), key=lambda leaf: leaf[0])
    print(json.dumps([said([*file, *written(*leaf)]) for leaf in verbs]))
