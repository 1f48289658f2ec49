"""A helpdesk of the tests' own: HTTP/1.1 on a free port, over what one vendor's document says.

A vendor's server is a class with routes; what it refuses it raises as `Refused`. It keeps its
tickets, and every write that it was asked for (`writes`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.loopback.serving import listening


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body; refused where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refused(400, {"error": "no JSON"}) from None

    @property
    def form(self) -> list[tuple[str, str, bytes]]:
        """Its body as a form of RFC 7578, as any reader of mail reads it: of each field its name,
        the file's ("" where it is none), and the content.
        """
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        return [
            (
                str(part.get_param("name", header="content-disposition")),
                part.get_filename("") or "",
                bytes(part.get_payload(decode=True)),
            )
            for part in message_from_bytes(head + self.body).walk()
            if not part.is_multipart()
        ]


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status)
        self.status, self.body = status, body


Route = Callable[..., Any]


class VendorServer:
    """One vendor's helpdesk."""

    routes: tuple[tuple[str, str, str], ...] = ()
    """method, pattern of the path, name of the method that answers"""

    def __init__(self) -> None:
        self.tickets: dict[int, dict[str, Any]] = {}
        self.writes: list[tuple[str, str]] = []
        self.files: dict[str, list[tuple[str, bytes]]] = {}
        """ticket -> the files with it, by name"""
        self._uploaded: dict[str, tuple[str, bytes]] = {}
        self.now = 0.0
        """seconds that have gone by, for searches that lag behind"""

    def admit(self, asked: Asked) -> None:
        """Raises Refused for bad credentials."""
        raise NotImplementedError

    def answer(self, asked: Asked) -> tuple[int, object]:
        """What is said: status and body."""
        try:
            self.admit(asked)
            for method, pattern, name in self.routes:
                found = re.fullmatch(pattern, asked.path)
                if found and method == asked.method:
                    if method != "GET":
                        self.writes.append((method, asked.path))
                    said = getattr(self, name)(asked, *found.groups())
                    return said if isinstance(said, tuple) else (200, said)
            raise Refused(404, {"error": f"no such resource {asked.path}"})
        except Refused as refused:
            return refused.status, refused.body

    def alive(self, key: str) -> list[str]:
        """The tickets of a key that are not merged into another."""
        raise NotImplementedError

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        """Status and severity in the vendor's words, and all that was written."""
        raise NotImplementedError

    def owner(self, number: str) -> str:
        """Who owns it, as `owners` has him; "" nobody."""
        raise NotImplementedError

    def operator(self, number: str, **does: str) -> None:
        """Somebody at the desk sets `status`, `severity` or `owner`, or writes a `note`."""
        raise NotImplementedError

    def uploaded(self, name: str, content: bytes) -> str:
        """A token for a file that is with no ticket yet."""
        token = f"token-{len(self._uploaded) + 1}"
        self._uploaded[token] = (name, content)
        return token

    def enclosed(self, number: str, tokens: Iterable[str]) -> None:
        """The files of these tokens are with a ticket from now on."""
        self.files.setdefault(number, []).extend(self._uploaded[token] for token in tokens)

    def passed(self, seconds: float) -> None:
        """Time goes by."""
        self.now += seconds

    def next_number(self) -> int:
        """Of the next ticket."""
        return max(self.tickets, default=0) + 1

    def ticket(self, number: str) -> dict[str, Any]:
        """One of them; refused where there is none."""
        if int(number) not in self.tickets:
            raise Refused(404, {"error": "Couldn't find the ticket"})
        return self.tickets[int(number)]

    def known(self, given: Mapping[str, Any], names: str, status: int = 422) -> None:
        """Refuse a field that is in no document."""
        if strange := set(given) - set(names.split()):
            raise Refused(status, {"error": f"unknown attribute {sorted(strange)[0]}"})


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The bytes of one request; b"" where none comes."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def parsed(request: bytes) -> Asked:
    """A request out of its bytes."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    parts = urlsplit(target)
    return Asked(
        method, unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers, body,
    )  # fmt: skip


def written(status: int, body: object) -> bytes:
    """An answer in bytes."""
    if isinstance(body, bytes):
        text, kind = body, "text/plain"
    else:
        text, kind = b"" if body is None else json.dumps(body).encode(), "application/json"
    return (
        f"HTTP/1.1 {status} Said\r\nContent-Type: {kind}; charset=utf-8\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    ).encode() + text


@asynccontextmanager
async def serving(server: VendorServer) -> AsyncIterator[int]:
    """Serve it; yields its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if request := await read_request(reader):
            writer.write(written(*server.answer(parsed(request))))
            await writer.drain()

    async with listening(talk) as port:
        yield port
