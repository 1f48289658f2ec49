"""The worker's side of a drill: has a sandbox made, hands over what was unpacked, takes what was
found in there.

A proof that finds no sandbox is refused: "cannot prove here", with the reason. It says nothing of
the backup, and what was proven before stays so.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial as bound
from pathlib import Path
from typing import Any

from checks.contract import CannotTell, Failed
from checks.data.backup.engine import Work
from checks.data.backup.programs import found as program_found
from checks.data.backup.programs import started
from checks.data.backup.sandbox import bubblewrap
from checks.data.backup.sandbox.wire import VERSION, Broken, Line
from checks.data.backup.store.archive_file import not_written
from checks.data.backup.store.manifest import Manifest
from checks.process.service_place import installed

SERVICE = installed("drill")
"""where reveille-drill.socket listens"""
_INSIDE = "checks.data.backup.run.drill"
# A sentence for a ticket or a trace; what a sandbox says at greater length nobody reads.
_LONGEST_TEXT = 800
_CODE = re.compile(r"[a-z][a-z-]{1,30}")
# A sandbox whose socket is gone ends at once; a slow machine needs a moment for it.
_LAST_WORDS_SECONDS = 5.0

# A proof that began a moment earlier is over within this, or the night is.
_BUSY_SECONDS, _ASK_AGAIN_SECONDS = 3600.0, 2.0

Found = Mapping[str, Any]


class NoSandbox(CannotTell):
    """There is none on this host, and none can be made."""


def cannot(why: str) -> CannotTell:
    """A proof that this host cannot make, in one form of words."""
    return CannotTell(f"cannot prove here: {why[:_LONGEST_TEXT]}")


@contextmanager
def drilled(
    task: Mapping[str, Any], folder: Path, manifest: Manifest, scratch: Path, tools: Path | None,
    work: Work,
) -> Iterator[tuple[Found, Callable[[str], bytes]]]:  # fmt: skip
    """Restore a backup in a sandbox: gives what was found in it, and reads a plain artefact. The
    block is the stage "compare". Raises Failed, CannotTell.
    """
    with ExitStack() as stack:
        line = stack.enter_context(_sandbox(scratch, tools, work))
        plain = stack.enter_context(_Plain(scratch))
        unpacking = work.beside(bound(_hand_over, line, task, folder, manifest, plain, work))
        try:
            said = _Said(line, work)
            restored = said.until("begin")
            # What broke the unpacking broke the rest as well.
            if unpacking.done():
                unpacking.result()
            if restored is None:
                unpacking.result()
                raise said.broken()
            with work.events.stage("compare"):
                if (found := said.until("found")) is None:
                    raise said.broken()
                unpacking.result()
                yield found["found"], plain.read
        finally:
            line.close()
            with suppress(Failed, Broken):  # it was told, or the fault before it was
                unpacking.result()


class _Plain:
    """Plain artefacts, in files without a name: nothing is left of them, whatever ends this."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._files = scratch, dict[str, int]()

    def __enter__(self) -> _Plain:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._files.values():
            os.close(descriptor)

    def new(self, name: str) -> int:
        """A new file. Raises Failed."""
        try:
            descriptor, path = tempfile.mkstemp(prefix=".plain-", dir=self._scratch)
        except OSError as problem:
            raise not_written(problem) from problem
        os.unlink(path)  # noqa: PTH108 - a word for a descriptor's own file
        # Its readers are another user, who opens it anew by /proc; nobody else has its name.
        os.fchmod(descriptor, 0o444)
        self._files[name] = descriptor
        return descriptor

    def read(self, name: str) -> bytes:
        """The whole of one; empty where there is none."""
        if (descriptor := self._files.get(name)) is None:
            return b""
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


class _Writing:
    """A descriptor to write to, in full."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes, /) -> int:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        return len(data)


class _Said:
    """What the sandbox says, passed on as far as it is of known words."""

    def __init__(self, line: Line, work: Work) -> None:
        self._heard, self._work = line.heard(), work
        self._why = ""

    def until(self, word: str) -> Found | None:
        """The first line with this word; None where there will be none. Raises Failed,
        CannotTell.
        """
        try:
            for facts, _ in self._heard:
                self._passed_on(facts)
                if word in facts:
                    return facts
        except Broken as why:
            self._why = str(why)
        return None

    def broken(self) -> Failed:
        """Why there is no answer."""
        text = f"the drill ended without a word{f': {self._why}' if self._why else ''}"
        return Failed("cluster-died", text, origin="local")

    def _passed_on(self, facts: Mapping[str, Any]) -> None:
        text = str(facts.get("text", ""))[:_LONGEST_TEXT]
        if "fault" in facts:
            code = str(facts["fault"])
            known = code if _CODE.fullmatch(code) else "restore-failed"
            raise Failed(known, text, "local" if facts.get("origin") == "local" else "far")
        if "blind" in facts:
            raise cannot(str(facts["blind"]))
        if "note" in facts:
            self._work.events.note(str(facts["note"])[:_LONGEST_TEXT])


def _hand_over(
    line: Line,
    task: Mapping[str, Any],
    folder: Path,
    manifest: Manifest,
    plain: _Plain,
    work: Work,
) -> None:
    """The task, then every artefact as soon as it is plain. Raises Failed, Broken."""
    try:
        line.say({"task": dict(task)})
        for artefact in manifest.artefacts:
            name = artefact.plain_name
            descriptor = plain.new(name)
            work.unpack(folder, artefact, _Writing(descriptor))
            line.say({"artefact": name}, descriptor)
    except BaseException:
        # Whatever ended it: whoever waits for the sandbox's word would wait for ever.
        line.close()
        raise


@contextmanager
def _sandbox(scratch: Path, tools: Path | None, work: Work) -> Iterator[Line]:
    """The unit of an installed Reveille, else bubblewrap. Raises CannotTell where there is
    neither.
    """
    if SERVICE.is_there():
        with _by_unit(SERVICE.path) as line:
            yield line
        return
    with _by_bubblewrap(scratch, tools, work) as line:
        yield line


@contextmanager
def _by_unit(place: Path) -> Iterator[Line]:
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        with ExitStack() as stack:
            end = stack.enter_context(socket.socket(socket.AF_UNIX))
            try:
                end.connect(str(place))
            except OSError as problem:
                said = f"{place}: {problem.strerror} (systemctl status reveille-drill.socket)"
                raise cannot(said) from problem
            line = Line(end)
            if _ready(line):
                yield line
                return
        if time.monotonic() > deadline:
            raise cannot(f"{place}: no drill begins (journalctl -u 'reveille-drill@*')")
        # Another drill is at work: systemd lets one in at a time.
        time.sleep(_ASK_AGAIN_SECONDS)


def _ready(line: Line) -> bool:
    """Whether a drill has begun; False where nobody is there. Raises CannotTell for one of another
    release.
    """
    try:
        version = next(line.heard(), ({}, None))[0].get("ready")
    except Broken:
        return False
    if version not in (None, VERSION):
        raise cannot(f"the drill is of another release (version {str(version)[:20]})")
    return version is not None


@contextmanager
def _by_bubblewrap(scratch: Path, tools: Path | None, work: Work) -> Iterator[Line]:
    if program_found("bwrap") is None:
        raise NoSandbox(
            "cannot prove here: a restore for proof needs a sandbox: reveille-drill.socket, where"
            " Reveille is a service, or bubblewrap (Debian package bubblewrap)"
        )
    user = bubblewrap.own_user(work.run_as)
    place = scratch / "sandbox"
    place.mkdir(mode=0o700)
    try:
        bubblewrap.furnish(place, user)
    # Root within a unit of another make: it may give nothing away.
    except PermissionError as refused:
        raise _cannot_be_made(str(refused)) from refused
    ours, theirs = socket.socketpair()
    with ours, ExitStack() as stack:
        filtering = bubblewrap.filter_file()
        if filtering >= 0:
            stack.callback(os.close, filtering)
        command = bubblewrap.command((sys.executable, "-m", _INSIDE), place, tools, user, filtering)
        with theirs:
            running = stack.enter_context(
                started(
                    command,
                    bubblewrap.environment(),
                    stdin=theirs.fileno(),
                    stdout=_nowhere(stack),
                    descriptors=(filtering,) if filtering >= 0 else (),
                    prepared=bubblewrap.limit,
                    alone=True,
                )
            )
        line = Line(ours)
        if not _ready(line):
            with suppress(TimeoutError):
                running.wait(_LAST_WORDS_SECONDS)
            raise _cannot_be_made(running.said()[-300:])
        try:
            yield line
        except Failed as refused:
            if refused.code != "cluster-died":
                raise
            line.close()
            with suppress(TimeoutError):
                running.wait(_LAST_WORDS_SECONDS)
            said = f"{refused.text}: {running.said()[-_LONGEST_TEXT:]}"
            raise Failed(refused.code, said, "local") from refused
        finally:
            line.close()


def _cannot_be_made(why: str) -> NoSandbox:
    return NoSandbox(
        f"cannot prove here: no sandbox can be made ({why}); where Reveille is a service, install"
        " reveille-drill.socket"
    )


def _nowhere(stack: ExitStack) -> Any:
    return stack.enter_context(open(os.devnull, "wb"))  # noqa: PTH123 - a device, not a path
