"""One call of a softphone: INVITE, ACK, INFO, CANCEL and BYE, and what the far end asks within it
(RFC 3261 sections 12 to 15). Only for the softphone's process.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from sipmessage import Request, Response

from checks.contract import Failed
from checks.telephony.call.leg import Event, refusal
from checks.telephony.sip.bindings import Bindings
from checks.telephony.sip.name_address import addresses, listed, sip_uri
from checks.transport.stages import Tell
from checks.webrtc.signalling import Signalling, facts_of
from checks.webrtc.sip_requests import (
    is_loose,
    on_branch_of,
    reply,
    tag_of,
    target_of,
    with_body,
)

# A Record-Route for each proxy on the way; more than twenty is a loop.
_MOST_ROUTES = 20


class Call:
    """A call that we place. `established` from its 2xx until a BYE of either side."""

    def __init__(self, signalling: Signalling, tell: Tell, to: str, offer: str) -> None:
        self.established = self.ended = False
        self._signalling, self._tell, self._offer = signalling, tell, offer
        # Call-ID and tag are random (RFC 3261 sections 8.1.1.4 and 19.3).
        self._id, self._tag, self._sequence = secrets.token_hex(12), secrets.token_hex(8), 0
        self._to, self._target, self._far = to, to, f"<{to}>"
        self._routes: list[str] = []
        self._invite: Request | None = None

    async def place(self) -> str:
        """Send INVITE, await the answer, and send ACK; returns its body. Raises Failed."""
        self._tell("invited")
        final = await self._signalling.ask_as_user(self._next_invite, self._progress)
        if final.code >= 300:
            self.ended = True
            raise refusal(Event("refused", 0.0, facts_of(final)))
        problem = self._establish(final)
        # RFC 3261 section 13.2.2.4: the ACK of a 2xx is a request of the dialog, not of the
        # transaction.
        await self._signalling.say(self._acknowledgement())
        # Acknowledged all the same: else the far end would repeat its answer, and hold the call.
        if problem:
            raise problem
        self._tell("answered")
        return final.body.decode(errors="replace")

    async def press(self, digit: str) -> Response:
        """Press one key by INFO; the far end's answer. Raises Failed."""

        def info() -> Request:
            made = self._within("INFO")
            # INFO with application/dtmf-relay has no RFC: it is what Asterisk, FreeSWITCH and JsSIP
            # speak; 160 ms a digit.
            with_body(made, "application/dtmf-relay", f"Signal={digit}\r\nDuration=160\r\n")
            return made

        return await self._signalling.ask_as_user(info)

    async def hang_up(self, within: float) -> bool:
        """Send BYE, or CANCEL while it rings; returns whether that was answered."""
        if self.ended or self._invite is None:
            return True
        self.ended = True
        try:
            async with asyncio.timeout(within):
                # A call that still rings is cancelled (RFC 3261 section 9.1).
                if self.established:
                    await self._signalling.ask_as_user(lambda: self._within("BYE"))
                else:
                    await self._signalling.ask(self._cancel())
        except (TimeoutError, Failed):
            return False
        return True

    def asked(self, request: Request) -> Response | None:
        """The answer to what the far end asks in this call; None when it is not of this call."""
        if request.call_id != self._id:
            return None
        if request.method == "BYE":
            # Both sides may hang up at once: the second BYE is answered, and tells nothing new.
            if not self.ended:
                self.ended = True
                self._tell("far-bye", reasons=request.headers.getlist("Reason"))
            return reply(request, 200)
        # A re-INVITE, as for a session timer (RFC 4028), gets the same description again.
        if request.method == "INVITE":
            answer = reply(request, 200, self._tag)
            answer.headers.set("Contact", f"<{self._signalling.identity.contact}>")
            with_body(answer, "application/sdp", self._offer)
            return answer
        # RFC 3261 section 8.2.1: 405 for a method that is not known here.
        return reply(
            request, 200 if request.method in ("UPDATE", "INFO", "OPTIONS", "NOTIFY") else 405
        )

    # --- making messages

    def _next_invite(self) -> Request:
        """The INVITE; after one that was challenged, its successor."""
        # A request with credentials is a new one: its CSeq is one higher (RFC 3261 section 22.2).
        self._sequence += 1
        identity = self._signalling.identity
        made = identity.request(
            "INVITE", self._to, f"<{self._to}>", self._id, self._sequence, self._tag
        )
        # RFC 5626: an edge that knows "outbound" reaches us over this very socket.
        made.headers.set("Supported", "outbound")
        with_body(made, "application/sdp", self._offer)
        self._invite = made
        return made

    def _progress(self, answer: Response) -> None:
        name = "trying" if answer.code == 100 else "provisional"
        self._tell(name, code=answer.code, phrase=answer.phrase, with_media=bool(answer.body))

    def _establish(self, answer: Response) -> Failed | None:
        """The dialog that a 2xx makes; what is wrong with it, if anything is."""
        self._far, self.established = answer.headers["To"], True
        # RFC 3261 section 12.1.2: the route set is the Record-Route, in reverse order, be it in one
        # line or in several.
        routes = listed(answer.headers.getlist("Record-Route"))
        self._routes = list(reversed(routes))[:_MOST_ROUTES]
        contacts = answer.headers.getlist("Contact")
        # RFC 3261 section 12.1: a 2xx without Contact or To tag makes no dialog.
        if not contacts or not tag_of(self._far):
            return Failed("bad-peer", "a 2xx without Contact or tag")
        try:
            target = addresses(contacts)[0].uri
            target_of(target)
        except ValueError as problem:
            return Failed("bad-peer", f"a 2xx whose Contact leads nowhere: {problem}")
        self._target = target
        return None

    def _within(self, method: str) -> Request:
        """A request in the dialog; ACK has the INVITE's number."""
        # RFC 3261 section 12.2.1.1: the ACK keeps the CSeq number of the INVITE.
        self._sequence += method != "ACK"
        identity, routes, target = self._signalling.identity, self._routes, self._target
        # RFC 3261 section 12.2.1.1: a strict router takes the place of the target, which becomes
        # the last route.
        if routes and not is_loose(routes[0]):
            target, routes = addresses(routes[:1])[0].uri, [*routes[1:], f"<{target}>"]
        made = identity.request(method, target, self._far, self._id, self._sequence, self._tag)
        if routes:
            # RFC 3261 section 12.2.1.1: the requests of a dialog follow its route set.
            made.headers.setlist("Route", routes)
        return made

    def _acknowledgement(self) -> Request:
        made = self._within("ACK")
        # RFC 3261 section 22.1: an ACK cannot be challenged, and repeats the INVITE's proofs.
        for name in ("Authorization", "Proxy-Authorization"):
            if self._invite and (proofs := self._invite.headers.getlist(name)):
                made.headers.setlist(name, proofs)
        return made

    def _cancel(self) -> Request:
        if self._invite is None:
            raise RuntimeError("no INVITE was sent")
        return on_branch_of(self._invite, "CANCEL", self._invite.headers["To"])


def hold_bound(answer: Response, contact: str) -> None:
    """Raises Failed where a 2xx to REGISTER lists others and not us, or grants no time."""
    try:
        told = Bindings.told(answer)
        own = told.of(sip_uri(contact))
        granted = told.granted(own)
    except ValueError as problem:
        raise Failed("bad-peer", f"the Contact of the answer is no SIP: {problem}") from None
    if granted == 0 or (told.listed and own is None):
        raise Failed("not-bound", "the registrar answers 2xx and does not bind our Contact")


def registration(signalling: Signalling) -> Callable[[int], Callable[[], Request]]:
    """REGISTER again and again with one Call-ID (RFC 3261 section 10.2): seconds -> the maker of
    the request.
    """
    call, tag, sequence = secrets.token_hex(12), secrets.token_hex(8), [0]
    identity = signalling.identity

    def lasting(seconds: int) -> Callable[[], Request]:
        def make() -> Request:
            # RFC 3261 section 10.2: the same Call-ID, and a CSeq that grows by one.
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
            # RFC 3327 (path) and RFC 5626 (outbound) let a registrar reach a client behind an
            # edge.
            made.headers.set("Supported", "path, outbound")
            return made

        return make

    return lasting
