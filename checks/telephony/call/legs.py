"""The phones of an attempt: started side by side; those that are to be called are registered before
anybody can.

Each has a name: "call" is the customer's, "agent" our agent's, further ones are named after what
they are for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.call.account import Account, account_of
from checks.telephony.call.leg import START_SECONDS, Phone
from checks.telephony.call.line import Line
from checks.telephony.call.own_registration import OwnRegistrations, beyond
from checks.telephony.call.registering import refused
from checks.telephony.sip.failover import moves_on

# A registrar answers within a round trip, and repeats itself (RFC 3261 section 17.2.2).
_AFTER_SECONDS = 1.0


class Legs:
    """`legs` are the phones by name, `ways` how each reaches its registrar. Whoever starts them
    closes them.
    """

    def __init__(
        self, trace: Trace, codecs: tuple[str, ...], signalling_within: float, life_seconds: float
    ) -> None:
        self.legs: dict[str, Phone] = {}
        self.accounts: dict[str, Account] = {}
        self._trace, self._codecs = trace, codecs
        self._own = OwnRegistrations()
        self.by_own_client = set[str]()
        """the legs whose accounts our own client has registered"""
        self._screens: Mapping[str, Mapping[str, Any]] = {}
        self._signalling_within, self._life_seconds = signalling_within, life_seconds

    async def start(
        self,
        lines: Mapping[str, Line],
        stages: Mapping[str, str],
        called: tuple[str, ...],
        screens: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Start a phone for each line; `called` are registered at once, and take the calls that
        `screens` let through (screening.py); `stages` are blamed for a line that leads nowhere.
        Raises Failed, CannotTell.
        """
        self._screens = screens or {}
        # All names are resolved before the first phone is started: a typing error costs no call.
        for name, line in lines.items():
            self.accounts[name] = await self._account(line, stages.get(name, "agent"))
            if by := self.accounts[name].ways.by:
                self._trace.note(f"{line.registrar} by {by}: {self.accounts[name].hop}")
        # All processes start side by side: each takes a second to load its engine.
        for name in lines:
            self.legs[name] = await Phone.start()
        for name in lines:
            self._open(name)
            # The screen is set before the registration: from then on a queue may ring it.
            if screen := self._screens.get(name):
                self.legs[name].order("screen", **screen)
            if name in called:
                self.legs[name].order("register")
        for name in lines:
            await self._ready(self.legs[name])

    async def add(self, name: str, like: str, secretive: bool = False) -> Phone:
        """One more phone on the account of another, for a second call of the same person; it is not
        registered. `secretive`: what it presses is a secret, and no exhibit shows it.
        """
        # A consultation of the same person comes from the same account.
        self.accounts[name] = self.accounts[like]
        self.legs[name] = await Phone.start()
        self._open(name, secretive)
        await self._ready(self.legs[name])
        return self.legs[name]

    async def drop(self, name: str) -> None:
        """Close a phone, and take it out of the attempt."""
        # The ways of the others stay: the judgement reads them.
        self.accounts.pop(name, None)
        if phone := self.legs.pop(name, None):
            await phone.close()

    async def registered(self, name: str, stage: str) -> None:
        """An account that is refused ends the attempt at once; one that gets no answer is judged
        when it is its turn. Raises Failed, CannotTell.
        """

        async def attempt(phone: Phone, share: float) -> None:
            if self.accounts[name].number:
                phone.order("register")
            try:
                await self.register(name, share * self._signalling_within)
            except Failed as fault:
                # Silence is judged when it is the agent's turn: the caller's own stages come first
                # in a ticket.
                if fault.code != "timeout" or self.accounts[name].further:
                    raise

        try:
            await self.reached(name, attempt)
        except Failed as fault:
            with self._trace.stage(stage):
                told = self.legs[name].seen("registration-failed")
                said = f"{told['code']} {told['phrase']}" if told else fault.text
                whose = "" if name == "agent" else f"{self.accounts[name].line.name}: "
                raise Failed("not-registered", f"{whose}{said}", fault.origin) from fault

    async def register(self, name: str, within: float) -> None:
        """Await the answer to the REGISTER of a phone; where the engine cannot read it, the account
        is registered by our own client. Raises Failed, CannotTell.
        """
        phone, answer = self.legs[name], None
        final = "registered", "registration-failed"
        with suppress(TimeoutError):
            answer = await phone.until(*final, "malformed", within=within)
            # What is no SIP may be somebody else's: the answer may still follow.
            if answer.name == "malformed":
                answer = None
                answer = await phone.until(*final, within=min(_AFTER_SECONDS, within))
        if answer and answer.name == "registered":
            return
        if beyond(phone, answer):
            await self._own.register(self.accounts[name], phone, within)
            self.by_own_client.add(name)
            self._trace.note("registered by our own client: the engine cannot read the answer")
            return
        if answer is None:
            raise Failed("timeout", f"no response within {within:g} s")
        raise refused(answer)

    async def reached(self, name: str, attempt: Callable[[Phone, float], Awaitable[None]]) -> None:
        """Attempt something with one server of a leg's line after the other until one answers (RFC
        3263 section 4.3); `attempt` gets the phone, and its share of the time for signalling.
        Raises Failed, CannotTell.
        """
        while True:
            began, account = self._trace.elapsed(), self.accounts[name]
            try:
                await attempt(self.legs[name], 1 / (len(account.ways.hops) - account.number))
                return
            except Failed as fault:
                further = account.further
                if further is None or not self._moves_on(name, fault):
                    with account.ways.doubting():
                        raise
                self._trace.note(f"{account.hop}: {fault}; the next is asked (RFC 3263, 4.3)")
                self._trace.another_way(began)
                await self._by(name, further)

    def _moves_on(self, name: str, fault: Failed) -> bool:
        """Whether the next server is asked: one that has begun to answer an INVITE is passed over
        for a 503 alone, however long it rings (RFC 3261 section 17.1.1.2).
        """
        begun = self.legs[name].seen("trying", "provisional", "answered")
        return moves_on(fault) and (begun is None or fault.code.startswith("sip:"))

    async def _by(self, name: str, account: Account) -> None:
        """A phone whose server is passed over makes room for one at the next server."""
        await self.legs[name].close()
        self.accounts[name], self.legs[name] = account, await Phone.start()
        self._open(name)
        if screen := self._screens.get(name):
            self.legs[name].order("screen", **screen)
        await self._ready(self.legs[name])

    async def close(self) -> None:
        """Hang up everywhere; returns when every process is gone."""
        # Side by side: each may need seconds to hang up, and the others' BYE must not wait.
        await asyncio.gather(*(phone.close() for phone in self.legs.values()))
        await self._own.close()

    async def _account(self, line: Line, stage: str) -> Account:
        try:
            return await account_of(line, self._signalling_within)
        except Failed:
            with self._trace.stage(stage):
                raise

    def _open(self, name: str, secretive: bool = False) -> None:
        self.legs[name].order(
            "open",
            name=name,
            folder=str(self._trace.exhibits_folder),
            files={"sound": f"{name}.wav", "ladder": ladder_of(name)},
            life_seconds=self._life_seconds,
            secretive=secretive,
            account=self.accounts[name].account(self._codecs),
        )

    @staticmethod
    async def _ready(phone: Phone) -> None:
        try:
            await phone.until("ready", within=START_SECONDS)
        except TimeoutError:
            raise CannotTell("engine error: the phone's process did not start in time") from None


def ladder_of(name: str) -> str:
    """The file that holds a leg's SIP ladder."""
    return "ladder.txt" if name == "call" else f"{name}-ladder.txt"
