"""What goes between the worker and the sandbox: lines of JSON, some with one descriptor beside
them (SCM_RIGHTS, unix(7)), over a stream socket.

    sandbox   {"ready": 2}                            it has begun, and speaks this version
    worker    {"task": {...}}                         what is to be restored, without its content
              {"artefact": "database.dump"} + fd      a plain file, as soon as it is unpacked
    sandbox   {"begin": "compare"} {"note": ...}      as a worker tells (process/child.py)
              {"found": {...}}                        what was restored holds; the last one
              {"fault": code, "text": ...}            or why there is nothing; the last one

Each side takes the other's lines as data: bounded, and of known words.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

VERSION = 3
"""of what is said here: another release's drill is refused"""
# A schema of 10 000 tables is some 20 MB; more than this no line has a reason to be.
_LONGEST_BYTES = 128_000_000
_CHUNK_BYTES = 1 << 16


class Broken(Exception):
    """The other side is gone, or says what is no line of these."""


class Line:
    """One end of the socket."""

    def __init__(self, end: socket.socket, descriptors: bool = False) -> None:
        """`descriptors` says whether any are taken: the worker takes none out of a sandbox."""
        self._end, self._takes = end, descriptors
        self._read = b""
        self._descriptors: list[int] = []

    def say(self, facts: dict[str, Any], descriptor: int | None = None) -> None:
        """One line, with a descriptor beside it. Raises Broken."""
        data = json.dumps(facts, default=str).encode() + b"\n"
        try:
            if descriptor is not None:
                # The descriptor goes with the first byte, and the rest follows.
                sent = socket.send_fds(self._end, [data], [descriptor])
                data = data[sent:]
            self._end.sendall(data)
        except OSError as problem:
            raise Broken(f"the other side is gone: {problem.strerror}") from problem

    def heard(self) -> Iterator[tuple[dict[str, Any], int | None]]:
        """Each line of the other side, with its descriptor. Raises Broken for what is none."""
        while True:
            line, found, rest = self._read.partition(b"\n")
            if found:
                self._read = rest
                facts = _facts(line)
                beside = "artefact" in facts and self._descriptors
                yield facts, self._descriptors.pop(0) if beside else None
                continue
            if not self._more():
                return

    def close(self) -> None:
        """End it: the other side sees the end of it, whoever still holds a copy."""
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()

    def _more(self) -> bool:
        """Read on to the end of a line; False at the end of all."""
        pieces, length = [self._read], len(self._read)
        while data := self._received():
            pieces.append(data)
            length += len(data)
            if length > _LONGEST_BYTES:
                raise Broken("it says a line without an end")
            if b"\n" in data:
                break
        self._read = b"".join(pieces)
        return bool(data)

    def _received(self) -> bytes:
        try:
            if not self._takes:
                return self._end.recv(_CHUNK_BYTES)
            data, descriptors, _, _ = socket.recv_fds(self._end, _CHUNK_BYTES, 1)
        except OSError as problem:
            raise Broken(problem.strerror or "the socket is broken") from problem
        self._descriptors += descriptors
        return data


def _facts(line: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError):
        raise Broken("it says what is no JSON") from None
    if not isinstance(facts, dict):
        raise Broken("it says what is no object")
    return facts
