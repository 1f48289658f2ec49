"""Break and mend a lab that runs in another process: one line each way over a Unix socket in the
lab's folder.

> break ivr-silent          < ok
> mend                      < ok
> mend ivr-silent           < ok
> list                      < ok busy ivr-silent
> break ivr-silend          < error there is no fault 'ivr-silend'; did you mean 'ivr-silent'?
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.injected_faults import Faults, UnknownFault

SOCKET = "control"
# Seconds. One line each way within one host: who needs longer is gone.
_TIME_LIMIT = 5.0


class ControlError(Exception):
    """The lab did not do it, or there is no lab."""


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """The socket's path by way of an open folder: sun_path holds only 108 bytes, folders may be
    deeper.
    """
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def send(folder: Path, verb: str, name: str = "") -> str:
    """Ask the lab in `folder`: "break", "mend" or "list". Blocks; from the lab's own process call
    the lab itself.

    Returns what follows "ok". Raises ControlError.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_TIME_LIMIT)
        try:
            with _address(folder) as address:
                client.connect(address)
            client.sendall(f"{verb} {name}".strip().encode() + b"\n")
            with client.makefile("r", encoding="utf-8") as answer:
                word, _, rest = answer.readline().strip().partition(" ")
        except OSError as error:
            raise ControlError(f"no lab answers in {folder}: {error.strerror or error}") from error
    if word != "ok":
        raise ControlError(rest or "the lab hung up")
    return rest


class Control:
    """The listening end."""

    def __init__(self, folder: Path, faults: Faults) -> None:
        self._folder, self._faults = folder, faults
        self._talks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Bind the socket, 0600. Raises OSError."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            (self._folder / SOCKET).unlink(missing_ok=True)
            with _address(self._folder) as address:
                listener.bind(address)
            # Whoever can break the lab could make the monitor write tickets.
            (self._folder / SOCKET).chmod(0o600)
        except OSError:
            listener.close()
            raise
        self._server = await asyncio.start_unix_server(self._accept, sock=listener)

    async def close(self) -> None:
        """Stop listening, break off what is under way, and remove the socket."""
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await self._server.wait_closed()
        (self._folder / SOCKET).unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        self._talks.add(task)
        try:
            async with asyncio.timeout(_TIME_LIMIT):
                written = (await reader.readline()).decode("utf-8", "replace").split()
                writer.write(self._answer(written).encode() + b"\n")
                await writer.drain()
        # Whoever asked is gone, or never asked; ValueError is a line longer than the stream allows.
        except (TimeoutError, OSError, ValueError):
            writer.transport.abort()
        finally:
            self._talks.discard(task)
            writer.close()

    def _answer(self, words: list[str]) -> str:
        try:
            match words:
                case ["break", name]:
                    self._faults.switch_on(name)
                case ["mend"]:
                    self._faults.switch_off()
                case ["mend", name]:
                    self._faults.switch_off(name)
                case ["list"]:
                    return " ".join(["ok", *sorted(self._faults.names)])
                case _:
                    return "error say: break NAME, mend [NAME] or list"
        except UnknownFault as error:
            return f"error {error}"
        return "ok"
