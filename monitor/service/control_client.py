"""The other end of the control socket: a verb's words go to the daemon of this configuration, and
what it says is shown here.

Rule: the daemon is believed no more than a far end: its texts are cleaned before they reach a
terminal, and it writes only the one file that was asked for.
"""

from __future__ import annotations

import base64
import socket
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from monitor.service.control_protocol import (
    MOST_BYTES,
    VERSION,
    Malformed,
    Request,
    line,
    places,
    read,
    short,
)
from monitor.terminal import SCREEN, passing
from reports.formats import clean_painted

# A loop that is late by more is no answer within what a person waits for; the verb is then done
# here.
GREETING_SECONDS = 5.0


class NotAnswered(Exception):
    """A daemon is there, and will not or cannot say anything; its text says why."""


class Refused(Exception):
    """The daemon does not let this user act; its text says what would be right."""


@dataclass
class Line:
    """A connection to the daemon of one configuration."""

    connection: socket.socket
    state: str
    _rest: IO[bytes] = field(repr=False)

    def ask(self, request: Request, target: Path | None) -> int:
        """Have it done; shows what is said, and returns the exit code. `target` is the file that
        may be written. Raises NotAnswered, Refused, OSError."""
        self.connection.settimeout(None)
        # A daemon that has refused this user reads nothing more; why stands in what it has said.
        with suppress(BrokenPipeError):
            self.connection.sendall(request.encoded())
        coming = _Coming(target)
        while True:
            key, value = _next(self._rest)
            if key == "end":
                return int(value)
            if key == "refused":
                raise Refused(str(value))
            if key == "question":
                self.connection.sendall(_answer())
            elif key in ("begin", "part", "keep"):
                coming.take(key, str(value))
            else:
                _shown(key, str(value))

    def hang_up(self) -> None:
        """End what is under way."""
        self.connection.close()


def reached(file: Path) -> Line | None:
    """The daemon that runs on this configuration; None where none listens. Raises NotAnswered."""
    for path in places(file):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(GREETING_SECONDS)
        try:
            with short(path) as name:
                connection.connect(name)
        except OSError:
            connection.close()
            continue
        rest = cast("IO[bytes]", connection.makefile("rb", buffering=MOST_BYTES))
        with ExitStack() as ending:
            ending.callback(connection.close)
            ending.callback(rest.close)
            told = _greeting(rest, path)
            if _same(told["file"], file):
                ending.pop_all()
                return Line(connection, str(told["state"]), rest)
    return None


def _greeting(rest: IO[bytes], path: Path) -> dict[str, Any]:
    try:
        key, value = _next(rest)
    except TimeoutError:
        raise NotAnswered(f"the daemon does not answer at {path}") from None
    if key != "reveille" or value.get("version") != VERSION:
        raise NotAnswered(f"the daemon at {path} is of another release: restart it")
    return cast("dict[str, Any]", value)


def _next(rest: IO[bytes]) -> tuple[str, Any]:
    written = rest.readline(MOST_BYTES)
    if not written.endswith(b"\n"):
        raise NotAnswered("the daemon hung up; `reveille status` says how it stands")
    try:
        return read(written)
    except Malformed as wrong:
        raise NotAnswered(f"the daemon cannot be understood: {wrong}") from None


def _same(theirs: object, ours: Path) -> bool:
    there = Path(str(theirs))
    try:
        return there == ours.absolute() or there.samefile(ours)
    except OSError:
        return False


def _shown(key: str, text: str) -> None:
    screen = SCREEN.get()
    if key == "show":
        screen.show(clean_painted(text))
    elif key == "tell":
        screen.tell(clean_painted(text))
    elif key == "pass":
        passing(text)


def _answer() -> bytes:
    screen = SCREEN.get()
    return line("answer", screen.answer() if screen.asked() else "")


class _Coming:
    """A file on its way: beside its place until all of it is there."""

    def __init__(self, target: Path | None) -> None:
        self._target, self._part = target, Path()
        self._file: IO[bytes] | None = None

    def take(self, key: str, value: str) -> None:
        """A part of it. Raises NotAnswered, OSError."""
        if key == "begin":
            # Only what was asked for: the service must not write elsewhere with this user's rights.
            if self._target is None or Path(value) != self._target:
                raise NotAnswered("the daemon sends a file that nobody asked for")
            made = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed once it is whole
                dir=self._target.parent, prefix=".reveille-", delete=False
            )
            self._file, self._part = made, Path(made.name)
        elif self._file is None or self._target is None:
            raise NotAnswered("the daemon sends a file without a name")
        elif key == "part":
            self._file.write(base64.b64decode(value))
        else:
            self._file.close()
            # As it is made where no daemon runs: for the owner and the group that fetches it.
            self._part.chmod(0o640)
            SCREEN.get().put(self._part, self._target)
