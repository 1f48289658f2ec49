"""What the parts of the exchange may ask of each other: one protocol for each of them.

Every part is written against these and never imports exchange.py, which builds them all; the
imports therefore run one way, from the exchange down to the leg:

    exchange > routing > ivr, feature_codes > queue > talk > mixer, outgoing > leg > switchboard
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sipmessage import URI, Request

from lab.injected_faults import Faults
from lab.pbx.dialog import Dialog
from lab.pbx.g711 import Law
from lab.pbx.registrar import Binding, Registrar
from lab.pbx.rtp import Stream
from lab.pbx.transactions import Transactions
from lab.pbx.transport import Flow, Transport


class Party(Protocol):
    """One leg, as a talk, a queue or the exchange sees it."""

    dialog: Dialog
    stream: Stream
    keys: asyncio.Queue[str]
    party: str
    state: str
    talk: Conversation | None
    begun: asyncio.Event
    ended: asyncio.Event

    @property
    def exchange(self) -> Switchboard:
        """The exchange that it belongs to."""

    async def play(self, frames: tuple[bytes, ...]) -> None:
        """Play a sound to its end."""

    def loop(self, frames: tuple[bytes, ...]) -> None:
        """Play a sound again and again."""

    def quiet(self) -> None:
        """Play nothing."""

    def reply(self, request: Request, code: int) -> None:
        """Answer a request within the dialog."""

    def hang_up(self, why: str, reason: str = "") -> None:
        """End the call, with the value of a Reason header (RFC 3326)."""


class Callee(Party, Protocol):
    """A leg that the exchange calls: a user's phone."""

    user: str
    answered: asyncio.Event

    def call(self, law: Law) -> None:
        """Send the INVITE, with the preferred codec."""

    def cancel(self) -> None:
        """Give up ringing."""


class Conversation(Protocol):
    """A talk, as its legs see it."""

    @property
    def legs(self) -> Sequence[Party]:
        """Who takes part just now."""

    def take_in(self, leg: Party) -> None:
        """Let one more take part."""

    def let_go(self, leg: Party) -> None:
        """Let one leave, whose call goes on."""

    def told(self, leg: Party, info: Request) -> None:
        """Pass on a key that came by INFO (RFC 6086)."""

    def held(self, leg: Party, on: bool) -> None:
        """A leg puts the others on hold, or is back."""


class Waiting(Protocol):
    """The queue, as the dial plan and the feature codes see it."""

    pins: dict[str, str]
    logged_in: set[str]

    async def serve(self, caller: Party) -> None:
        """Keep a caller until he has talked to an agent."""


class Switchboard(Protocol):
    """The exchange, as whatever is connected to it sees it."""

    faults: Faults
    prompts: Path
    registrar: Registrar
    transport: Transport
    transactions: Transactions

    @property
    def legs(self) -> Mapping[tuple[str, str], Party]:
        """Every leg, by its Call-ID and our tag."""

    @property
    def queue(self) -> Waiting:
        """The queue of the main number."""

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside everything else; it is cancelled when the exchange closes."""

    def contact(self, flow: Flow) -> URI:
        """The exchange's own Contact over a flow."""

    def heard(self, leg: Party, sound: Iterator[bytes]) -> Iterator[bytes]:
        """What of a sound the far end of a leg gets, frame by frame."""

    def passes(self, target: Party) -> bool:
        """Whether a packet passes to a bridged leg just now."""

    def gone(self, leg: Party) -> None:
        """A leg has ended."""

    def refer(self, leg: Party, request: Request) -> None:
        """A leg wants the others transferred (RFC 3515)."""

    def record(self, leg: Party) -> None:
        """Have the voice logger record a leg."""

    def is_room(self, number: str) -> bool:
        """Whether a number is a conference room's."""

    def join(self, number: str, leg: Party) -> None:
        """Take a leg into the room of that number."""

    async def leg_to(self, binding: Binding, caller: str) -> Callee:
        """A new leg towards a user's phone, not yet ringing."""

    async def reach(self, number: str, callers: Sequence[Party]) -> Callee | None:
        """Ring a user on behalf of others; None when nobody answers."""
