"""The centre's WebRTC edge: SIP over a secure WebSocket (RFC 7118) to an answering machine that
says the welcome and then gives back what it hears. In pure Python, for the demo and the tests.

One softphone may call another by its user name. Faults: webrtc-socket-down,
webrtc-register-refused, webrtc-no-return, webrtc-calls-lost, webrtc-ice-blocked, webrtc-no-media,
webrtc-one-way. aiortc is loaded with the first call: most who run a lab never place one.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sipmessage import Address, Message, Request, Response
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from lab.injected_faults import Faults
from lab.pbx import sip_messages
from lab.pbx.registrar import Registrar
from lab.webrtc_routing import Routing

if TYPE_CHECKING:
    from lab.webrtc_media import Machine

NUMBER = "8000"
# As large as a SIP datagram may be; the INVITE of a browser is far smaller.
_LARGEST_BYTES = 65536


class Edge:
    """One edge on one port."""

    def __init__(self, faults: Faults, users: Mapping[str, str], welcome: Path) -> None:
        """`users`: name -> password; `welcome`: what is said first."""
        self.faults, self._welcome = faults, welcome
        self.port = 0
        self._registrar = Registrar(dict(users))
        self._routing, self._fallen = Routing(), set[str]()
        self._machines: dict[str, Machine] = {}
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where softphones connect."""
        return f"wss://127.0.0.1:{self.port}/"

    async def open(self, host: str, context: ssl.SSLContext) -> None:
        """Raises OSError."""
        self._server = await serve(
            self._serve,
            host,
            0,
            ssl=context,
            subprotocols=[Subprotocol("sip")],
            process_request=self._gate,
            compression=None,
            max_size=_LARGEST_BYTES,
            close_timeout=0.5,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        """End every call and let go of the port."""
        for machine in list(self._machines.values()):
            await machine.close()
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def _gate(self, connection: ServerConnection, _request: Any) -> Any:
        return (
            connection.respond(503, "no softphones just now\n")
            if self.faults.broken("webrtc-socket-down")
            else None
        )

    async def _serve(self, connection: ServerConnection) -> None:
        """One softphone, as long as its socket lives; its calls end with it."""
        mine: set[str] = set()
        try:
            async for text in connection:
                said = text if isinstance(text, str) else text.decode()
                if answer := await self._answer(said, mine, connection):
                    await connection.send(bytes(answer).decode())
        except (ConnectionClosed, ValueError, KeyError):
            await connection.close()
        finally:
            gone = self._routing.forget(connection)
            if self.faults.broken("webrtc-no-return"):
                self._fallen.update(gone)
            for call in mine:
                await self._end(call)

    async def _answer(
        self, text: str, mine: set[str], connection: ServerConnection
    ) -> Response | None:
        message = Message.parse(text.encode()) if text.strip() else None
        if isinstance(message, Response):
            await self._routing.pass_back(message, text, connection)
        if not isinstance(message, Request):
            return None
        if message.method == "REGISTER":
            return self._register(message, connection)
        if self._routing.knows(message) and message.call_id not in self._machines:
            return await self._pass_on(message, text, connection)
        if message.method == "ACK":
            return None
        if message.method == "INVITE":
            mine.add(message.call_id)
            return await self._invite(message)
        if message.method == "BYE":
            await self._end(message.call_id)
        return sip_messages.reply(message, 200, sip_messages.token())

    async def _pass_on(
        self, request: Request, text: str, connection: ServerConnection
    ) -> Response | None:
        if request.method == "INVITE":
            self._routing.learn(request, connection)
            # 100 alone: the caller believes that it is under way.
            if self.faults.broken("webrtc-calls-lost"):
                return sip_messages.reply(request, 100)
        await self._routing.pass_on(request, text, connection)
        return None

    def _register(self, request: Request, connection: ServerConnection) -> Response:
        if self.faults.broken("webrtc-register-refused"):
            return sip_messages.reply(request, 403, sip_messages.token())
        if (refusal := self._registrar.refusal(request)) is not None:
            return refusal
        user = Address.parse(request.headers["To"]).uri.user or ""
        if self.faults.broken("webrtc-no-return") and user in self._fallen:
            self._fallen.discard(user)
            return sip_messages.reply(request, 403, sip_messages.token())
        self._routing.learn(request, connection, user)
        return sip_messages.reply(
            request, 200, sip_messages.token(), Contact=request.headers["Contact"]
        )

    async def _invite(self, request: Request) -> Response:
        if request.uri.user != NUMBER:
            return sip_messages.reply(request, 404, sip_messages.token())
        # In a thread: the imports take a second or more, and calls that are up must not stutter.
        await asyncio.to_thread(import_module, "lab.webrtc_media")
        from lab.webrtc_media import Machine

        machine = self._machines[request.call_id] = Machine(self.faults, self._welcome)
        offer = request.body.decode()
        blocked = self.faults.broken("webrtc-ice-blocked")
        described = await machine.answer(_without_candidates(offer) if blocked else offer)
        answer = sip_messages.reply(
            request, 200, sip_messages.token(), Contact=f"<sip:{NUMBER}@edge.invalid;transport=ws>"
        )
        body = _without_candidates(described) if blocked else described
        sip_messages.with_body(answer, "application/sdp", body.encode())
        return answer

    async def _end(self, call: str) -> None:
        if machine := self._machines.pop(call, None):
            await machine.close()


def _without_candidates(described: str) -> str:
    """Every candidate leads to the discard port: as behind a firewall."""
    return re.sub(
        r"(?m)^(a=candidate:\S+ 1 udp \d+ )\S+ \d+ typ .*$", r"\g<1>127.0.0.1 9 typ host", described
    )
