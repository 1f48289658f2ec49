"""From one softphone of the edge to another: a proxy (RFC 3261 section 16) between their
WebSockets, in a few lines.

It adds its Via to what it passes on, and takes it away from what comes back; who is where is known
from Contacts.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress

from sipmessage import Request, Response
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

# A softphone in a browser writes one Via to a line, and never folds it.
_TOP_VIA = re.compile(r"(?im)^Via[ \t]*:[^\r\n]*\r\n")
# RFC 3261 section 8.1.1.7: the cookie with which every branch begins.
_BRANCH = re.compile(r"branch=(z9hG4bK[^;,\s]+)")
_CONTACT = re.compile(r"sips?:([^@>;]+)@")


class Routing:
    """Who can be reached by which socket."""

    def __init__(self) -> None:
        self._sockets: dict[str, ServerConnection] = {}
        self._waiting: dict[str, ServerConnection] = {}

    def learn(self, request: Request, connection: ServerConnection, user: str = "") -> None:
        """Remember where this request came from: its Contact, and the user that it registers."""
        if found := _CONTACT.search(request.headers.get("Contact") or ""):
            self._sockets[found[1]] = connection
        if user:
            self._sockets[user] = connection

    def forget(self, connection: ServerConnection) -> list[str]:
        """A socket is gone; who was there."""
        gone = [name for name, known in self._sockets.items() if known is connection]
        for name in gone:
            del self._sockets[name]
        self._waiting = {
            branch: known for branch, known in self._waiting.items() if known is not connection
        }
        return gone

    def knows(self, request: Request) -> bool:
        """Whether it is for one of them."""
        return (request.uri.user or "") in self._sockets

    async def pass_on(self, request: Request, text: str, connection: ServerConnection) -> None:
        """To the softphone that it is for."""
        target = self._sockets[request.uri.user or ""]
        top = _BRANCH.search(text)
        # Made from the branch that came, as stateless proxies do (RFC 3261 section 16.11): a
        # repeated request gets the same one.
        branch = "z9hG4bK" + hashlib.sha256((top[1] if top else text).encode()).hexdigest()[:20]
        self._waiting[branch] = connection
        first, rest = text.split("\r\n", 1)
        with suppress(ConnectionClosed):
            await target.send(f"{first}\r\nVia: SIP/2.0/WSS edge.invalid;branch={branch}\r\n{rest}")

    async def pass_back(self, _response: Response, text: str, connection: ServerConnection) -> None:
        """To whoever asked; the far end of a dialog is remembered by its Contact."""
        top = _TOP_VIA.search(text)
        found = _BRANCH.search(top[0]) if top else None
        if top is None or found is None or found[1] not in self._waiting:
            return
        if contact := re.search(r"(?im)^Contact[ \t]*:.*?sips?:([^@>;]+)@", text):
            self._sockets.setdefault(contact[1], connection)
        with suppress(ConnectionClosed):
            await self._waiting[found[1]].send(text[: top.start()] + text[top.end() :])
