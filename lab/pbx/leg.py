"""One leg of a call: a dialog, its media stream, and a life written as a table.

Rule: whoever wants something of a leg calls a verb of it; what the table does not allow in that
state does nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import cycle

from sipmessage import Request, Response

from lab.pbx import sdp, sip_messages
from lab.pbx.dialog import SHORTEST_SESSION_SECONDS, Dialog, SessionInterval, SessionTimer
from lab.pbx.rtp import Stream
from lab.pbx.switchboard import Conversation, Switchboard
from lab.pbx.transport import Flow

# (state, event) -> next state, for the called and for the calling side. "answered" waits for the
# ACK of its 2xx (RFC 3261 section 13.3.1.4).
LIFE: dict[tuple[str, str], str] = {
    ("new", "ring"): "ringing",
    ("new", "answer"): "answered",
    ("ringing", "ring"): "ringing",
    ("ringing", "answer"): "answered",
    ("answered", "acknowledge"): "up",
    **{(state, "end"): "over" for state in ("new", "ringing", "answered", "up")},
}

# `Signal=5` of application/dtmf-relay, or the bare digit of application/dtmf. Neither is an RFC:
# the forms are those that common phones send.
_SIGNAL = re.compile(rb"^\s*(?:signal\s*=\s*)?([0-9*#A-D])\s*$", re.IGNORECASE | re.MULTILINE)


class Leg:
    """What both kinds of leg have: the far end calls an `IncomingLeg`, and is called by an
    `OutgoingLeg`.
    """

    def __init__(
        self, exchange: Switchboard, dialog: Dialog, stream: Stream, keys: asyncio.Queue[str]
    ) -> None:
        self.exchange, self.dialog, self.stream, self.keys = exchange, dialog, stream, keys
        self.state = "new"
        self.talk: Conversation | None = None
        # Who is at its far end: the number that others are shown.
        self.party = ""
        self.ended = asyncio.Event()
        # Set by an answer and by an end without one, so that nobody waits for ever.
        self.begun = asyncio.Event()
        # What ended it, in a word or two.
        self.why = ""
        self.session = SessionTimer(
            lambda: self.hang_up("session expired", "SIP;cause=408"), self._refresh
        )
        # RFC 3264 section 8: the version in `o=` grows with each description.
        self._version = 1
        self._looped: tuple[bytes, ...] | None = None
        self._verbs = {
            "BYE": self._far_hung_up,
            "INVITE": self._renegotiate,
            "UPDATE": self._renegotiate,
            "INFO": self._info,
            "OPTIONS": self._options,
            "REFER": self._refer,
            # The exchange subscribes to nothing, but phones notify unasked to keep a NAT open.
            "NOTIFY": self._options,
        }

    # --- life

    def may(self, event: str) -> bool:
        """Whether the table knows this event in this state."""
        return (self.state, event) in LIFE

    def becomes(self, event: str) -> bool:
        """Go on by the table; False if it has no such step."""
        following = LIFE.get((self.state, event))
        if following:
            self.state = following
            if following in ("answered", "over"):
                self.begun.set()
        return following is not None

    def over(self, why: str) -> None:
        """Take note that the call has ended, whoever ended it."""
        if self.becomes("end"):
            self.why = why
            self.session.stop()
            self.stream.close()
            self.ended.set()
            self.exchange.gone(self)

    def hang_up(self, why: str, reason: str = "") -> None:
        """Say BYE, with a Reason header's value; only of an answered call."""
        if self.state in ("answered", "up"):
            bye = self.dialog.request("BYE", {"Reason": reason} if reason else None)
            self.over(why)
            self.exchange.transactions.ask(bye, self.dialog.flow, lambda _: None)

    # --- sound

    async def play(self, frames: tuple[bytes, ...]) -> None:
        """Play to the end. Other sound takes its place without it ever ending."""
        done = asyncio.Event()

        def sound() -> Iterator[bytes]:
            yield from frames
            done.set()

        self._looped = None
        self.stream.play(self.exchange.heard(self, sound()))
        await done.wait()

    def quiet(self) -> None:
        """Play nothing."""
        self._looped = None
        self.stream.play(None)

    def loop(self, frames: tuple[bytes, ...]) -> None:
        """Play again and again, until something else is played; what loops already goes on
        undisturbed.
        """
        # A queue calls this at each look round: music must not begin anew each time.
        if frames is not self._looped:
            self._looped = frames
            self.stream.play(self.exchange.heard(self, cycle(frames)))

    # --- what the far end asks within the call

    def asked(self, request: Request, flow: Flow) -> None:
        """A request within the dialog."""
        # A phone that moved, or whose connection was made anew, is answered where it is now.
        self.dialog.flow = flow
        if not self.dialog.in_order(request):
            # RFC 3261 section 12.2.2: an older CSeq is answered 500.
            self.reply(request, 500)
        else:
            self._verbs.get(request.method, self._unknown)(request)

    def reply(
        self,
        request: Request,
        code: int,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """Answer a request within the dialog, with these headers more."""
        response = sip_messages.reply(request, code, self.dialog.key[1])
        for name, value in (headers or {}).items():
            response.headers.set(name, value)
        if request.method in ("INVITE", "UPDATE") and code < 300:
            response.headers.set("Contact", f"<{self.exchange.contact(self.dialog.flow)}>")
            response.headers.set("Allow", sip_messages.ALLOW)
            response.headers.set("Supported", "timer")
        if body:
            sip_messages.with_body(response, "application/sdp", body)
        # RFC 3261 section 13.3.1.4: a 2xx whose ACK never comes ends the call.
        answers_invite = request.method == "INVITE" and 200 <= code < 300
        lost = partial(self.hang_up, "no ACK") if answers_invite else None
        self.exchange.transactions.respond(request, response, lost)

    def _unknown(self, request: Request) -> None:
        self.reply(request, 405, {"Allow": sip_messages.ALLOW})

    def _options(self, request: Request) -> None:
        self.reply(request, 200, {"Allow": sip_messages.ALLOW, "Supported": "timer"})

    def _far_hung_up(self, request: Request) -> None:
        self.reply(request, 200)
        self.over("far end hung up")

    def _info(self, request: Request) -> None:
        """A key as application/dtmf-relay (`Signal=5`) or application/dtmf (`5`)."""
        kind = (request.headers.get("Content-Type") or "").split(";")[0].strip().lower()
        if kind not in ("application/dtmf-relay", "application/dtmf"):
            # An empty INFO is a keep-alive of older phones.
            self.reply(request, 415 if request.body else 200)
            return
        self.reply(request, 200)
        if signal := _SIGNAL.search(request.body):
            self.keys.put_nowait(signal[1].decode().upper())
            if self.talk:
                self.talk.told(self, request)

    def _refer(self, request: Request) -> None:
        self.exchange.refer(self, request)

    def _renegotiate(self, request: Request) -> None:
        """re-INVITE and UPDATE: a new description, a session refresh, or both (RFC 3261 section 14,
        RFC 3311).
        """
        if self.talk and self.exchange.faults.broken("hold-dead") and sdp.is_hold(request.body):
            return
        try:
            timer = self.agree_interval(request)
            body = (
                self.describe(request.body) if request.body or request.method == "INVITE" else b""
            )
        except sdp.NotAcceptable:
            self.reply(request, 488)
        except IntervalTooSmall:
            self.reply(request, 422, {"Min-SE": str(SHORTEST_SESSION_SECONDS)})
        else:
            # RFC 3261 section 12.2: both requests may move the far end to another address.
            if request.contact:
                self.dialog.target = request.contact[0].uri
            self.reply(request, 200, timer, body)
            if self.talk and request.body:
                self.talk.held(self, on=sdp.is_hold(request.body))

    # --- descriptions

    def describe(self, offered: bytes) -> bytes:
        """Our media description: an answer to an offer, or an offer where none came. Raises
        NotAcceptable.
        """
        self._version += 1
        if not offered:
            return sdp.offer(self.stream.host, self.stream.port, self.stream.law, self._version)
        sound = sdp.parse(offered)
        self.hears(sound)
        return sdp.answer(self.stream.host, self.stream.port, sound, self._version)

    def hears(self, sound: sdp.Sound) -> None:
        """Take over what the far end's description says."""
        self.stream.described(
            (sound.host, sound.port), sound.law, sound.events, sound.writer_listens
        )

    # --- session timer (RFC 4028)

    def agree_interval(self, request: Request) -> dict[str, str]:
        """As the answering side: the headers of the 2xx, and the timer started. Raises
        IntervalTooSmall.
        """
        interval = SessionInterval.of(request)
        if interval is None:
            return {}
        if interval.seconds < SHORTEST_SESSION_SECONDS:
            raise IntervalTooSmall
        self.session.start(interval, ours=interval.refresher == "uas")
        # RFC 4028 section 9: who shall refresh must be told so by Require, if it knows how to.
        theirs = (
            {"Require": "timer"}
            if interval.refresher == "uac" and "timer" in request.supported
            else {}
        )
        return {"Session-Expires": str(interval), **theirs}

    def _refresh(self) -> None:
        """Send a sign of life: UPDATE (RFC 3311) without a description changes nothing else."""
        update = self.dialog.request(
            "UPDATE", {"Supported": "timer", "Session-Expires": "120;refresher=uac"}
        )
        self.exchange.transactions.ask(update, self.dialog.flow, self._refreshed)

    def _refreshed(self, answer: Response) -> None:
        if 200 <= answer.code < 300:
            self.session.start(SessionInterval.of(answer), ours=True)
        # RFC 3261 section 12.2.1.2: these two mean that the dialog is gone; after any other refusal
        # the session lives on until its interval is over.
        elif answer.code in (408, 481):
            self.hang_up("session lost")


class IntervalTooSmall(ValueError):
    """Session-Expires below our Min-SE: 422."""
