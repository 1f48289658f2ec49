"""That a daemon is there: one per state folder, and when it last said so."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

from checks.body import Body, added
from monitor.ledger.placing import same_file
from monitor.service.state_folder import refuse_shared


class AlreadyRunning(Exception):
    """Another daemon has this state folder."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last sign of life; `running` says whether the daemon still holds its folder."""

    at: datetime
    pid: int
    running: bool
    doing: str = ""
    stuck: str = ""
    """what keeps it from keeping anything, in words; "" for nothing"""


class _Beat(TypedDict):
    """heartbeat.json: a moment in ISO 8601, the process, what it does, and what it cannot do."""

    at: str
    pid: int
    doing: str
    stuck: str


HEARTBEAT: Body[dict[str, Any]] = Body("heartbeat", _Beat, dict, (added("stuck", ""),))


class Presence:
    """Holds the folder for as long as the process lives; the kernel lets go of it, however the
    process ends.
    """

    def __init__(self, state: Path) -> None:
        """Raises AlreadyRunning, UnsafeFolder, OSError."""
        self.state = state
        self._lock = self._held()

    def _held(self) -> int:
        """The lock, taken. Raises AlreadyRunning, UnsafeFolder, OSError."""
        state = self.state
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # First: who types `run` beside the service is another user than it, and that is no fault.
        if _held(state):
            raise AlreadyRunning(f"another daemon runs on {state}")
        refuse_shared(state)
        lock = os.open(
            state / "daemon.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            # flock(2) belongs to the open file: the kernel lets go of it when the process ends,
            # killed or not.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise AlreadyRunning(f"another daemon runs on {state}") from None
        return lock

    def displaced(self) -> str:
        """That the lock is no longer the one under its name, so that another daemon may start; ""
        where it is.
        """
        lock = self.state / "daemon.lock"
        if same_file(lock, os.fstat(self._lock)):
            return ""
        return f"the lock {lock} was {'replaced' if lock.exists() else 'removed'} while in use"

    def renew(self) -> None:
        """Hold the folder again by the lock that lies there now. Raises AlreadyRunning, OSError."""
        new = self._held()
        os.close(self._lock)
        self._lock = new

    def beat(self, now: datetime, doing: str = "", stuck: str = "") -> None:
        """Say that it lives, what it is doing, and what keeps it from keeping that. Raises
        OSError.
        """
        new = self.state / "heartbeat.new"
        body: _Beat = {"at": now.isoformat(), "pid": os.getpid(), "doing": doing, "stuck": stuck}
        # What lies there is a killed daemon's, or was planted: it is never written through.
        new.unlink(missing_ok=True)
        written = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(written, "w", encoding="utf-8") as file:
            file.write(json.dumps(HEARTBEAT.numbered(body)))
        # rename(2) is atomic: whoever reads sees the last beat or this one, and never half of one.
        new.replace(self.state / "heartbeat.json")

    def leave(self) -> None:
        """Let go of the folder."""
        os.close(self._lock)


def heartbeat(state: Path) -> Heartbeat | None:
    """The last sign of life of the daemon of a state folder; None if there never was one. Raises
    Unreadable for one that another release has written.
    """
    try:
        kept = json.loads((state / "heartbeat.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    body = HEARTBEAT.read(kept)
    at, held = datetime.fromisoformat(body["at"]), _held(state)
    return Heartbeat(at, body["pid"], held, body["doing"], body["stuck"])


def _held(state: Path) -> bool:
    try:
        lock = os.open(state / "daemon.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A shared lock that is granted proves that nobody holds the exclusive one. Two who ask at
        # once do not disturb each other.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(lock)
