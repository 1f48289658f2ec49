"""The command line's verbs are named, and imported when they run: each name leads somewhere, and
says what it does.
"""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

import monitor.command_line
from monitor.cli import main
from monitor.command_words import verb_named


def verbs() -> Iterator[str]:
    """Whatever looks like one in the source: "module.function"."""
    tree = ast.parse(Path(monitor.command_line.__file__).read_text(encoding="utf-8"))
    modules = {
        path.stem for path in (Path(monitor.command_line.__file__).parent / "verbs").glob("*.py")
    }
    words = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return (
        word
        for word in words
        if word.partition(".")[0] in modules
        and word.count(".") == 1
        and word[-1] != "."
        and " " not in word
    )


@pytest.mark.parametrize("verb", sorted(set(verbs())))
def test_every_verb_is_there_and_says_what_it_does(verb: str) -> None:
    found = verb_named(verb)
    assert found.__doc__


@pytest.mark.parametrize("words", ["run", "once", "tickets show", "backup restore", "report show"])
def test_help_is_in_the_verbs_own_words(words: str) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit) as left:
        main([*words.split(), "--help"])
    assert left.value.code == 0
    assert len(said.getvalue().split("\n\n")[1]) > 10
