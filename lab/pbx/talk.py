"""Legs that hear each other: two are bridged packet by packet, more are mixed; and what may be done
to them meanwhile.

    agent ── re-INVITE sendonly ──> the others hear music            (RFC 3264 section 8.4)
    agent ── REFER ──> 202, NOTIFY 100, NOTIFY how it ended           (RFC 3515, RFC 5589)
    agent ── *6 ──> is not heard, until *6 again;   *3 NUMBER # ──> one more joins

Rule: a leg that ends leaves; the last one left is hung up. A leg that was transferred away is
nobody's loss.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from sipmessage import Request

from lab.pbx import mixer, sip_messages, tones
from lab.pbx.g711 import SILENCE, Law
from lab.pbx.outgoing import OutgoingLeg
from lab.pbx.rtp import Packet
from lab.pbx.switchboard import Conversation, Party, Switchboard

# 200 ms: far beyond the delay of 25 ms from which ITU-T G.131 asks for echo control.
_ECHO_FRAMES = 10
# Feature codes that a party of a talk may press; each begins with a star, which no IVR asks for.
MUTE, INVITE = "*6", "*3"


class Talk:
    """Who talks with whom just now. `room` is the number under which others join; a room may hold
    one leg alone.
    """

    def __init__(self, exchange: Switchboard, *legs: Party, room: str = "") -> None:
        self.exchange, self.room = exchange, room
        self.legs: list[Party] = []
        # Whether anybody came back from hold: the fault "one-way-after-resume" acts from then on.
        self.resumed = False
        self._held: set[Party] = set()
        self._muted: set[Party] = set()
        self._keys: dict[Party, asyncio.Task[None]] = {}
        for leg in legs:
            self.take_in(leg)

    # --- coming and going

    def take_in(self, leg: Party) -> None:
        """One more, who hears the others and is heard from now on."""
        self.legs.append(leg)
        leg.talk = self
        self._keys[leg] = asyncio.get_running_loop().create_task(self._listen(leg))
        self.exchange.start(self._watch(leg))
        self.connect()

    def let_go(self, leg: Party) -> None:
        """One less, who is still in a call but not in this talk."""
        if leg in self.legs:
            self.legs.remove(leg)
            self._keys.pop(leg).cancel()
            self._held.discard(leg)
            self._muted.discard(leg)
            leg.stream.relay = leg.talk = None
            leg.stream.play(None)
            self.connect()

    async def _watch(self, leg: Party) -> None:
        await leg.ended.wait()
        if leg not in self.legs:
            return
        self.let_go(leg)
        # Who is alone in a room waits for others there; who is alone in a call is through.
        if len(self.legs) == 1 and not self.room:
            who = "agent" if isinstance(leg, OutgoingLeg) else "caller"
            self.legs[0].hang_up(f"{who} hung up", sip_messages.reason(16, "Normal call clearing"))

    # --- who hears whom

    def connect(self) -> None:
        """Bridge, mix or play music, as it stands now."""
        for leg in self.legs:
            leg.stream.relay = None
        if len(self.legs) == 2:
            self._bridge()
        elif len(self.legs) > 2:
            mixer.connect(self.legs, self.hears)
        elif self.legs:
            self.legs[0].loop((SILENCE[self.legs[0].stream.law],) * 50)

    def hears(self, target: Party, source: Party) -> bool:
        """Whether one hears another just now."""
        faults = self.exchange.faults
        ignored = faults.broken("mute-ignored")
        split = faults.broken("conference-split") and len(self.legs) > 2 and source is self.legs[-1]
        one_way = self.resumed and faults.broken("one-way-after-resume") and source is self.legs[-1]
        muted = source in self._muted and not ignored
        return not (
            muted or split or one_way or {source, target} & self._held
        ) and self.exchange.passes(target)

    def _bridge(self) -> None:
        # By the first, who hears himself while the fault "echo" is on.
        said: deque[bytes] = deque([b""], maxlen=_ECHO_FRAMES)
        for source, target in (self.legs, self.legs[::-1]):
            target.quiet()
            law = target.stream.law
            if source in self._held and target not in self._held:
                silent = self.exchange.faults.broken("hold-silent")
                target.loop((SILENCE[law],) * 50 if silent else tones.music(law))
            elif source in self._muted and not self.exchange.faults.broken("mute-ignored"):
                # A NAT's mapping, and a phone's own loss alarm, want packets even in silence.
                target.loop((SILENCE[law],) * 50)

            # The two legs are bound as defaults: a closure would see those of the last round.
            def relay(
                packet: Packet,
                law: Law,
                is_event: bool,
                source: Party = source,
                target: Party = target,
            ) -> None:
                lost = is_event and self.exchange.faults.broken("keys-lost")
                if source is self.legs[0] and not is_event:
                    said.append(packet.payload)
                elif self.exchange.faults.broken("echo") and not is_event and said[0]:
                    echoed = mixer.with_echo(packet.payload, law, said[0], target.stream.law)
                    packet = replace(packet, payload=echoed)
                if self.hears(target, source) and not lost:
                    target.stream.forward(packet, law, is_event)

            source.stream.relay = relay

    def held(self, leg: Party, on: bool) -> None:
        """A leg has put the others on hold, or is back."""
        if on != (leg in self._held):
            self._held ^= {leg}
            self.resumed = self.resumed or not on
            self.connect()

    # --- keys

    def told(self, leg: Party, info: Request) -> None:
        """A key by INFO goes on to the others as it came (RFC 6086)."""
        if self.exchange.faults.broken("keys-lost"):
            return
        for other in self.legs:
            if other is not leg:
                made = other.dialog.request("INFO")
                sip_messages.with_body(
                    made, info.headers["Content-Type"] or "application/dtmf-relay", info.body
                )
                self.exchange.transactions.ask(made, other.dialog.flow, lambda _: None)

    async def _listen(self, leg: Party) -> None:
        """Feature codes; other digits are the parties' own business."""
        pressed = ""
        while True:
            key = await leg.keys.get()
            # A star begins a new code, so that a slip of the finger needs no correction.
            pressed = key if key == "*" else pressed + key
            if pressed == MUTE:
                self._muted ^= {leg}
                pressed = ""
                self.connect()
            elif pressed.startswith(INVITE) and key == "#":
                self.exchange.start(self._invite(pressed[len(INVITE) : -1]))
                pressed = ""

    async def _invite(self, number: str) -> None:
        leg = await self.exchange.reach(number, self.legs)
        if leg is not None and self.legs:
            self.take_in(leg)
        elif leg is not None:
            leg.hang_up("nobody is left to talk to")


def others(talk: Conversation, leg: Party) -> Sequence[Party]:
    """Everybody but one."""
    return [other for other in talk.legs if other is not leg]
