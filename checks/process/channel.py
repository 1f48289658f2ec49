"""The child's end of a socket to the daemon: for the processes that are ordered about, such as one
that holds a call.

One JSON object a line: commands in ({"do": ...}), events out ({"event": ..., "at": monotonic
seconds, ...}).
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

# A daemon that reads nothing for so long is stopped (SIGSTOP) or as good as gone; a call under way
# cannot wait for it.
_FAREWELL_SECONDS = 3.0
# An order holds a script with its prompts' paths, some kilobytes; a line without an end is no
# order.
_LONGEST_LINE = 1 << 20


class Channel:
    """The socket to the daemon. `gone` once the other end closed."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._unread = b""
        self.gone = False

    def fileno(self) -> int:
        """The descriptor, for an event loop to watch."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self.gone = True

    def tell(self, event: str, at: float | None = None, **facts: Any) -> None:
        """Send an event. With nobody to hear it, nothing happens."""
        line = (
            json.dumps(
                {"event": event, "at": time.monotonic() if at is None else at, **facts}
            ).encode()
            + b"\n"
        )
        while line and not self.gone:
            try:
                line = line[self._socket.send(line) :]
            except BlockingIOError:
                self.gone = not select.select([], [self._socket], [], _FAREWELL_SECONDS)[1]
            except OSError:
                self.gone = True

    def commands(self) -> Iterator[dict[str, Any]]:
        """Every whole command that has come in."""
        with suppress(BlockingIOError):
            try:
                received = self._socket.recv(65536)
            except ConnectionError:
                # ECONNRESET: the daemon died with something of ours unread in its socket; that is
                # an end like any other.
                received = b""
            self.gone = self.gone or not received or len(self._unread) > _LONGEST_LINE
            self._unread += received
        *lines, self._unread = self._unread.split(b"\n")
        yield from (json.loads(line) for line in lines)


def be_a_good_child() -> None:
    """No core files (they would hold secrets); SIGALRM kills what is stuck; what a library prints
    is a complaint. That the daemon has gone is told by the end of the socket, and by SIGTERM of the
    guard."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
