"""A leg that calls a user's phone (RFC 3261 section 13.2)."""

from __future__ import annotations

import asyncio

from sipmessage import Request, Response

from lab.pbx import sdp, sip_messages
from lab.pbx.dialog import Dialog, SessionInterval
from lab.pbx.g711 import Law
from lab.pbx.leg import Leg
from lab.pbx.registrar import Binding
from lab.pbx.rtp import Stream
from lab.pbx.switchboard import Switchboard
from lab.pbx.transactions import LIFE

# RFC 4028: the phone shall refresh where it can. Two minutes is little more than the 90 seconds
# that are allowed, so that a phone which has crashed does not stay busy for long.
SESSION = "120;refresher=uas"


class OutgoingLeg(Leg):
    """`call` sends the INVITE; `answered` is set by a yes, `ended` by a no."""

    def __init__(
        self,
        exchange: Switchboard,
        binding: Binding,
        stream: Stream,
        keys: asyncio.Queue[str],
        caller: str,
    ) -> None:
        """`caller`: the number that is presented."""
        here = exchange.contact(binding.flow)
        domain = f"{here.host}:{here.port}"
        dialog = Dialog(
            call_id=sip_messages.token(),
            local=f"<sip:{caller}@{domain}>;tag={sip_messages.token()}",
            remote=f"<sip:{binding.user}@{domain}>",
            target=binding.contact,
            flow=binding.flow,
        )
        super().__init__(exchange, dialog, stream, keys)
        self.user = self.party = binding.user
        self._asserted = f"<sip:{caller}@{domain}>"
        self.answered = asyncio.Event()
        self._invite: Request | None = None
        self._wants_cancel = False

    def call(self, law: Law) -> None:
        """INVITE, preferring one codec."""
        self.stream.law = law
        headers = {
            "Allow": sip_messages.ALLOW,
            "Supported": "timer",
            "Session-Expires": SESSION,
            "Min-SE": "90",
        }
        # RFC 3325: phones of a trusted network show this one rather than From.
        headers["P-Asserted-Identity"] = self._asserted
        invite = self.dialog.request("INVITE", headers)
        sip_messages.with_body(invite, "application/sdp", self.describe(b""))
        self._invite = invite
        self.exchange.transactions.ask(invite, self.dialog.flow, self._response)

    def cancel(self) -> None:
        """Give up ringing; an answer that crosses it is hung up at once."""
        self._wants_cancel = True
        # RFC 3261 section 9.1: a far end of RFC 2543 may never answer the INVITE that it cancelled.
        asyncio.get_running_loop().call_later(LIFE, self.over, "no answer to CANCEL")
        # RFC 3261 section 9.1: no CANCEL before a provisional response; `_rings` sends it then.
        if self.state == "ringing":
            self._send_cancel()

    def _response(self, response: Response) -> None:
        if response.code < 200:
            self._rings()
        elif response.code < 300:
            self._answers(response)
        else:
            self.over(f"refused with {response.code}")

    def _rings(self) -> None:
        if self.becomes("ring") and self._wants_cancel:
            self._send_cancel()

    def _answers(self, response: Response) -> None:
        """Every repetition of the 2xx gets its ACK (RFC 3261 section 13.2.2.4); the first one makes
        the call.
        """
        first = self.may("answer")
        if first:
            self.dialog.established(response)
        self._acknowledge()
        if not first:
            return
        self.becomes("answer")
        self.becomes("acknowledge")
        self._take(response)

    def _take(self, response: Response) -> None:
        try:
            self.hears(sdp.parse(response.body))
        except sdp.NotAcceptable:
            self.hang_up("description not acceptable", "SIP;cause=488")
            return
        # RFC 3261 section 9.1: an answer that crossed our CANCEL stands, and must be hung up.
        if self._wants_cancel:
            self.hang_up("answered too late")
            return
        self.session.start(
            interval := SessionInterval.of(response), bool(interval and interval.refresher == "uac")
        )
        self.answered.set()

    def _acknowledge(self) -> None:
        if self._invite:
            ack = self.dialog.request("ACK", sequence=self._invite.cseq.sequence)
            self.exchange.transport.send(ack, self.dialog.flow)

    def _send_cancel(self) -> None:
        """RFC 3261 section 9.1: the INVITE's own Via, From, To, Call-ID and CSeq number."""
        if self._invite is None:
            return
        cancel = Request("CANCEL", self._invite.uri)
        cancel.via = self._invite.via
        for name in ("Max-Forwards", "From", "To", "Call-ID"):
            cancel.headers.set(name, self._invite.headers[name])
        cancel.headers.set("CSeq", f"{self._invite.cseq.sequence} CANCEL")
        cancel.headers.set("Content-Length", "0")
        self.exchange.transactions.ask(cancel, self.dialog.flow, lambda _: None)
