"""What a verb shows: JSON for programs, a page for people; colours only on a terminal
(https://no-color.org).
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from typing import Any, Protocol

from reports.render import render_text

# The width of a terminal that does not tell its own (a serial line, say), since the VT100.
_USUAL_COLUMNS = 80


# C0 but for tab and line feed, DEL, C1, marks and embeddings of writing direction (UAX 9), other
# ends of lines, lone surrogates. The ledger of an older release may hold them.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


class View(Protocol):
    """Something that has a plain form."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""


def colourful() -> bool:
    """Whether standard output is a terminal that wants colours."""
    # NO_COLOR counts whatever its value is (no-color.org); a dumb terminal shows escapes as they
    # are.
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def show(template: str, as_json: bool, view: View, name: str = "") -> None:
    """Print a view: as JSON, or through a terminal template, which knows it by `name` (its own,
    unless given).
    """
    if as_json:
        show_json(view.to_dict())
        return
    say(render_text(template, colour=colourful(), **{name or template: view}).rstrip("\n"))


def show_json(body: Any) -> None:
    """Print plain data as JSON."""
    # The text as it is, not as \u escapes: a person reads it too, and every JSON reader takes
    # UTF-8. What steers a terminal is escaped all the same; within JSON it stands in texts alone.
    told = json.dumps(body, indent=2, ensure_ascii=False, default=str)
    say(_STEERING.sub(lambda sign: f"\\u{ord(sign[0]):04x}", told))


def harmless(text: str) -> str:
    """A text without what steers a terminal or turns its line around."""
    return text if text.isprintable() else _STEERING.sub(" ", text)


def say(text: str) -> None:
    """A line, or several, on standard output."""
    # At once: the output may be piped into something that waits for each line.
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def passing(text: str) -> None:
    """A line on the terminal of standard error that the next one writes over; "" wipes it away. It
    is cut to the terminal's width: a line that wraps cannot be wiped.
    """
    columns = _columns()
    shown = text if len(text) < columns else text[: max(0, columns - 2)] + "…"
    sys.stderr.write(f"\r\x1b[2K\x1b[2m{shown}\x1b[0m" if text else "\r\x1b[2K")
    sys.stderr.flush()


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_COLUMNS
    except OSError:
        return _USUAL_COLUMNS


def complain_of(wrong: Iterable[str]) -> None:
    """What could not be shown with the rest, a line each."""
    for text in wrong:
        complain(f"reveille: {text}")


def complain(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(text + "\n")
