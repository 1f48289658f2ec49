"""What an engine is given to work with, and what it gives back. Each engine is a class with these
four methods.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from checks.contract import Failed
from checks.data.backup.events import BackupEvents
from checks.data.backup.store.archive_file import Artefact, Writable, store, unpack
from checks.data.backup.store.manifest import Content, Manifest
from checks.data.backup.store.throttle import Readable, Throttle

_T = TypeVar("_T")
Told = Mapping[str, Any]
"""what a sandbox told of what it found"""
_LONGEST_NAMED = 120
_LONGEST_LINE = 200


class Stopped(Exception):
    """Another part of the work failed: this one has no reason to go on."""


@dataclass(frozen=True, slots=True)
class Previous:
    """The backup before this one, and its folder: closed partitions are reused from it."""

    manifest: Manifest
    folder: Path


@dataclass(frozen=True, slots=True)
class Taken:
    """What a dump came to; what the manifest is made of."""

    data_as_of: str
    tool: str
    server: str
    tables: Mapping[str, Content]
    artefacts: tuple[Artefact, ...]
    hashed_by: str
    snapshot: str = ""
    position: str = ""
    schema_sha256: str = ""
    newest_record: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a restored backup holds. `differences` says in words what else is not as it was."""

    tables: Mapping[str, Content]
    newest_record: str | None = None
    differences: tuple[str, ...] = ()
    not_run: tuple[str, ...] = ()
    """what is no part of a proof, or was compared only as it stands in the backup"""


def told_tables(found: Mapping[str, Content]) -> dict[str, list[Any]]:
    """Tables as a sandbox tells them."""
    return {name: [each.rows, each.hash, each.bytes] for name, each in found.items()}


def found_of(told: Told, differences: tuple[str, ...] = ()) -> Found:
    """What a sandbox told, as facts. Raises Failed for what is of another form."""
    with of_known_form():
        tables = {
            str(name): Content(int(rows), str(value), int(size))
            for name, (rows, value, size) in told["tables"].items()
        }
        newest = None if told["newest"] is None else str(told["newest"])
        not_run = tuple(str(each)[:_LONGEST_NAMED] for each in told.get("not_run", ()))
    return Found(tables, newest, differences, not_run)


@contextmanager
def of_known_form() -> Iterator[None]:
    """What a sandbox told is taken apart within. Raises Failed for what is of another form."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Failed("cluster-died", f"the drill told {type(problem).__name__}", "local") from None


def schema_difference(was: bytes, now: bytes) -> str:
    """In words, how two schemas differ: the first line that is gone and the first that is new name
    the object; the whole difference may be pages long.
    """
    before, after = was.splitlines(), now.splitlines()
    gone, new = _first_not_in(before, after), _first_not_in(after, before)
    if gone or new:
        return f"the schema differs: {gone!r} became {new!r}"
    return "the schema differs: the same lines stand in another order, or more often"


def _first_not_in(lines: list[bytes], others: list[bytes]) -> str:
    there = set(others)
    found = next((line for line in lines if line not in there), b"")
    return found.decode(errors="replace")[:_LONGEST_LINE]


class Work:
    """One piece of work: its voice, its throttle, its keys. Shared by all threads."""

    def __init__(
        self,
        events: BackupEvents,
        throttle: Throttle,
        recipients: tuple[str, ...] = (),
        identities: tuple[str, ...] = (),
        jobs: int = 2,
        part_bytes: int = 64_000_000,
        run_as: str = "",
        extensions: tuple[str, ...] = (),
    ) -> None:
        self.events, self.throttle = events, throttle
        self.recipients, self.identities = recipients, identities
        self.jobs, self.part_bytes, self.run_as = jobs, part_bytes, run_as
        self.extensions = extensions
        self._stopped = threading.Event()

        # One thread: unpacking goes on while the drill's server is made ready, and nothing else
        # needs it.
        self._beside = ThreadPoolExecutor(1)
        self.unthrottled = Throttle(None)

    def beside(self, part: Callable[[], _T]) -> Future[_T]:
        """Begin something in a thread of its own; it has to be waited for."""
        return self._beside.submit(part)

    @property
    def suffix(self) -> str:
        """What an artefact's name ends with."""
        return ".zst.age" if self.recipients else ".zst"

    def advance(self, count: int) -> None:
        """So many bytes are done. Raises Stopped."""
        if self._stopped.is_set():
            raise Stopped
        self.events.advance(count)

    def store(self, source: Readable, folder: Path, name: str) -> Artefact:
        """Write an artefact of this name (and suffix)."""
        return store(
            source, folder / f"{name}{self.suffix}", self.recipients, self.throttle, self.advance
        )

    def unpack(self, folder: Path, artefact: Artefact, target: Writable) -> None:
        """Write an artefact's plain content to `target`."""
        unpack(folder / artefact.name, artefact, target, self.identities, self.advance)

    def together(self, *parts: Callable[[], _T]) -> list[_T]:
        """Do the parts at once, in threads that outlive their tools; the first fault ends all, and
        is raised.
        """
        with ThreadPoolExecutor(max(1, len(parts))) as pool:
            futures = [pool.submit(part) for part in parts]
            try:
                # The first fault, not the last end: a dump that broke after a minute must not wait
                # an hour for the others.
                _, going = wait(futures, return_when=FIRST_EXCEPTION)
                if going:
                    self._stopped.set()
            except BaseException:  # somebody asked the worker to end: its threads are told
                self._stopped.set()
                raise
        # The fault itself is raised, and not the mere stopping of the others: False sorts before
        # True.
        for future in sorted(futures, key=_merely_stopped):
            future.result()
        return [future.result() for future in futures]


class Engine(Protocol):
    """What is backed up, and how."""

    def size(self) -> int:
        """Bytes that the source occupies, about. Raises Failed."""

    def dump(self, partial: Path, work: Work, previous: Previous | None) -> Taken:
        """Write its artefacts into `partial`. Raises Failed."""


class Rehearsal(Protocol):
    """How a backup of one engine is restored into something throw-away."""

    def scratch_bytes(self, manifest: Manifest) -> int:
        """Bytes that it needs at most."""

    def rehearse(self, folder: Path, manifest: Manifest, scratch: Path, work: Work) -> Found:
        """Restore it under `scratch` and read it; nothing of it runs when this returns. Raises
        Failed.
        """


def _merely_stopped(future: Future[Any]) -> bool:
    return isinstance(future.exception(), Stopped)


def compared(manifest: Manifest, found: Found) -> None:
    """Hold what was restored to what the snapshot held. Raises Failed "differs" with the first
    differences.
    """
    wrong = [*_tables(manifest.tables, found.tables), *found.differences]
    if manifest.newest_record != found.newest_record:
        wrong.append(f"newest record {found.newest_record}, was {manifest.newest_record}")
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise Failed("differs", "; ".join(wrong[:5]) + more, origin="local")


def _tables(was: Mapping[str, Content], now: Mapping[str, Content]) -> list[str]:
    wrong = [f"{name} is missing" for name in was.keys() - now.keys()]
    wrong += [f"{name} is new" for name in now.keys() - was.keys()]
    # The hashes of different numbers of rows differ anyway: the rows say more.
    for name in was.keys() & now.keys():
        if was[name].rows != now[name].rows:
            wrong.append(f"{name} has {now[name].rows} rows, had {was[name].rows}")
        elif was[name].hash != now[name].hash:
            wrong.append(f"{name} has other content in its {now[name].rows} rows")
    return sorted(wrong)
