"""What the HTTP bench looks at and is held against: one local server, and Debian's
prometheus-blackbox-exporter.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from tests.loopback.certificates import Authority

_PAGE = (
    b"<!doctype html><html><head><title>Agent Portal</title></head><body><h1>Agent"
    b" Portal</h1>%s</body></html>"
    % (b"<p>Sign in to take calls and chats of the reservations queue.</p>" * 8)
)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control:"
    b" no-store\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_PAGE), _PAGE)
)
_MODULE = """\
modules:
  page:
    prober: http
    timeout: 20s
    http:
      preferred_ip_protocol: ip4
      fail_if_body_not_matches_regexp: ["Sign in"]
      tls_config: {{ca_file: {authority}}}
"""
EXPORTER = "prometheus-blackbox-exporter"


class _Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._asked = transport, b""

    def data_received(self, data: bytes) -> None:
        self._asked += data
        if self._asked.endswith(b"\r\n\r\n"):
            self._transport.write(_ANSWER)
            self._transport.close()


async def serve(pem: str) -> None:
    """The server's own process: says its two ports, plain and TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(_Server, "127.0.0.1", 0, backlog=1000),
        await loop.create_server(_Server, "127.0.0.1", 0, backlog=1000, ssl=context),
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


@asynccontextmanager
async def pages(folder: Path) -> AsyncIterator[tuple[dict[str, str], Path]]:
    """The local server: scheme -> URL of its page, and the authority to trust."""
    authority = Authority(folder)
    authority.issue("127.0.0.1")
    command = (sys.executable, "-m", "tests.loopback.blackbox_exporter", str(folder / "server.pem"))
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert server.stdout is not None
        plain, secure = (await server.stdout.readline()).decode().split()
        yield (
            {"http": f"http://127.0.0.1:{plain}/", "https": f"https://127.0.0.1:{secure}/"},
            authority.file,
        )
    finally:
        server.kill()
        await server.wait()


class Exporter:
    """A running blackbox_exporter, asked as Prometheus asks it: over connections that are kept."""

    def __init__(self, process: psutil.Process, port: int) -> None:
        self.process, self._port = process, port

    async def probe(self, url: str, times: int, at_once: int) -> None:
        """So many probes of a page; each must succeed."""
        left = iter(range(times))

        async def asking() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            for _ in left:
                writer.write(
                    f"GET /probe?module=page&target={url} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
                )
                said = await _answered(reader)
                assert b"\nprobe_success 1\n" in said, said[-300:]
            writer.close()

        await asyncio.gather(*(asking() for _ in range(at_once)))


async def _answered(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length:" in head:
        return await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


@asynccontextmanager
async def exporter(folder: Path, authority: Path) -> AsyncIterator[Exporter]:
    """Debian's prometheus-blackbox-exporter, with one module: the page must have its text."""
    (folder / "blackbox.yml").write_text(_MODULE.format(authority=authority))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (
        EXPORTER,
        f"--config.file={folder}/blackbox.yml",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    child = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                break
        yield Exporter(psutil.Process(child.pid), port)
    finally:
        child.kill()
        await child.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
