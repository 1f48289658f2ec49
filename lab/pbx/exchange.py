"""The exchange: takes each SIP request to whom it concerns, and owns every leg, task and socket.

It builds the parts, and gives each of them itself as a switchboard.Switchboard.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sipmessage import URI, Request, Response

from lab.injected_faults import Faults
from lab.pbx import recorder, routing, sdp, sip_messages, transfer, troubles
from lab.pbx.availability import availability
from lab.pbx.dialog import SHORTEST_SESSION_SECONDS, own_contact
from lab.pbx.g711 import SILENCE
from lab.pbx.incoming import IncomingLeg
from lab.pbx.ivr import MAIN_NUMBER
from lab.pbx.leg import IntervalTooSmall, Leg
from lab.pbx.outgoing import OutgoingLeg
from lab.pbx.queue import Queue
from lab.pbx.registrar import Binding, Registrar
from lab.pbx.rtp import Stream
from lab.pbx.switchboard import Callee, Party
from lab.pbx.talk import Talk
from lab.pbx.tasks import Tasks
from lab.pbx.transactions import Key, Transactions, server_key
from lab.pbx.transport import Flow, Transport

# Presented in place of the caller's number while the fault "wrong-caller-id" is on: ten digits, as
# a subscriber's number in India has, so that it looks like one.
WRONG_CALLER = "0000000000"
# The option tags that a caller may require (RFC 3261 section 20.32): session timers, RFC 4028.
_UNDERSTOOD = {"timer"}


class Exchange:
    """One PBX on one host."""

    def __init__(
        self,
        faults: Faults,
        users: Mapping[str, str],
        agents: tuple[str, ...],
        prompts: Path,
        challenge_calls: bool = False,
    ) -> None:
        """`users`: name -> password; `agents`: who the queue rings; `challenge_calls`: digest on
        INVITE too.
        """
        self.faults, self.prompts, self._challenge_calls = faults, prompts, challenge_calls
        self.registrar = Registrar(dict(users))
        self.transport = Transport(
            self._received, lambda: faults.broken("trunk-down"), self.registrar.lost
        )
        self.transactions = Transactions(self.transport)
        self.queue = Queue(self, agents)
        self.tasks = Tasks()
        self.legs: dict[tuple[str, str], Leg] = {}
        self._rooms: dict[str, Talk] = {}
        # The folder of the voice logger; without one nothing is recorded.
        self.recordings: Path | None = None
        self._by_invite: dict[Key, IncomingLeg] = {}
        # A CANCEL may come while the leg of its INVITE still waits for a free port.
        self._cancelled_early: set[Key] = set()
        self._attending: dict[Party, asyncio.Task[None]] = {}
        self._methods = {
            "REGISTER": self._register,
            "OPTIONS": self._options,
            "INVITE": self._invite,
        }

    @property
    def port(self) -> int:
        """The port of SIP over UDP and TCP."""
        return self.transport.port

    @property
    def tls_port(self) -> int:
        """The port of SIP over TLS; 0 without."""
        return self.transport.tls_port

    @property
    def mishaps(self) -> list[BaseException]:
        """The bugs that ended a call."""
        return self.tasks.mishaps

    async def open(self, host: str, context: ssl.SSLContext | None) -> None:
        """Raises OSError."""
        await self.transport.open(host, context)

    async def close(self) -> None:
        """Hang up every call and leave nothing behind."""
        for leg in list(self.legs.values()):
            leg.hang_up("the exchange closes")
            leg.over("the exchange closes")
        await self.tasks.close()
        self.transactions.close()
        await self.transport.close()

    # --- what legs ask of the exchange

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside everything else, until the exchange closes."""
        self.tasks.start(work)

    def contact(self, flow: Flow) -> URI:
        """Our Contact as seen over a flow."""
        return own_contact(flow)

    def heard(self, leg: Party, sound: Iterator[bytes]) -> Iterator[bytes]:
        """What of a sound of ours the far end gets, frame by frame."""
        in_ivr = isinstance(leg, IncomingLeg) and leg.number == MAIN_NUMBER
        for frame in troubles.spoilt(self.faults, leg.stream.law, sound):
            if self.faults.broken("no-rtp"):
                yield b""
            else:
                yield (
                    SILENCE[leg.stream.law]
                    if in_ivr and self.faults.broken("ivr-silent")
                    else frame
                )

    def passes(self, target: Party) -> bool:
        """Whether a packet passes to a bridged leg just now."""
        lost = "one-way-to-agent" if isinstance(target, OutgoingLeg) else "one-way-to-caller"
        return not self.faults.broken(lost) and not self.faults.broken("no-rtp")

    def gone(self, leg: Party) -> None:
        """A leg has ended: whoever attended to it stops."""
        self.legs.pop(leg.dialog.key, None)
        if isinstance(leg, IncomingLeg):
            self._by_invite.pop(server_key(leg.invite), None)
        if task := self._attending.pop(leg, None):
            task.cancel()

    async def leg_to(self, binding: Binding, caller: str) -> OutgoingLeg:
        """A new leg towards a user's phone, not yet ringing; `caller` is the number that it is
        shown.
        """
        keys: asyncio.Queue[str] = asyncio.Queue()
        stream = Stream(keys.put_nowait)
        await stream.open(self.transport.host)
        shown = WRONG_CALLER if self.faults.broken("wrong-caller-id") else caller
        leg = OutgoingLeg(self, binding, stream, keys, shown)
        self.legs[leg.dialog.key] = leg
        return leg

    async def reach(self, number: str, callers: Sequence[Party]) -> Callee | None:
        """Ring a user on behalf of others: see routing.reach."""
        return await routing.reach(self, number, callers)

    def is_room(self, number: str) -> bool:
        """Whether a number is a conference room's."""
        return routing.is_room(number)

    def join(self, number: str, leg: Party) -> None:
        """Take a leg into the room of that number."""
        room = self._rooms.get(number)
        # The last to leave closes it; the next to come opens another.
        if room is None or not room.legs:
            self._rooms[number] = Talk(self, leg, room=number)
        else:
            room.take_in(leg)

    def record(self, leg: Party) -> None:
        """Have the voice logger record a leg from its answer on."""
        if self.recordings is not None:
            self.start(recorder.record(leg, self.recordings, self.faults))

    def refer(self, leg: Party, request: Request) -> None:
        """A leg wants the others transferred."""
        transfer.refer(leg, request)

    # --- what comes over the wire

    def _received(self, message: Request | Response, flow: Flow) -> None:
        if isinstance(message, Response):
            self.transactions.answer_came(message)
        elif message.method == "ACK":
            self._acknowledged(message)
        elif not self.transactions.is_repeated(message, flow):
            try:
                self._dispatch(message, flow)
            # sipmessage parses headers when they are asked for: what is broken shows up here.
            except ValueError:
                self._respond(message, 400)

    def _dispatch(self, request: Request, flow: Flow) -> None:
        tag = sip_messages.parameter(request.to_address, "tag")
        if request.method == "CANCEL":
            self._cancel(request)
        elif tag and request.method != "REGISTER":
            leg = self.legs.get((request.call_id, tag))
            if leg:
                leg.asked(request, flow)
            else:
                self._respond(request, 481)
        elif take := self._methods.get(request.method):
            take(request, flow)
        else:
            # RFC 3261 section 12.2.2: these belong to a call, and there is none; others are
            # unknown.
            known = request.method in ("BYE", "UPDATE", "INFO", "REFER", "NOTIFY")
            self._respond(request, 481 if known else 405, Allow=sip_messages.ALLOW)

    def _respond(self, request: Request, code: int, **headers: str) -> None:
        self.transactions.respond(
            request, sip_messages.reply(request, code, sip_messages.token(), **headers)
        )

    def _register(self, request: Request, flow: Flow) -> None:
        self.transactions.respond(request, self.registrar.register(request, flow))

    def _options(self, request: Request, _flow: Flow) -> None:
        """What an INVITE would get just now (RFC 3261 section 11.2)."""
        code, reason = self._availability(request.uri.user)
        extra = (
            {"Reason": reason} if reason else {"Accept": "application/sdp", "Supported": "timer"}
        )
        self._respond(request, code, Allow=sip_messages.ALLOW, **extra)

    def _availability(self, number: str | None) -> tuple[int, str]:
        return availability(number, self.registrar.users(), self.faults)

    def _acknowledged(self, ack: Request) -> None:
        self.transactions.acknowledged(ack)
        leg = self.legs.get((ack.call_id, sip_messages.parameter(ack.to_address, "tag") or ""))
        if isinstance(leg, IncomingLeg):
            leg.acknowledged(ack)

    def _cancel(self, request: Request) -> None:
        # RFC 3261 section 9.2: CANCEL is answered by itself, and its INVITE besides.
        key = self.transactions.invite_of(request)
        self._respond(request, 200 if key else 481)
        if key in self._by_invite:
            self._by_invite[key].cancelled()
        elif key:
            self._cancelled_early.add(key)

    def _invite(self, request: Request, flow: Flow) -> None:
        if unknown := set(request.require) - _UNDERSTOOD:
            self._respond(request, 420, Unsupported=", ".join(sorted(unknown)))
            return
        if self._challenge_calls and (refusal := self.registrar.refusal(request)):
            self.transactions.respond(request, refusal)
            return
        code, reason = self._availability(request.uri.user or "")
        if code != 200:
            self._respond(request, code, Reason=reason)
            return
        # RFC 3261 section 17.2.1: within 200 ms, or the caller repeats its INVITE.
        self.transactions.respond(request, sip_messages.reply(request, 100))
        self.start(self._attend(request, flow))

    async def _attend(self, invite: Request, flow: Flow) -> None:
        """One call from its INVITE to its end."""
        leg = await self._incoming(invite, flow)
        if leg is None:
            return
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        self._attending[leg] = task
        try:
            await routing.attend(self, leg)
        finally:
            self._attending.pop(leg, None)
            leg.hang_up("the dial plan is through", sip_messages.reason(16, "Normal call clearing"))

    async def _incoming(self, invite: Request, flow: Flow) -> IncomingLeg | None:
        """The leg that an INVITE makes; None if it was refused or cancelled meanwhile."""
        keys: asyncio.Queue[str] = asyncio.Queue()
        stream = Stream(keys.put_nowait)
        await stream.open(self.transport.host)
        try:
            leg = IncomingLeg(self, invite, flow, stream, keys)
        except ValueError as error:
            stream.close()
            self._refuse_invite(invite, error)
            return None
        self.legs[leg.dialog.key] = self._by_invite[server_key(invite)] = leg
        if server_key(invite) in self._cancelled_early:
            self._cancelled_early.discard(server_key(invite))
            leg.cancelled()
            return None
        return leg

    def _refuse_invite(self, invite: Request, error: ValueError) -> None:
        if isinstance(error, IntervalTooSmall):
            self._respond(invite, 422, Min_SE=str(SHORTEST_SESSION_SECONDS))
        else:
            self._respond(invite, 488 if isinstance(error, sdp.NotAcceptable) else 400)
