"""What two ends remember of one call (RFC 3261 section 12), and how long it may give no sign of
life (RFC 4028).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sipmessage import URI, Address, CSeq, Parameters, Request, Response, Via

from lab.pbx import sip_messages
from lab.pbx.transport import Flow

# RFC 4028 section 5: Min-SE must not be below 90 seconds.
SHORTEST_SESSION_SECONDS = 90


def own_contact(flow: Flow) -> URI:
    """Where the exchange wants to be reached for the rest of a call."""
    host, port = flow.local
    parameters = Parameters(transport=flow.transport.lower()) if flow.reliable else Parameters()
    return URI(scheme="sip", user="lab", host=host, port=port, parameters=parameters)


def via(flow: Flow) -> Via:
    """A top Via with a new branch."""
    # RFC 3261 section 8.1.1.7: the cookie tells that the branch is unique; RFC 3581: an empty
    # rport.
    parameters = Parameters(branch="z9hG4bK" + sip_messages.token(), rport=None)
    return Via(
        transport=flow.transport, host=flow.local[0], port=flow.local[1], parameters=parameters
    )


@dataclass(slots=True)
class Dialog:
    """One side's view. `local` and `remote` are From/To values with their tags, verbatim."""

    call_id: str
    local: str
    remote: str
    target: URI
    flow: Flow
    routes: list[str] = field(default_factory=list)
    sequence: int = 0
    remote_sequence: int = 0

    @classmethod
    def of_invite(cls, invite: Request, flow: Flow, tag: str) -> Dialog:
        """As the called side: RFC 3261 section 12.1.1. Raises ValueError without a Contact."""
        contacts = invite.contact
        if not contacts:
            raise ValueError("INVITE without Contact")
        return cls(
            call_id=invite.call_id,
            local=f"{invite.headers['To']};tag={tag}",
            remote=invite.headers["From"],
            target=contacts[0].uri,
            flow=flow,
            routes=list(invite.headers.getlist("Record-Route")),
            remote_sequence=invite.cseq.sequence,
        )

    @property
    def key(self) -> tuple[str, str]:
        """Call-ID and our tag: how requests of the far end find it."""
        return self.call_id, sip_messages.parameter(Address.parse(self.local), "tag") or ""

    def request(
        self, method: str, headers: Mapping[str, str] | None = None, sequence: int | None = None
    ) -> Request:
        """The next request of this side with these headers more; an ACK repeats the INVITE's
        `sequence`.
        """
        if sequence is None:
            self.sequence += 1
        made = sip_messages.request(
            method,
            self.target,
            via(self.flow),
            From=self.local,
            To=self.remote,
            Call_ID=self.call_id,
            CSeq=str(CSeq(self.sequence if sequence is None else sequence, method)),
        )
        for name, value in (headers or {}).items():
            made.headers.set(name, value)
        if self.routes:
            made.headers.setlist("Route", list(self.routes))
        # RFC 3261 table 2: Contact is optional in an ACK, and would say nothing new there.
        if method != "ACK":
            made.headers.set("Contact", f"<{own_contact(self.flow)}>")
        return made

    def established(self, answer: Response) -> None:
        """As the calling side: take over what the 2xx says (RFC 3261 section 12.1.2)."""
        self.remote = answer.headers["To"]
        if answer.contact:
            self.target = answer.contact[0].uri
        # The caller's route set is the Record-Route list backwards (RFC 3261 section 12.1.2).
        self.routes = list(reversed(answer.headers.getlist("Record-Route")))

    def in_order(self, request: Request) -> bool:
        """Note a request's CSeq; False if it is older than one that was seen."""
        # RFC 3261 section 12.2.2: equal is allowed, as an ACK has its INVITE's number.
        if request.cseq.sequence < self.remote_sequence:
            return False
        self.remote_sequence = request.cseq.sequence
        return True


@dataclass(frozen=True, slots=True)
class SessionInterval:
    """A Session-Expires header (RFC 4028 section 4)."""

    seconds: int
    refresher: str
    """uac or uas, as in that message"""

    @classmethod
    def of(cls, message: Request | Response) -> SessionInterval | None:
        """None where there is none. Raises ValueError."""
        written = message.headers.get("Session-Expires")
        if written is None:
            return None
        seconds, *parameters = (part.strip() for part in written.split(";"))
        named = dict(part.split("=", 1) for part in parameters if "=" in part)
        # RFC 4028 section 4 leaves the choice to the answering side; this one lets the caller do
        # it.
        return cls(int(seconds), named.get("refresher", "uac"))

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}"


class SessionTimer:
    """Ends a call whose far end stopped refreshing it, or refreshes it where that is our part."""

    def __init__(self, expired: Callable[[], None], refresh: Callable[[], None]) -> None:
        self._expired, self._refresh = expired, refresh
        self._timers: list[asyncio.TimerHandle] = []

    def start(self, interval: SessionInterval | None, ours: bool) -> None:
        """From now on (again): RFC 4028 section 10 gives both moments."""
        self.stop()
        if interval is None:
            return
        loop, seconds = asyncio.get_running_loop(), interval.seconds
        # BYE a little before the end, min(32, a third): the session is over at both ends by then.
        self._timers = [loop.call_later(seconds - min(32, seconds / 3), self._expired)]
        if ours:
            # Half of the interval leaves room to repeat a refresh that was lost.
            self._timers.append(loop.call_later(seconds / 2, self._refresh))

    def stop(self) -> None:
        """Neither refresh nor expire any more."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []
