"""Legs wait here until all have come, so that each call's legs are together. Only for the child
process.

As long as they are few they stay in memory; when they become many they go to a file in buckets by
their call, and are folded bucket by bucket: memory is bounded by a bucket, whatever the number of
records.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO

import numpy as np

from checks.data.usage.leg_rows import LEG, Rows

# 32 buckets: of ten million legs each holds some 300 000.
_BITS = 5
# So many legs stay in memory: as many as a bucket of ten million comes to.
_IN_MEMORY = 300_000


class Spool:
    """`add` legs, then `buckets` once. A context manager: it has files."""

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        self.in_memory = in_memory
        self._waiting: list[Rows] = []
        self._count = 0
        self._files: list[IO[bytes]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, legs: Rows) -> None:
        """Keep these legs until `buckets`."""
        if len(legs):
            self._waiting.append(legs)
            self._count += len(legs)
        if self._count > self.in_memory:
            self._write()

    def buckets(self) -> Iterator[Rows]:
        """Every leg once; all legs of a call in one bucket, in the order in which they came."""
        if not self._files:
            yield np.concatenate(self._waiting) if self._waiting else np.empty(0, LEG)
            return
        self._write()
        for file in self._files:
            file.seek(0)
            yield np.frombuffer(file.read(), LEG)

    def _write(self) -> None:
        if not self._waiting:
            return
        if not self._files:
            for _ in range(1 << _BITS):
                opened = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the stack
                self._files.append(self._stack.enter_context(opened))
        # A batch at a time: what a block came to still fits the processor's own memory.
        for legs in self._waiting:
            self._spread(legs)
        self._waiting, self._count = [], 0

    def _spread(self, legs: Rows) -> None:
        # The highest bits of a hash are spread evenly, and all legs of a call have the same.
        bucket = (legs["link"] >> np.uint64(64 - _BITS)).astype(np.uint8)
        # Stable: within a bucket legs stay in the order in which they came.
        written = legs[np.argsort(bucket, kind="stable")].tobytes()
        sizes = np.bincount(bucket, minlength=1 << _BITS) * LEG.itemsize
        end = 0
        for file, size in zip(self._files, sizes.tolist(), strict=True):
            begin, end = end, end + size
            file.write(written[begin:end])
