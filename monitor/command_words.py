"""How the words of the command line are understood: an unknown one is answered with the nearest,
and a verb says of itself what it is for when somebody asks.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from checks.messages import nearest
from monitor.terminal import say

DISTRIBUTION = "reveille-monitor"
"""what pip calls the program; `reveille` is a stranger's there"""
# Scripts and habits outlast a release: an old word works until 0.3.0, and says the new one.
OLD_WORDS = {"look": "run-now", "accept": "baseline"}


class Version(argparse.Action):
    """--version: what is installed is asked for only by whoever wants to know it."""

    def __init__(self, option_strings: Sequence[str], **given: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=given["help"])

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        say(f"{parser.prog} {version(DISTRIBUTION)}")
        parser.exit()


class Parser(argparse.ArgumentParser):
    """A verb's: what the verb says of itself is read when somebody asks for help, its module when
    it is run.
    """

    def error(self, message: str) -> NoReturn:
        """An unknown word is answered with the nearest one, all else with the usage. Ends
        with 2.
        """
        # How argparse refuses a word; the word itself may hold anything, these words included.
        _, refused, rest = message.partition("invalid choice: '")
        word, choices, listed = rest.rpartition("' (choose from ")
        if not (refused and choices):
            super().error(message)
        # Python 3.11 puts quotes around the choices, 3.12 and later may not: both are taken.
        known = re.findall(r"[^\s',()]+", listed)
        known = [one for one in known if one not in OLD_WORDS]
        below = [f"'{name} {word}'" for name, verb in _verbs(self) if word in dict(_verbs(verb))]
        hint = f"; did you mean {' or '.join(below[:3])}?" if below else nearest(word, known)
        hint = hint or f"; there are {', '.join(known)}"
        self.exit(
            2, f"{self.prog}: there is no {word[:60]!r}{hint}\n{self.prog} --help says more\n"
        )

    def format_help(self) -> str:
        """With the verb's own words."""
        if verb := self.get_default("verb"):
            self.description = verb_named(verb).__doc__
        return super().format_help()


def _verbs(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    """The verbs right below a parser."""
    kinds = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return [verb for one in kinds for verb in one.choices.items()]


def verb_named(verb: str) -> Callable[[argparse.Namespace], int]:
    """A verb by its module and name: only the verb that runs is imported, since a daemon lives for
    long.
    """
    module, _, name = verb.partition(".")
    found: Callable[[argparse.Namespace], int] = getattr(
        import_module(f"monitor.verbs.{module}"), name
    )
    return found
