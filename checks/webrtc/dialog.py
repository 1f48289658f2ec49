"""One call of a softphone: INVITE, ACK, INFO, CANCEL and BYE, and what the far end asks within it
(RFC 3261 sections 12 to 15). Only for the softphone's process.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from sipmessage import Request, Response

from checks.contract import Refused
from checks.telephony.call.leg import Event, refusal
from checks.transport.stages import Tell
from checks.webrtc.signalling import Signalling, facts_of
from checks.webrtc.sip_requests import on_branch_of, reply, tag_of, uri_in, with_body

_MOST_ROUTES = 20


class Call:
    """A call that we place. `established` from its 2xx until a BYE of either side."""

    def __init__(self, signalling: Signalling, tell: Tell, to: str, offer: str) -> None:
        self.established = self.ended = False
        self._signalling, self._tell, self._offer = signalling, tell, offer
        self._id, self._tag, self._sequence = secrets.token_hex(12), secrets.token_hex(8), 0
        self._to, self._target, self._far = to, to, f"<{to}>"
        self._routes: list[str] = []
        self._invite: Request | None = None

    async def place(self) -> str:
        """INVITE until the answer; its body. Raises Refused."""
        self._tell("invited")
        final = await self._signalling.ask_as_user(self._next_invite, self._progress)
        if final.code >= 300:
            self.ended = True
            raise refusal(Event("refused", 0.0, facts_of(final)))
        self._establish(final)
        await self._signalling.say(self._within("ACK"))
        self._tell("answered")
        return final.body.decode(errors="replace")

    async def press(self, digit: str) -> Response:
        """One key by INFO."""
        info = self._within("INFO")
        with_body(info, "application/dtmf-relay", f"Signal={digit}\r\nDuration=160\r\n")
        return await self._signalling.ask(info)

    async def hang_up(self, within: float) -> bool:
        """BYE, or CANCEL of what still rings; whether that was answered."""
        if self.ended or self._invite is None:
            return True
        self.ended = True
        try:
            async with asyncio.timeout(within):
                await self._signalling.ask(
                    self._within("BYE") if self.established else self._cancel()
                )
        except (TimeoutError, Refused):
            return False
        return True

    def asked(self, request: Request) -> Response | None:
        """The answer to what the far end asks in this call; None when it is not of this call."""
        if request.call_id != self._id:
            return None
        if request.method == "BYE":
            if not self.ended:
                self.ended = True
                self._tell("far-bye", reasons=request.headers.getlist("Reason"))
            return reply(request, 200)
        if request.method == "INVITE":
            answer = reply(request, 200, self._tag)
            answer.headers.set("Contact", f"<{self._signalling.identity.contact}>")
            with_body(answer, "application/sdp", self._offer)
            return answer
        return reply(
            request, 200 if request.method in ("UPDATE", "INFO", "OPTIONS", "NOTIFY") else 405
        )

    # --- making messages

    def _next_invite(self) -> Request:
        """The INVITE; after one that was challenged, its successor."""
        self._sequence += 1
        identity = self._signalling.identity
        made = identity.request(
            "INVITE", self._to, f"<{self._to}>", self._id, self._sequence, self._tag
        )
        made.headers.set("Supported", "outbound")
        with_body(made, "application/sdp", self._offer)
        self._invite = made
        return made

    def _progress(self, answer: Response) -> None:
        name = "trying" if answer.code == 100 else "provisional"
        self._tell(name, code=answer.code, phrase=answer.phrase, with_media=bool(answer.body))

    def _establish(self, answer: Response) -> None:
        self._far = answer.headers["To"]
        contact = answer.headers.get("Contact")
        if contact is None or not tag_of(self._far):
            raise Refused("bad-peer", "a 2xx without Contact or tag")
        self._target = uri_in(contact)
        self._routes = list(reversed(answer.headers.getlist("Record-Route")))[:_MOST_ROUTES]
        self.established = True

    def _within(self, method: str) -> Request:
        """A request in the dialog; ACK has the INVITE's number."""
        self._sequence += method != "ACK"
        identity = self._signalling.identity
        made = identity.request(
            method, self._target, self._far, self._id, self._sequence, self._tag
        )
        if self._routes:
            made.headers.setlist("Route", self._routes)
        return made

    def _cancel(self) -> Request:
        if self._invite is None:
            raise RuntimeError("no INVITE was sent")
        return on_branch_of(self._invite, "CANCEL", self._invite.headers["To"])


def registration(signalling: Signalling) -> Callable[[int], Callable[[], Request]]:
    """REGISTER again and again with one Call-ID (RFC 3261 section 10.2): seconds -> the maker of
    the request.
    """
    call, tag, sequence = secrets.token_hex(12), secrets.token_hex(8), [0]
    identity = signalling.identity

    def lasting(seconds: int) -> Callable[[], Request]:
        def make() -> Request:
            sequence[0] += 1
            made = identity.request(
                "REGISTER",
                f"sip:{identity.domain}",
                f"<{identity.address}>",
                call,
                sequence[0],
                tag,
            )
            made.headers.set("Contact", f"<{identity.contact}>;expires={seconds}")
            made.headers.set("Supported", "path, outbound")
            return made

        return make

    return lasting
