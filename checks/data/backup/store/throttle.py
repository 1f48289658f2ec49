"""Reading slowly: what is read waits for its share of time, and the database server waits
with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

_CHUNK_BYTES = 1 << 20


class Readable(Protocol):
    """Where bytes come from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many; empty at the end."""


class Throttle:
    """Lets so many bytes a second through, for all who share it; None lets everything through."""

    def __init__(self, bytes_a_second: float | None) -> None:
        self._rate = bytes_a_second
        self._free_at = 0.0

    @property
    def slow(self) -> bool:
        """Whether it holds anything back."""
        return self._rate is not None

    def take(self, count: int) -> None:
        """Wait until so many bytes are allowed."""
        if self._rate is None:
            return
        now = time.monotonic()
        # The time that was not used is not saved up: after a pause a burst would hit the server all
        # the same.
        self._free_at = max(self._free_at, now) + count / self._rate
        if self._free_at > now:
            time.sleep(self._free_at - now)


class Metered:
    """Reads from a source, counts, and keeps to the throttle."""

    def __init__(self, source: Readable, throttle: Throttle, told: Callable[[int], None]) -> None:
        self._source, self._throttle, self._told = source, throttle, told
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes; small ones while the throttle is on, so that the server never
        waits long.
        """
        data = self._source.read(_CHUNK_BYTES if size < 0 else size)
        self.count += len(data)
        self._told(len(data))
        self._throttle.take(len(data))
        return data
