"""A target of fuzzing: one parser of the house, fed with bytes as a far end sends them.

It either reads them or gives its clear answer: an exception that it declares. Anything else is a
find. So is what takes longer than a second for 64 kB, or longer than in proportion to its length.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SEEDS, FINDS = HERE / "seeds", HERE / "finds"

LONGEST_BYTES = 262_144
"""no input is longer"""
SHORT_BYTES = 65_536
MOST_SECONDS = 1.0
"""processor time for one input of no more than SHORT_BYTES"""
MOST_BYTES = 256 << 20
"""how much memory may grow"""
# Below this a doubled input is not timed: its clock would be noise.
_WORTH_DOUBLING_SECONDS = 0.15
# Linear is 2; what is sorted takes a little more, and another program may have had the cache.
_MOST_GROWTH = 3.0
_TURNS = 5

Read = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Target:
    """A parser. `answers` are the exceptions by which it says clearly that it cannot read."""

    name: str
    read: Read
    answers: tuple[type[Exception], ...]
    reads: tuple[str, ...]
    """the modules whose reading this is"""
    words: tuple[bytes, ...] = ()
    """what stands in such bytes, for the mutations"""

    def __str__(self) -> str:
        return self.name

    def seeds(self) -> list[Path]:
        """Good and bad examples, and what was found before."""
        folders = (SEEDS / self.name, FINDS / self.name)
        return sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir())

    def hold(self, data: bytes) -> float:
        """Read; the processor seconds that it took. Raises whatever is not an answer, TookTooLong,
        and MemoryError.
        """
        begun = time.process_time()
        try:
            self.read(data)
        except MemoryError:
            raise
        except self.answers as answer:
            del answer
        return time.process_time() - begun


class TookTooLong(Exception):
    """More time than an input of its length may take."""


def timed(target: Target, data: bytes) -> float:
    """Read within the limits of time. Raises TookTooLong, and whatever is not an answer."""
    seconds = target.hold(data)
    if len(data) <= SHORT_BYTES and seconds > MOST_SECONDS:
        seconds = min(seconds, target.hold(data))
        if seconds > MOST_SECONDS:
            raise TookTooLong(f"{seconds:.2f} s for {len(data)} bytes")
    if seconds > _WORTH_DOUBLING_SECONDS:
        _hold_to_linear(target, data, seconds)
    return seconds


def _hold_to_linear(target: Target, data: bytes, seconds: float) -> None:
    half = data[: len(data) // 2]
    shorter = max(target.hold(half), 0.01)
    # Half of it may say something else altogether: only what is slow twice over is a growth.
    if shorter > _WORTH_DOUBLING_SECONDS / 4 and seconds / shorter > _MOST_GROWTH:
        # In turns, so that a host that is slower for a while is so for both.
        both = [(target.hold(data), target.hold(half)) for _ in range(_TURNS)]
        twice = min(one for one, _ in both) / min(other for _, other in both)
        if twice > _MOST_GROWTH:
            raise TookTooLong(f"{twice:.1f} times as long for twice as much, {len(data)} bytes")


def memory_bytes() -> int:
    """The most that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def pieces(data: bytes) -> Iterator[bytes]:
    """The bytes as a connection might bring them: in pieces of a length that they say themselves,
    so that each input is always cut the same way.
    """
    step = 1 + (len(data) * 31 + sum(data[:16])) % 1500
    for at in range(0, len(data), step):
        yield data[at : at + step]
