"""What a verb shows: JSON for programs, a page for people; colours only on a terminal
(https://no-color.org).

Rule: what a far end said may stand in anything that is shown, so control characters end here: a
page keeps its colours, JSON writes them as \\u escapes (RFC 8259, section 7). A verb that the
daemon runs for somebody shows all of it on that person's screen.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import Any, Protocol

from checks.masking import UNPRINTABLE
from reports.formats import clean, clean_painted
from reports.render import render_text

# The width of a terminal that does not tell its own (a serial line, say), since the VT100.
_USUAL_COLUMNS = 80
PAGE_COLUMNS = 100
"""what a page of text has where no terminal says less"""
LEAST_COLUMNS = 60
"""what its tables need: a number, a severity, a state and a time, with something beside them"""


class View(Protocol):
    """Something that has a plain form."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""


class Screen:
    """Where a verb shows things and asks: this process's own terminal."""

    def colourful(self) -> bool:
        """Whether standard output is a terminal that wants colours."""
        # NO_COLOR counts whatever its value is (no-color.org); a dumb terminal shows escapes as
        # they are.
        return (
            sys.stdout.isatty()
            and "NO_COLOR" not in os.environ
            and os.environ.get("TERM") != "dumb"
        )

    def watched(self) -> bool:
        """Whether somebody sees what goes on (`pass_by`)."""
        return sys.stderr.isatty()

    def asked(self) -> bool:
        """Whether somebody is there to answer."""
        return sys.stdin.isatty()

    def columns(self) -> int:
        """How wide a page may be: the terminal's width, or what a page of text has where it goes
        elsewhere.
        """
        own = get_terminal_size((PAGE_COLUMNS, 24)).columns
        return min(max(own, LEAST_COLUMNS), PAGE_COLUMNS)

    def show(self, text: str) -> None:
        """On standard output, at once: it may be piped into something that waits for each line."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def tell(self, text: str) -> None:
        """On standard error."""
        sys.stderr.write(text)

    def pass_by(self, text: str) -> None:
        """On a line of standard error that the next one writes over; cut to its width, since a line
        that wraps cannot be wiped."""
        columns = _columns()
        shown = text if len(text) < columns else text[: max(0, columns - 2)] + "…"
        sys.stderr.write(f"\r\x1b[2K\x1b[2m{shown}\x1b[0m" if text else "\r\x1b[2K")
        sys.stderr.flush()

    def answer(self) -> str:
        """What somebody types."""
        return sys.stdin.readline()

    def folder(self, target: Path) -> Path:
        """Where to make a file that will be `put`: beside its place, so that a rename is whole."""
        return target.absolute().parent

    def put(self, part: Path, target: Path) -> None:
        """Give a finished file its name. Raises OSError."""
        part.rename(target)

    def write(self, content: bytes, target: Path) -> None:
        """A file of this content. Raises OSError."""
        target.write_bytes(content)

    def there(self, target: Path) -> bool:
        """Whether there is such a file."""
        return target.exists()


SCREEN: ContextVar[Screen] = ContextVar("screen", default=Screen())  # noqa: B039 - it has no state


def colourful() -> bool:
    """Whether what is shown may have colours."""
    return SCREEN.get().colourful()


def watched() -> bool:
    """Whether somebody sees what goes on."""
    return SCREEN.get().watched()


def show(template: str, as_json: bool, view: View, name: str = "") -> None:
    """Print a view: as JSON, or through a terminal template, which knows it by `name` (its own,
    unless given).
    """
    if as_json:
        show_json(view.to_dict())
        return
    say_page(template, **{name or template: view})


def say_page(template: str, **values: Any) -> None:
    """Print a terminal template, for this screen's width and colours."""
    text = render_text(template, colour=colourful(), columns=columns(), **values)
    say(text.rstrip("\n"))


def show_json(body: Any) -> None:
    """Print plain data as JSON."""
    # The text as it is, not as \u escapes: a person reads it too, and every JSON reader takes
    # UTF-8. What steers a terminal is escaped all the same; within JSON it stands in texts alone.
    told = json.dumps(body, indent=2, ensure_ascii=False, default=str)
    say(UNPRINTABLE.sub(lambda sign: f"\\u{ord(sign[0]):04x}", told))


def harmless(text: str) -> str:
    """A text without what steers a terminal or turns its line around."""
    return text if text.isprintable() else UNPRINTABLE.sub(" ", text)


def say(text: str) -> None:
    """A line, or several, on standard output."""
    screen = SCREEN.get()
    screen.show((clean_painted if screen.colourful() else clean)(text) + "\n")


def passing(text: str) -> None:
    """A line on the terminal of standard error that the next one writes over; "" wipes it away."""
    SCREEN.get().pass_by(clean(text))


def ask(question: str) -> str:
    """What somebody answers; "" where nobody is there."""
    screen = SCREEN.get()
    if not screen.asked():
        return ""
    complain(question)
    return screen.answer().strip()


def columns() -> int:
    """How wide what is shown may be, on the screen of whoever asked."""
    return SCREEN.get().columns()


def complain_of(wrong: Iterable[str]) -> None:
    """What could not be shown with the rest, a line each."""
    for text in wrong:
        complain(f"reveille: {text}")


def complain_folded(text: str) -> None:
    """A long line on standard error: on a terminal it is folded between words, and what follows
    its first line is set in; a program that reads it gets it whole.
    """
    if sys.stderr.isatty():
        text = fill(
            text,
            _columns(),
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    complain(text)


def complain(text: str) -> None:
    """A line on standard error."""
    SCREEN.get().tell(clean_painted(text) + "\n")


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):
        return _USUAL_COLUMNS
