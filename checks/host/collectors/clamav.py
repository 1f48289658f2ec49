"""The two ways to ask ClamAV: its daemon by INSTREAM, and the program clamscan.

Rule: clamd may answer before it has heard all (a stream that is too long), and then closes: its
answer is taken even where we could not say everything.
"""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from checks.host.collectors.collector import Look
from checks.host.collectors.program import found, run
from checks.host.collectors.tree_walk import opened

_CHUNK = 1 << 16
# clamd answers nobody while it reloads its signatures, unless ConcurrentDatabaseReload is on: about
# a minute on a slow disk. clamscan reads them all before its first word.
_ANSWER_SECONDS = 120.0
# An answer is one line with the name of the signature.
_MOST_ANSWER = 4096
# The usual places of Debian, of its older releases, and of Fedora.
_SOCKETS = ("/run/clamav/clamd.ctl", "/var/run/clamav/clamd.ctl", "/run/clamd.scan/clamd.sock")
# clamscan(1): without these, what is too large, too deep or locked counts as OK. Each is then told
# as a find of this family, as Heuristics.Limits.Exceeded.MaxFileSize or Heuristics.Encrypted.Zip.
_TELLS_WHAT_IT_SKIPS = (
    "--alert-exceeds-max=yes",
    "--alert-encrypted=yes",
    "--alert-encrypted-archive=yes",
)
_SKIPPED = re.compile(r"(?:Heuristics\.)?(?:Limits\.Exceeded|Encrypted)\b")
# clamscan(1), RETURN CODES: 0 nothing found, 1 something found, 2 an error.
_CLEAN, _FOUND = 0, 1
Verdict = tuple[Path, str | None]
"""a file, and what is in it; "" for nothing, None where the scanner could not look"""


class Scanner(Protocol):
    """A scanner for viruses: clamd, or the program clamscan."""

    def version(self) -> str:
        """As ClamAV tells it: `ClamAV 1.4.6/27410/Sun Nov 22 09:00:00 2026`. Raises Silent."""

    def scan(self, files: Sequence[Path], left: Callable[[], float]) -> Iterator[Verdict]:
        """Look at files, one by one or many at a time, until the time is over. Raises Silent."""


class Silent(Exception):
    """The scanner does not answer, or cannot scan."""

    def __init__(self, text: str, code: str = "engine-down") -> None:
        super().__init__(text)
        self.code = code


def scanner(at: Look) -> Scanner:
    """The one that was named; else whichever is there. Raises NotLooked."""
    if at.settings["clamd"]:
        return Clamd(at.settings["clamd"])
    for path in _SOCKETS:
        if Path(path).exists():
            return Clamd(path)
    found("clamscan")
    return Clamscan(at.settings["signatures"])


def signatures_from(version: str) -> float | None:
    """When the official signatures were made, in seconds since 1970; None where only own ones are
    in use.
    """
    # With only own signatures there is no daily database, and ClamAV tells a version without a
    # date.
    dated = re.search(r"/\d+/\w{3} (\w{3} +\d+ \d\d:\d\d:\d\d \d{4})", version)
    return (
        datetime.strptime(dated[1], "%b %d %H:%M:%S %Y").replace(tzinfo=UTC).timestamp()
        if dated
        else None
    )


class Clamd:
    """The daemon, over its socket or TCP."""

    def __init__(self, place: str) -> None:
        self._place = place

    def version(self) -> str:
        with self._connected() as talk:
            talk.sendall(b"zPING\0")
            if (said := _answer(talk)) != "PONG":
                raise Silent(f"clamd answers PING with {said[:80]!r}")
        with self._connected() as talk:
            talk.sendall(b"zVERSION\0")
            return _answer(talk)

    def scan(self, files: Sequence[Path], left: Callable[[], float]) -> Iterator[Verdict]:
        for file in files:
            if left() <= 0:
                return
            yield file, self._one(file)

    def _one(self, file: Path) -> str | None:
        try:
            content = opened(file)
        except OSError:
            return None
        with content, self._connected() as talk:
            with suppress(
                BrokenPipeError, ConnectionResetError
            ):  # it has heard enough: its answer says why
                talk.sendall(b"zINSTREAM\0")
                while chunk := content.read(_CHUNK):
                    # clamd(8), INSTREAM: the length of each chunk as four bytes in network order, a
                    # chunk of length zero at the end.
                    talk.sendall(struct.pack("!I", len(chunk)) + chunk)
                    # clamd has answered already: the stream is longer than StreamMaxLength, or the
                    # signature was found in its beginning.
                    if select.select([talk], [], [], 0)[0]:
                        break
                else:
                    talk.sendall(struct.pack("!I", 0))
            said = _answer(talk)
        if said.endswith(" FOUND"):
            return _looked(said.partition(": ")[2].removesuffix(" FOUND"))
        return "" if said.endswith(": OK") else None

    def _connected(self) -> socket.socket:
        try:
            if self._place.startswith("/"):
                talk = socket.socket(socket.AF_UNIX)
                talk.settimeout(_ANSWER_SECONDS)
                try:
                    talk.connect(self._place)
                except OSError:
                    talk.close()
                    raise
                return talk
            host, _, port = self._place.rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS)
        except OSError as problem:
            raise Silent(f"clamd at {self._place}: {problem.strerror or problem}") from None


def _answer(talk: socket.socket) -> str:
    said = b""
    try:
        while b"\0" not in said and len(said) < _MOST_ANSWER and (data := talk.recv(_MOST_ANSWER)):
            said += data
    except OSError as problem:
        if not said:
            raise Silent(f"clamd does not answer: {problem.strerror or problem}") from None
    return said.partition(b"\0")[0].decode("utf-8", "replace").strip()


def _looked(name: str) -> str | None:
    """What was found; None where the scanner only says that it did not look into it."""
    return None if _SKIPPED.match(name) or ".Exceeded." in name else name


class Clamscan:
    """The program, with many files at a time: it reads its signatures anew each time."""

    def __init__(self, signatures: str | None) -> None:
        self._where = [f"--database={signatures}"] if signatures else []

    def version(self) -> str:
        return run(["clamscan", "--version", *self._where], _ANSWER_SECONDS).output.strip()

    def scan(self, files: Sequence[Path], left: Callable[[], float]) -> Iterator[Verdict]:
        with tempfile.NamedTemporaryFile("wb", suffix=".list") as listing:
            # A name with a line end in it would become two names of the list; such a file counts as
            # not scanned.
            listing.write(b"\n".join(os.fsencode(file) for file in files if "\n" not in str(file)))
            listing.flush()
            options = ["--no-summary", "--stdout", f"--file-list={listing.name}"]
            options += _TELLS_WHAT_IT_SKIPS
            done = run(["clamscan", *options, *self._where], left(), answers=range(256))
        lines = re.findall(r"^(/.*): (.*)$", done.output, re.M)
        verdicts = {Path(name): said for name, said in lines}
        if done.status not in (_CLEAN, _FOUND) and not verdicts:
            words = " ".join(f"{done.output} {done.complaints}".split())
            # clamscan has one exit code for every error, so its words have to tell that signatures
            # are missing: a fresh installation before the first freshclam.
            nothing = "No supported database files" in words or "database" in words.lower()
            raise Silent(f"clamscan: {words[-300:]}", "no-signatures" if nothing else "engine-down")
        for file in files:
            said = verdicts.get(file, "")
            yield (
                file,
                (
                    _looked(said.removesuffix(" FOUND"))
                    if said.endswith(" FOUND")
                    else ""
                    if said == "OK"
                    else None
                ),
            )
