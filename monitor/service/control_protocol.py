"""What passes over the control socket: one JSON object a line, of one key that says what it is.

    daemon  {"reveille": {"version": 1, "file": "/etc/…/reveille.toml", "state": …, "process": 1}}
            and {"refused": "why, and what would be right"}, which is then all
    client  {"ask": {"words": ["tickets", "ack", "RV-1"], "colour": …, "watched": …, …}}
    daemon  {"show": "text"} {"tell": "text"} {"pass": "text"} {"question": ""} {"begin": "/a/file"}
            {"part": "base64"} {"keep": ""}, as often as need be
    client  {"answer": "y"}, to each question
    daemon  {"end": 0}, the exit code

Rules: a line is bounded; what does not fit is sent in several. An unknown key of a later release is
passed over; another version is not spoken to. The client hanging up ends what it asked for.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

VERSION = 1
# A line of text of 16 000 characters is 96 kB where each is an escape of six.
MOST_BYTES = 128 * 1024
MOST_CHARACTERS = 16_000
# Three quarters of it are left once they are base64: 64 kB of a file a line.
PART_BYTES = 64 * 1024
NAME = "control.socket"
# Where the unit's RuntimeDirectory= lies; one per site, where a host watches several.
RUNTIME = Path("/run")
# Everything that one types, and no file that somebody pastes.
_MOST_WORDS, _MOST_WORD = 64, 4000
_STATE = re.compile(r"""^[ \t]*state[ \t]*=[ \t]*(["'])(.*?)\1""", re.M)
_SECTION = re.compile(r"^[ \t]*\[", re.M)


class Malformed(Exception):
    """A line that is none of this protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody has typed, and at what kind of terminal."""

    words: tuple[str, ...]
    colour: bool = False
    watched: bool = False
    asked: bool = False
    columns: int = 0
    """how wide it is; 0 where that was not said"""
    behind: str = ""
    """who is behind sudo, as root says it"""

    def encoded(self) -> bytes:
        """As a line."""
        return line("ask", asdict(self))


def line(key: str, value: Any) -> bytes:
    """One line."""
    return json.dumps({key: value}).encode() + b"\n"


def pieces(key: str, text: str) -> Iterator[bytes]:
    """A text of any length, in lines that fit."""
    for begin in range(0, max(len(text), 1), MOST_CHARACTERS):
        yield line(key, text[begin : begin + MOST_CHARACTERS])


def read(written: bytes) -> tuple[str, Any]:
    """A line as its key and value. Raises Malformed."""
    try:
        told = json.loads(written)
        ((key, value),) = told.items()
    except (ValueError, AttributeError, RecursionError):
        raise Malformed("a line is a JSON object of one key") from None
    return key, value


def request_of(value: Any) -> Request:
    """A request out of its JSON. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed("a request is an object")
    words = value.get("words")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Malformed("words is a list of texts")
    if len(words) > _MOST_WORDS or any(len(word) > _MOST_WORD for word in words):
        raise Malformed(f"at most {_MOST_WORDS} words of {_MOST_WORD} characters")
    known = {field.name: field.type for field in fields(Request) if field.name != "words"}
    given = {name: value[name] for name in known if name in value}
    for name, one in given.items():
        if type(one).__name__ != known[name]:
            raise Malformed(f"{name} is a {known[name]}")
    return Request(words=tuple(words), **given)


def places(file: Path) -> Iterator[Path]:
    """Where a daemon of this configuration may listen; the file may be broken, or not readable."""
    yield from sorted(RUNTIME.glob(f"reveille*/{NAME}"))
    yield _state_of(file) / NAME


def _state_of(file: Path) -> Path:
    """The state folder by the file's own words, without understanding the rest of it."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        text = ""
    # What stands above the first section; below it `state` would be another thing's.
    top = text[: first.start()] if (first := _SECTION.search(text)) else text
    named = _STATE.search(top)
    default = os.environ.get("STATE_DIRECTORY", "").split(":")[0] or "/var/lib/reveille"
    return file.absolute().parent / (named[2] if named else default)


@contextmanager
def short(path: Path) -> Iterator[str]:
    """A name for a socket's path that fits into 108 bytes (unix(7)), however deep it lies. Raises
    OSError where there is no such folder."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
