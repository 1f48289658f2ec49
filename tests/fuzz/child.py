"""One target under fuzzing, in a process of its own, which a find may end: `python -m
tests.fuzz.child NAME CPU-SECONDS SEED FOLDER`.

The input under way lies in FOLDER/input, so that a crash or a hang has its bytes too. Told, a line
of JSON each: {"tried": 12, "lines": 340, "slowest": 0.01} and {"find": "KeyError at …", "file": …}.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.mutation import mutated
from tests.fuzz.target import LONGEST_BYTES, MOST_BYTES, Target, memory_bytes, timed
from tests.fuzz.targets import TARGETS

_ROOT = f"{Path(__file__).parents[2]}/"
_WINGS = tuple(f"{_ROOT}{wing}/" for wing in ("checks", "monitor", "lab"))
# One of so many inputs is followed line by line, which takes ten times as long.
_FOLLOWED = 8
_MOST_KEPT, _MOST_FINDS = 2000, 10
_TOLD_EVERY_SECONDS = 5.0
# What a parser unpacks to the disk may be no more than this either.
_LARGEST_FILE = 64 << 20


class Fuzzing:
    """Mutates what it has, keeps what reaches new lines, and tells of finds once each."""

    def __init__(self, target: Target, seed: int, folder: Path) -> None:
        self._target, self._folder = target, folder
        self._chance = random.Random(seed)
        self._pool = [path.read_bytes() for path in target.seeds()] or [b"0"]
        self._under_way = under_way(folder / "input")
        self._lines = set[tuple[str, int]]()
        self._known = set[str]()
        self._tried, self._slowest, self._told_at = 0, 0.0, 0.0

    def begin(self) -> None:
        """Read the seeds, which loads whatever libraries it takes."""
        for data in list(self._pool):
            self._try(data, followed=True)

    def run(self, seconds: float) -> None:
        """Until so much processor time was spent, or too much was found."""
        until = time.process_time() + seconds
        while time.process_time() < until and len(self._known) < _MOST_FINDS:
            base = self._chance.choice(self._pool)
            data = mutated(self._chance, base, self._pool, self._target.words)
            self._try(data, followed=self._tried % _FOLLOWED == 0 and len(data) < 4096)
        self._tell(now=True)

    def _try(self, data: bytes, followed: bool) -> None:
        self._tried += 1
        keep(self._under_way, data)
        before, known = memory_bytes(), len(self._lines)
        try:
            if followed:
                following(lambda: self._target.hold(data), self._lines)
            else:
                self._slowest = max(self._slowest, timed(self._target, data))
            if memory_bytes() - before > MOST_BYTES:
                raise MemoryError(f"{(memory_bytes() - before) >> 20} MB for {len(data)} bytes")
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is a find
            self._found(problem, data)
        if len(self._lines) > known and len(self._pool) < _MOST_KEPT:
            self._pool.append(data)
        self._tell()

    def _found(self, problem: Exception, data: bytes) -> None:
        where = signature(problem)
        if where not in self._known:
            self._known.add(where)
            path = self._folder / f"find-{len(self._known)}"
            path.write_bytes(smaller(self._target, data, where))
            say(find=where, file=str(path), said=str(problem)[:200])

    def _tell(self, now: bool = False) -> None:
        if now or time.monotonic() - self._told_at > _TOLD_EVERY_SECONDS:
            self._told_at = time.monotonic()
            say(tried=self._tried, lines=len(self._lines), slowest=round(self._slowest, 3))


def under_way(path: Path) -> mmap.mmap:
    """A file of which the other process reads what was tried last: its length, then its bytes."""
    path.write_bytes(bytes(8 + LONGEST_BYTES))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def keep(shared: mmap.mmap, data: bytes) -> None:
    """Write what is tried now."""
    shared[8 : 8 + len(data)] = data
    shared[:8] = len(data).to_bytes(8, "big")


def limit_memory() -> None:
    """From here on no more than MOST_BYTES above what there is."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    now = pages * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_BYTES, -1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, -1))


def following(call: Callable[[], object], lines: set[tuple[str, int]]) -> None:
    """Call, and note which lines of the house it went through."""

    def follow(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_WINGS):
            return None
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return follow

    sys.settrace(follow)
    try:
        call()
    finally:
        sys.settrace(None)


def signature(problem: Exception) -> str:
    """What tells one find from another: the exception, and the last line of the house's own."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [one for one in frames if one.filename.startswith(_WINGS)]
    last = own[-1] if own else frames[-1]
    return f"{type(problem).__name__} at {last.filename.removeprefix(_ROOT)}:{last.lineno}"


def smaller(target: Target, data: bytes, where: str) -> bytes:
    """The same find in fewer bytes: pieces are left out as long as it stays."""
    until = time.process_time() + 5.0
    size = max(1, len(data) // 2)
    while size and time.process_time() < until:
        at = 0
        while at < len(data) and time.process_time() < until:
            tried = data[:at] + data[at + size :]
            if _finds(target, tried) == where:
                data = tried
            else:
                at += size
        size //= 2
    return data


def _finds(target: Target, data: bytes) -> str:
    try:
        timed(target, data)
    except Exception as problem:  # noqa: BLE001 - it is compared
        return signature(problem)
    return ""


def say(**facts: object) -> None:
    """One line for the other process."""
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    fuzzing = Fuzzing(TARGETS[sys.argv[1]], int(sys.argv[3]), Path(sys.argv[4]))
    fuzzing.begin()
    # The libraries are there by now: from here on memory is the input's.
    limit_memory()
    fuzzing.run(float(sys.argv[2]))
