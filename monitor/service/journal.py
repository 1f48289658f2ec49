"""The log as events with fields, in systemd's journal: its native protocol (systemd.io,
JOURNAL_NATIVE_PROTOCOL) over its datagram socket.

    MESSAGE=action=page_listens at=http://127.0.0.1:8322
    PRIORITY=6                      syslog(3): 3 an error, 4 a warning, 6 information
    SYSLOG_IDENTIFIER=reveille
    LOGGER=reveille
    REVEILLE_ACTION=page_listens    `journalctl REVEILLE_ACTION=page_listens`
    REVEILLE_AT=http://127.0.0.1:8322

Rules: one event a datagram, a traceback within it; what cannot be sent goes to standard error, so
that no line is lost. The fields hold what the line says, and nothing beside it.
"""

from __future__ import annotations

import logging
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
_PAIR = re.compile(r"([a-z][a-z_]{0,40})=(\S*)\s*")
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
# A datagram holds some 200 kB (net.core.wmem_max); a traceback of a deep recursion is longer.
_LONGEST = 48_000


def priority(level: int) -> int:
    """The number of syslog(3) for a level of logging."""
    return next((number for least, number in _PRIORITIES if level >= least), 7)


class NativeJournal(logging.Handler):
    """Sends each event to the journal; to `otherwise` what it does not take."""

    def __init__(self, otherwise: logging.Handler, path: Path = SOCKET) -> None:
        """Raises OSError where there is no journal."""
        super().__init__()
        self._otherwise = otherwise
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def emit(self, record: logging.LogRecord) -> None:
        """Send one event."""
        try:
            self._socket.send(encoded(record, self.format(record)))
        # The journal was restarted, or is overrun: standard error is its other ear.
        except OSError:
            self._otherwise.emit(record)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
        super().close()


def encoded(record: logging.LogRecord, message: str) -> bytes:
    """An event as the journal takes it."""
    return b"".join(_field(name, value) for name, value in _fields(record, message))


def _fields(record: logging.LogRecord, message: str) -> Iterator[tuple[str, str]]:
    yield "MESSAGE", message[:_LONGEST]
    yield "PRIORITY", str(priority(record.levelno))
    yield "SYSLOG_IDENTIFIER", "reveille"
    yield "LOGGER", record.name
    yield "CODE_FILE", record.pathname
    yield "CODE_LINE", str(record.lineno)
    yield "CODE_FUNC", record.funcName or ""
    at = 0
    # The pairs that a line begins with; what follows is a sentence.
    while (pair := _PAIR.match(message, at)) is not None and pair.end() > at:
        yield f"REVEILLE_{pair[1].upper()}", pair[2][:1000]
        at = pair.end()


def _field(name: str, value: str) -> bytes:
    written = value.encode("utf-8", "replace")
    if b"\n" not in written:
        return name.encode() + b"=" + written + b"\n"
    return name.encode() + b"\n" + struct.pack("<Q", len(written)) + written + b"\n"
