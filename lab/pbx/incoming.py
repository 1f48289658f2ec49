"""A leg that the far end called: rings, answers or refuses (RFC 3261 section 13.3)."""

from __future__ import annotations

import asyncio

from sipmessage import Request

from lab.pbx import sip_messages
from lab.pbx.dialog import Dialog
from lab.pbx.leg import Leg
from lab.pbx.rtp import Stream
from lab.pbx.switchboard import Switchboard
from lab.pbx.transport import Flow


class IncomingLeg(Leg):
    """A call from outside. Its offer is understood before anybody is told of it. Raises ValueError
    for an INVITE that cannot become a call.
    """

    def __init__(
        self,
        exchange: Switchboard,
        invite: Request,
        flow: Flow,
        stream: Stream,
        keys: asyncio.Queue[str],
    ) -> None:
        super().__init__(
            exchange, Dialog.of_invite(invite, flow, sip_messages.token()), stream, keys
        )
        self.invite = invite
        self.number = invite.uri.user or ""
        self.party = invite.from_address.uri.user or ""
        self._description = self.describe(invite.body)
        self._timer = self.agree_interval(invite)

    def ring(self) -> None:
        """180 Ringing."""
        if self.becomes("ring"):
            self.reply(self.invite, 180)

    def answer(self) -> None:
        """200 OK with our description."""
        if self.becomes("answer"):
            self.reply(self.invite, 200, self._timer, self._description)

    def refuse(self, code: int, reason: str = "") -> None:
        """A final answer that is no, with a Reason header's value."""
        if self.state in ("new", "ringing"):
            self.reply(self.invite, code, {"Reason": reason} if reason else None)
            self.over(f"refused with {code}")

    def cancelled(self) -> None:
        """The caller gave up before the answer: 487 (RFC 3261 section 9.2)."""
        self.refuse(487)

    def acknowledged(self, ack: Request) -> None:
        """The caller has our answer; an answer of theirs to our offer comes with it."""
        if self.becomes("acknowledge") and ack.body and not self.invite.body:
            self.describe(ack.body)

    def hang_up(self, why: str, reason: str = "") -> None:
        """BYE once answered; before that a refusal: 480."""
        if self.state in ("new", "ringing"):
            self.refuse(480, reason)
        else:
            super().hang_up(why, reason)
