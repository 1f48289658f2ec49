"""A manual page out of an argparse parser: roff with the macros of man(7), as `mandoc -Tlint` likes
it.

What the parser knows (verbs, arguments, options, the words of each verb's function) is read from
it; what it does not know (exit codes, files, environment) stands here, once.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from textwrap import dedent, wrap

WRITTEN = "2026-11-29"
"""when the prose below was last changed: a page without a date is a fault for mandoc"""
LONGEST_LINE = 75
"""mandoc asks for at most 80, and a line may get two more to begin with"""
EXIT_STATUS = (
    ("0", "done; of `once`: OK; of `status` and `audit`: all is well"),
    (
        "1",
        (
            "of `once`: DEGRADED; of `status`: something is wrong; of `audit`: something is to be"
            " looked at"
        ),
    ),
    (
        "2",
        (
            "what was asked cannot be done, and why stands on standard error; of `once`: FAILED; of"
            " `audit`: wrong"
        ),
    ),
    ("3", "of `once`: UNKNOWN; of `status`: the daemon does not run"),
    ("130", "ended by Ctrl-C"),
    ("141", "whoever read the output went away"),
)
ENVIRONMENT = (
    ("REVEILLE_CONFIG", "the configuration, where --config does not name one"),
    (
        "CREDENTIALS_DIRECTORY",
        'where secrets written as { credential = "NAME" } lie; set by systemd in the service',
    ),
    ("NO_COLOR", "set to anything: no colours on a terminal"),
)
FILES = (
    (
        "/etc/reveille/reveille.toml",
        "the configuration, where there is no reveille.toml in the working directory",
    ),
    ("/var/lib/reveille", "the ledger and the evidence of the service"),
)


def manual_page(parser: argparse.ArgumentParser) -> str:
    """The whole page."""
    parts = [
        f'.TH {parser.prog.upper()} 1 {WRITTEN} "Reveille" "User Commands"',
        ".SH NAME",
        f"{parser.prog} \\- synthetic health monitor and daily audit of contact centres",
        ".SH SYNOPSIS",
        *_synopsis(parser),
        ".SH DESCRIPTION",
        _text(parser.description or ""),
        "Secrets are never arguments: the configuration names where they are.",
        ".SH OPTIONS",
        *_arguments(parser),
        ".SH VERBS",
        *(line for verb, below in _below(parser) for line in _verb(verb, below)),
        *_listed("EXIT STATUS", EXIT_STATUS),
        *_listed("ENVIRONMENT", ENVIRONMENT),
        *_listed("FILES", FILES),
    ]
    return "\n".join(parts) + "\n"


def _verb(about: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """A verb, then its actions in the same form."""
    yield f".SS {_text(parser.prog)}"
    yield from _synopsis(parser)
    parser.format_help()  # reads the verb's own words into its description
    yield from _paragraphs(parser.description or f"{about[:1].upper()}{about[1:]}.")
    yield from _arguments(parser)
    for below, action in _below(parser):
        yield from _verb(below, action)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", dedent(text).strip()):
        yield ".PP"
        yield _text(" ".join(paragraph.split()))


def _synopsis(parser: argparse.ArgumentParser) -> Sequence[str]:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    name, rest = usage[: len(parser.prog)], usage[len(parser.prog) :]
    return [f".B {_text(name)}", *([_text(rest.strip())] if rest.strip() else [])]


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Arguments, then options; those that every verb takes stand on top of the page alone."""
    for action in parser._actions:
        everywhere = action.dest in ("config", "json", "help") and " " in parser.prog
        if isinstance(action, argparse._SubParsersAction) or everywhere:
            continue
        yield ".TP"
        yield f".B {_name(action)}"
        yield _text((action.help or "").replace("%(default)s", str(action.default)))


def _name(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else action.dest
    if not action.option_strings:
        return _text(value)
    value = "|".join(map(str, action.choices)) if action.choices else value.upper()
    names = ", ".join(action.option_strings)
    return _text(names if action.nargs == 0 else f"{names} {value}")


def _below(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            about = {choice.dest: choice.help or "" for choice in action._choices_actions}
            yield from ((about.get(name, ""), below) for name, below in action.choices.items())


def _listed(heading: str, entries: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f".SH {heading}"
    for name, about in entries:
        yield from (".TP", f".B {_text(name)}", _text(about))


def _text(text: str) -> str:
    """Prose in roff, in short lines: a backslash and a dash mean something there, and so does how a
    line begins."""
    words = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    lines = wrap(words, LONGEST_LINE, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in lines)
