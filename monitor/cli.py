"""The command line: runs one verb. Exit codes: 0 done, 2 what was asked cannot be done; `once` and
`status` have their own.

    reveille [--config FILE] [--json] VERB ...

No verb, and `help [VERB]`, print the help. The verbs and their words are in command_line.py.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext

from monitor.command_line import parser
from monitor.command_words import OLD_WORDS, verb_named
from monitor.terminal import complain
from monitor.verbs.asking import SERVED, asked, said_alone, words_typed
from monitor.verbs.calling import called
from monitor.verbs.file_owners import handed_over
from monitor.verbs.opening import sound_part
from monitor.verbs.which_site import of_each


def main(written: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    arguments = parser(old_words=True).parse_args(written)
    _say_new(arguments.word)
    if not arguments.verb:
        return _help(getattr(arguments, "about", []))
    if _is_nowhere():
        complain("reveille: the folder that you are in has been removed; cd to one that is there")
        return 2
    words = words_typed(written)
    try:
        return called(lambda given: _done(given, words), arguments)
    # `reveille status | head`: whoever read has gone. Closed, so that Python does not complain at
    # its own end.
    except BrokenPipeError:
        sys.stderr.close()
        # 128 + SIGPIPE, as a shell reports a program that a broken pipe ended.
        return 141
    except KeyboardInterrupt:
        # 128 + SIGINT, in the same way.
        return 130


def _is_nowhere() -> bool:
    """Whether the working directory is gone: no relative path means anything there (getcwd(2))."""
    try:
        os.getcwd()  # noqa: PTH109 - what Path.cwd() asks, and nothing more
    except OSError:
        return True
    return False


def _done(arguments: Namespace, words: Sequence[str]) -> int:
    """By the daemon that runs on this configuration; where none does, here."""
    code = asked(arguments, words)
    if code is None:
        with handed_over(arguments) if arguments.verb in SERVED else nullcontext():
            code = of_each(verb_named(arguments.verb), arguments, sound_part)
        said_alone(arguments)
    return code


def _help(about: Sequence[str]) -> int:
    """The help of a verb, or of the whole. The parser ends the program itself: 0;
    2, no such verb.
    """
    _say_new(*about[:1])
    parser(old_words=True).parse_args([*about, "--help"])
    return 0


def _say_new(word: str = "") -> None:
    """One line for who still types a word of before."""
    if word in OLD_WORDS:
        complain(f"{word} is called {OLD_WORDS[word]} now")


if __name__ == "__main__":
    sys.exit(main())
