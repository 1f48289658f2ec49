"""SIP transactions (RFC 3261 section 17): what is repeated, until when, and what a repetition is
answered with.

| who              | repeats                 | until                       | gives up after |
|------------------|-------------------------|-----------------------------|----------------|
| INVITE client    | INVITE (UDP)            | any response                | 64 T1 (*)      |
| other client     | request (UDP)           | final response              | 64 T1          |
| INVITE server    | 3xx-6xx (UDP), 2xx      | ACK                         | 64 T1          |
| any server       | last response, on each repeated request                | 64 T1          |

(*) without any response; once the far end rings, whoever calls decides how long that may last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sipmessage import CSeq, Request, Response

from lab.pbx import sip_messages
from lab.pbx.transport import Flow, Transport, way_back

# Seconds. RFC 3261 section 17.1.1.1: the estimated round trip; its default holds for a network that
# nobody has measured, and stays here so that peers meet the timing they would meet elsewhere.
T1 = 0.5
# Seconds, the longest pause between two repetitions: timers E and G (RFC 3261 sections 17.1.2.2 and
# 17.2.1).
T2 = 4.0
# Seconds: timers B, D, F, H and J are all 64 T1 over UDP (RFC 3261 table 4).
LIFE = 64 * T1

Key = tuple[str, ...]
Answered = Callable[[Response], None]


class Repetition:
    """Says the same thing again at T1, 2 T1, 4 T1 and so on (at most every T2) until it is stopped;
    after LIFE it calls `lapsed`.
    """

    def __init__(
        self, say: Callable[[], None], lapsed: Callable[[], None], again: bool = True
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._say, self._lapsed = say, lapsed
        self._pause = T1
        self._next = self._loop.call_later(T1, self._repeat) if again else None
        self._end: asyncio.TimerHandle | None = self._loop.call_later(LIFE, self._lapse)

    def hush(self) -> None:
        """Say nothing more, but still lapse."""
        if self._next:
            self._next.cancel()
            self._next = None

    def stop(self) -> None:
        """Neither repeat nor lapse."""
        self.hush()
        if self._end:
            self._end.cancel()
            self._end = None

    def _repeat(self) -> None:
        self._say()
        self._pause = min(2 * self._pause, T2)
        self._next = self._loop.call_later(self._pause, self._repeat)

    def _lapse(self) -> None:
        self.stop()
        self._lapsed()


@dataclass(slots=True)
class _Served:
    """A request that came, and what it was last answered with."""

    flow: Flow
    forget: asyncio.TimerHandle
    last: Response | None = None
    repetition: Repetition | None = None


@dataclass(slots=True)
class _Asked:
    """A request that went out."""

    request: Request
    flow: Flow
    answered: Answered
    repetition: Repetition
    forget: asyncio.TimerHandle | None = None


def server_key(request: Request) -> Key:
    """RFC 3261 section 17.2.3: branch and sent-by; an ACK belongs to its INVITE."""
    top = request.via[0]
    method = "INVITE" if request.method == "ACK" else request.method
    return (top.parameters.get("branch") or request.call_id, f"{top.host}:{top.port}", method)


def dialog_key(request: Request) -> Key:
    """What a 2xx and its ACK share, though their branches differ."""
    return (
        request.call_id,
        sip_messages.parameter(request.from_address, "tag") or "",
        str(request.cseq.sequence),
    )


class Transactions:
    """Both tables, of requests that came and of requests that went out."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._served: dict[Key, _Served] = {}
        self._unacknowledged: dict[Key, Key] = {}
        self._asked: dict[Key, _Asked] = {}

    # --- as server

    def is_repeated(self, request: Request, flow: Flow) -> bool:
        """Take note of a request; True if it came before, in which case it has been answered as
        before.
        """
        key = server_key(request)
        if known := self._served.get(key):
            if known.last:
                self._transport.send(known.last, known.flow)
            return True
        # Twice as long as a transaction lives: the answer to INVITE may be repeated for all of
        # LIFE, and repetitions of the INVITE itself may still be on their way.
        forget = asyncio.get_running_loop().call_later(2 * LIFE, self._served.pop, key, None)
        self._served[key] = _Served(way_back(request, flow), forget)
        return False

    def respond(
        self, request: Request, response: Response, unacknowledged: Callable[[], None] | None = None
    ) -> None:
        """Answer a request. `unacknowledged` is called when the ACK of a final answer to INVITE
        never comes.
        """
        key = server_key(request)
        served = self._served[key]
        served.last = response
        self._transport.send(response, served.flow)
        if request.method == "INVITE" and response.code >= 200:
            # A 2xx is repeated over TCP too, since its ACK comes end to end (RFC 3261 section
            # 13.3.1.4); any other answer only where the transport may lose it (timer G).
            again = response.code < 300 or not served.flow.reliable
            served.repetition = Repetition(
                lambda: self._transport.send(response, served.flow),
                unacknowledged or (lambda: None),
                again,
            )
            self._unacknowledged[dialog_key(request)] = key

    def acknowledged(self, ack: Request) -> bool:
        """An ACK came: stop repeating; False if nothing waited for it."""
        key = self._unacknowledged.pop(dialog_key(ack), None)
        served = self._served.get(key) if key else None
        if served and served.repetition:
            served.repetition.stop()
        return served is not None

    def invite_of(self, cancel: Request) -> Key | None:
        """The INVITE that a CANCEL means, if it came (the same branch)."""
        key = (*server_key(cancel)[:2], "INVITE")
        return key if key in self._served else None

    # --- as client

    def ask(self, request: Request, flow: Flow, answered: Answered) -> None:
        """Send a request. `answered` gets every response; silence becomes our own 408 (RFC 3261
        section 8.1.3.1).
        """
        # RFC 3261 section 17.1.3: branch and method; a CANCEL has the branch of its INVITE.
        key = self._client_key(request.via[0].parameters.get("branch"), request.method)
        repetition = Repetition(
            lambda: self._transport.send(request, flow),
            lambda: self._lapsed(key),
            again=not flow.reliable,
        )
        self._asked[key] = _Asked(request, flow, answered, repetition)
        self._transport.send(request, flow)

    def answer_came(self, response: Response) -> None:
        """Hand a response to whoever asked; a stray one is dropped (RFC 3261 section 18.1.2)."""
        key = self._client_key(response.via[0].parameters.get("branch"), response.cseq.method)
        asked = self._asked.get(key)
        if asked is None:
            return
        if response.cseq.method != "INVITE":
            if response.code >= 200:
                asked.repetition.stop()
                del self._asked[key]
        elif response.code < 200:
            # Ringing may last: whoever asked has a timer of their own.
            asked.repetition.stop()
        else:
            asked.repetition.stop()
            # Kept for timer D, or M (RFC 6026) after a 2xx: repetitions of the answer still find
            # it.
            if not asked.forget:
                asked.forget = asyncio.get_running_loop().call_later(
                    LIFE, self._asked.pop, key, None
                )
            if response.code >= 300:
                self._acknowledge_refusal(asked, response)
        asked.answered(response)

    def close(self) -> None:
        """Cancel every timer."""
        for asked in self._asked.values():
            asked.repetition.stop()
            if asked.forget:
                asked.forget.cancel()
        for served in self._served.values():
            served.forget.cancel()
            if served.repetition:
                served.repetition.stop()
        self._asked.clear()
        self._served.clear()

    @staticmethod
    def _client_key(branch: str | None, method: str) -> Key:
        return (branch or "", method)

    def _lapsed(self, key: Key) -> None:
        asked = self._asked.pop(key)
        asked.answered(sip_messages.reply(asked.request, 408))

    def _acknowledge_refusal(self, asked: _Asked, response: Response) -> None:
        """RFC 3261 section 17.1.1.3: the ACK of a 3xx-6xx belongs to the transaction, with its
        branch.
        """
        ack = Request("ACK", asked.request.uri)
        ack.via = asked.request.via[:1]
        for name in ("From", "Call-ID", "Max-Forwards"):
            ack.headers.set(name, asked.request.headers[name])
        ack.headers.setlist("Route", asked.request.headers.getlist("Route"))
        ack.headers.set("To", response.headers["To"])
        ack.cseq = CSeq(asked.request.cseq.sequence, "ACK")
        ack.headers.set("Content-Length", "0")
        self._transport.send(ack, asked.flow)
