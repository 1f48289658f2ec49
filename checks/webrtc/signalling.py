"""SIP over a WebSocket (RFC 7118): asks, is asked, holds one call. Only for the softphone's
process.

    > REGISTER sip:example.net SIP/2.0
    > Via: SIP/2.0/WSS 4be1f0c2.invalid;branch=z9hG4bK5f2c…
    > Contact: <sip:9d0e@4be1f0c2.invalid;transport=ws>
    < SIP/2.0 401 Unauthorized                          asked again with credentials
    < SIP/2.0 200 OK

Rules: one message a frame, none repeated (RFC 7118 section 5); what is not SIP, is too large or
never ends a request is a fault of the peer ("bad-peer") and the end; a socket that is gone is
"dropped". Every message is in the ladder.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from sipmessage import Request, Response
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from checks.contract import Failed
from checks.telephony.sip import ladder
from checks.telephony.sip.digest import Proofs
from checks.telephony.sip.message import Awaited, Read, as_sent, read
from checks.webrtc.sip_requests import Identity, on_branch_of, reply

# A call has some tens of messages.
_MOST_MESSAGES = 1000
# A proof for each of two doors, each with a fresh nonce, and one more.
_ATTEMPTS = 6
# The ladder shows messages, not files.
_KEPT_CHARACTERS = 8192


class Signalling:
    """The conversation over one socket. `asked` takes the requests of the far end, `lost` the end
    of the socket.
    """

    def __init__(
        self,
        connection: ClientConnection,
        identity: Identity,
        asked: Callable[[Request], Response | None],
        lost: Callable[[Failed], None],
    ) -> None:
        self.identity, self.ladder = identity, ladder.Ladder()
        self.broken: Failed | None = None
        self._connection, self._asked, self._lost = connection, asked, lost
        self._proofs = Proofs(identity.login, lambda: identity.password or "")
        self._awaited: dict[Awaited, asyncio.Future[Response]] = {}
        self._provisional: dict[Awaited, Callable[[Response], None]] = {}
        self._messages = 0
        self._reading = asyncio.create_task(self._read())

    async def ask(
        self, question: Request, provisional: Callable[[Response], None] | None = None
    ) -> Response:
        """The final answer. Raises Failed when the socket breaks first."""
        if self.broken:
            raise self.broken
        key = Awaited.of(question)
        answer = self._awaited[key] = asyncio.get_running_loop().create_future()
        if provisional:
            self._provisional[key] = provisional
        try:
            await self.say(question)
            final: Response = await answer
            # The ACK of a refusal belongs to the transaction (RFC 3261 section 17.1.1.3).
            if question.method == "INVITE" and final.code >= 300:
                await self.say(on_branch_of(question, "ACK", final.headers["To"]))
            return final
        finally:
            self._awaited.pop(key, None)
            self._provisional.pop(key, None)

    async def ask_as_user(
        self, question: Callable[[], Request], provisional: Callable[[Response], None] | None = None
    ) -> Response:
        """The final answer to a request that may be asked for credentials: then it is made and
        asked anew, for each door on the way.
        """
        self._proofs.begin()
        for _ in range(_ATTEMPTS):
            asked = question()
            self._proofs.sign(asked)
            answer = await self.ask(asked, provisional)
            # RFC 3261 section 22: 401 from whoever is asked, 407 from a proxy on the way.
            if answer.code not in (401, 407) or not self._challenged(answer):
                break
        self._proofs.note(answer)
        return answer

    def _challenged(self, answer: Response) -> bool:
        """Whether it is worth asking again with proofs. Raises Failed."""
        if self.identity.password is None:
            return False
        try:
            return self._proofs.take(answer)
        except ValueError as problem:
            raise Failed("bad-peer", f"{answer.code}: {problem}") from None

    async def say(self, message: Request | Response) -> None:
        """Send one message. Raises Failed (dropped)."""
        written = as_sent(message)
        self._keep("sent", written)
        try:
            await self._connection.send(written.decode())
        except ConnectionClosed:
            # The reading side knows the reason of the end; it may be a moment late.
            raise self.broken or Failed("dropped", "the WebSocket is closed") from None

    async def close(self) -> None:
        """Stop reading, and close the WebSocket."""
        self._reading.cancel()
        await self._connection.close()

    # --- what comes

    async def _read(self) -> None:
        try:
            async for message in self._connection:
                await self._take(message.encode() if isinstance(message, str) else message)
            ending = Failed("dropped", "the server closed the WebSocket")
        except ConnectionClosed as problem:
            ending = _ending(problem)
        except Failed as refused:
            ending = refused
        self._break(ending)

    def _break(self, ending: Failed) -> None:
        self.broken = ending
        # Whoever awaits an answer learns the reason.
        for answer in self._awaited.values():
            if not answer.done():
                answer.set_exception(ending)
        self._lost(ending)

    async def _take(self, data: bytes) -> None:
        # A keep-alive (RFC 7118 section 6).
        if not data.strip(b"\r\n\0 "):
            return
        self._messages += 1
        if self._messages > _MOST_MESSAGES:
            raise Failed("bad-peer", f"more than {_MOST_MESSAGES} messages")
        self._keep("received", data)
        try:
            came = read(data)
            message = came.message
            answer = self._asked(message) if isinstance(message, Request) else None
        # A request without the headers that each has is no SIP either.
        except (ValueError, KeyError, IndexError):
            raise Failed("bad-peer", "what came over the WebSocket is not SIP") from None
        if isinstance(message, Response):
            self._answered(came, message)
        # ACK has no response (RFC 3261 section 17.2.1).
        elif message.method != "ACK":
            await self.say(answer or reply(message, 200))

    def _answered(self, came: Read, answer: Response) -> None:
        # RFC 3261 sections 17.1.3 and 18.1.2: what has not our own Via on top is nobody's answer.
        key = Awaited(came.call_id, came.sequence, came.method, came.via)
        if answer.code < 200:
            self._provisional.get(key, _ignored)(answer)
        elif (awaited := self._awaited.get(key)) and not awaited.done():
            awaited.set_result(answer)

    def _keep(self, direction: ladder.Direction, data: bytes) -> None:
        host, port = (*(self._connection.remote_address or ("gone", 0)),)[:2]
        text = data[:_KEPT_CHARACTERS].decode(errors="replace")
        self.ladder.add(ladder.Message(time.monotonic(), direction, f"WS {host}:{port}", text))


def _ignored(_answer: Response) -> None:
    """Take a provisional answer that nobody waits for."""


def _ending(problem: ConnectionClosed) -> Failed:
    """The fault that a closed socket means: ours for a frame that breaks the protocol or the limit,
    else "dropped".
    """
    # RFC 6455 section 7.4.1: 1002 protocol error, 1003 unacceptable data, 1007 not UTF-8, 1009 too
    # big.
    ours = (
        problem.sent
        and not problem.rcvd_then_sent
        and problem.sent.code in (1002, 1003, 1007, 1009)
    )
    if ours and problem.sent:
        return Failed(
            "bad-peer", problem.sent.reason or f"WebSocket closed with {problem.sent.code}"
        )
    said = (
        f"{problem.rcvd.code} {problem.rcvd.reason}".strip() if problem.rcvd else "without a word"
    )
    return Failed("dropped", f"the WebSocket was closed ({said})"[:200])


def facts_of(answer: Response) -> Mapping[str, Any]:
    """A final answer as the daemon's engine reads it."""
    reasons = answer.headers.getlist("Reason")
    return {"code": answer.code, "phrase": answer.phrase, "origin": "far", "reasons": reasons}
