"""TLS of a line, beside the engine: its own OpenSSL is of 2017, and reads nothing of any far end.

The engine speaks TCP to a port of 127.0.0.1 that this relay has; every connection of it becomes one
of TLS to the registrar, made and checked by Python's ssl. The messages are written anew on the way
(checks/telephony/sip/relayed.py). It runs in a thread of its own, in the process of a phone.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from checks.telephony.sip.framing import Stream, TooLong
from checks.telephony.sip.ladder import Message
from checks.telephony.sip.relayed import Relayed
from checks.transport.tls_context import made, said

HOST = "127.0.0.1"
# Of a call's own time limits, none is longer: the engine gives up an INVITE after 32 s (timer B).
_CONNECT_SECONDS = 30.0
_READ_BYTES = 16_384
# Messages whose form on the wire is kept for the ladder.
_KEPT = 200


@dataclass(frozen=True)
class Far:
    """Where the connections go: the addresses of one server, and the name it must prove."""

    places: tuple[tuple[str, int], ...]
    name: str
    authorities: Path | None


class TlsRelay:
    """Open for as long as the process lives."""

    def __init__(self, far: Far) -> None:
        """Listens when it returns. Raises OSError, also for authorities that are none."""
        self.trouble = ""
        """why the latest connection failed or broke; "" while none did"""
        self._far, self._context = far, made(far.authorities, "1.2")
        self._port = 0
        self._first: Relayed | None = None
        self._wire: OrderedDict[str, str] = OrderedDict()
        self._ready = threading.Event()
        self._failed: OSError | None = None
        threading.Thread(target=self._live, name="tls-relay", daemon=True).start()
        self._ready.wait()
        if self._failed:
            raise self._failed

    @property
    def place(self) -> str:
        """Where the engine sends to: host:port."""
        return f"{HOST}:{self._port}"

    def on_the_wire(self, message: Message) -> Message:
        """A message of the engine's, as the far end sent or got it; as the engine has it while
        there is no connection yet.
        """
        if self._first is None or message.far.rpartition(" ")[2] != self.place:
            return message
        host, port = self._far.places[0]
        if message.direction == "received":
            text = self._wire.get(message.text, message.text)
        else:
            text = _outward(self._first, message.text)
        return replace(message, far=f"TLS {host}:{port}", text=text)

    def _live(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        try:
            server = await asyncio.start_server(self._relay, HOST, 0)
        except OSError as problem:
            self._failed = problem
            self._ready.set()
            return
        self._port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        await server.serve_forever()

    async def _relay(self, engine: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection of the engine's, and its own to the far end; both end together."""
        with suppress(OSError):  # the engine is gone
            if not _is_ours(back):
                back.close()
                return
            try:
                far, there = await self._connected()
                await self._pass_on(engine, back, far, there)
            except (OSError, TooLong, TimeoutError) as problem:
                self.trouble = said(problem) if isinstance(problem, ssl.SSLError) else str(problem)
            finally:
                back.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        problem: OSError = OSError("no address")
        async with asyncio.timeout(_CONNECT_SECONDS):
            for host, port in self._far.places:
                try:
                    return await asyncio.open_connection(
                        host, port, ssl=self._context, server_hostname=self._far.name
                    )
                except OSError as met:
                    problem = met
        raise problem

    async def _pass_on(
        self,
        engine: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        there: asyncio.StreamWriter,
    ) -> None:
        host, port = there.get_extra_info("sockname")[:2]
        relayed = self._first = Relayed(self.place, f"{host}:{port}")
        ways = [
            asyncio.ensure_future(_copied(engine, there, relayed.outward)),
            asyncio.ensure_future(_copied(far, back, lambda one: self._inward(relayed, one))),
        ]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
            if ways[1] in done:
                self.trouble = "End of file: the far end closed the connection"
        finally:
            there.close()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    def _inward(self, relayed: Relayed, message: bytes) -> bytes:
        """Kept as it came, since the engine's log has it as it gets it."""
        written = relayed.inward(message)
        self._wire[written.decode("utf-8", "replace")] = message.decode("utf-8", "replace")
        while len(self._wire) > _KEPT:
            self._wire.popitem(last=False)
        return written


def _outward(relayed: Relayed, text: str) -> str:
    written = text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
    return relayed.outward(written).decode("utf-8", "replace")


async def _copied(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, change: Callable[[bytes], bytes]
) -> None:
    """Message by message until the source ends. Raises OSError, TooLong."""
    stream = Stream()
    while data := await source.read(_READ_BYTES):
        # RFC 5626 section 3.5.1: nothing but line ends keeps a connection alive.
        if not data.strip(b"\r\n"):
            sink.write(data)
        for message in stream.take(data):
            sink.write(change(message))
        await sink.drain()


def _is_ours(connection: asyncio.StreamWriter) -> bool:
    """Whether it is this process that has connected: its sockets have their inodes in /proc."""
    _, port = connection.get_extra_info("peername")
    ours = set()
    for name in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            ours.add(name.readlink().name)
    for line in Path("/proc/self/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if words[1] == f"0100007F:{port:04X}" and f"socket:[{words[9]}]" in ours:
            return True
    return False
