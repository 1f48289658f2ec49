"""One WebRTC call from the daemon's side: starts the softphone's process (and the agent's phone),
follows its stages, plays the script, hangs up and keeps the evidence.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from checks.contract import CannotTell, Failed, Trace
from checks.settings import Secret
from checks.telephony.audio import nonce
from checks.telephony.call import evidence
from checks.telephony.call.account import account_of
from checks.telephony.call.agent_offer import screens
from checks.telephony.call.leg import START_SECONDS, Phone
from checks.telephony.call.line import Line
from checks.telephony.call.media_judgement import hold_to_truth
from checks.telephony.call.probe_health import LoopWatch
from checks.telephony.call.script import AgentStep, Script
from checks.telephony.call.script_runner import Conversation
from checks.webrtc.engine import Agent, Softphone
from checks.webrtc.settings import ECHO_SECONDS, SoftphoneCall

# A process on a busy machine; a far end that is late is judged by the stage's own time.
_DECIDE_SECONDS = 10.0
_LADDERS = {"call": "ladder.txt", "agent": "agent-ladder.txt"}


class Attempt:
    """One call of a check. `within` has the seconds of each stage."""

    READY_SECONDS: ClassVar[float] = START_SECONDS

    def __init__(self, check: SoftphoneCall, trace: Trace, within: Mapping[str, float]) -> None:
        self._check, self._trace, self._within = check, trace, dict(within)
        self._legs: dict[str, Phone] = {}

    async def run(self, watch: LoopWatch) -> None:
        """Hold the call from its first stage to its end. Raises Failed, CannotTell."""
        try:
            agent = await self._agent(self._check.agent_line) if self._check.agent_line else None
            call = await self._softphone()
            watch.begin()
            # The event loop's lateness counts from here: starting processes keeps it busy.
            call.order("call")
            await self._stages(call, agent)
            await Conversation(self._trace, self._script, self._keys, call, agent).run()
            if self._check.echo:
                await self._echo(call)
            await hold_to_truth(
                self._trace, self._check, self._check.script, self._legs, None, self._check.echo
            )
            await self._hang_up(call)
        finally:
            await asyncio.gather(*(phone.close() for phone in self._legs.values()))
            self._keep()

    def health(self) -> list[dict[str, float]]:
        """The health of each process, as probe_health.Figures."""
        return evidence.health_of_legs(self._legs)

    async def _stages(self, call: Softphone, agent: Agent | None) -> None:
        """Pass every stage until there is sound; an agent that is rung meanwhile answers."""
        # The agent may be rung while the caller's stages go on: both run side by side.
        answering = asyncio.ensure_future(agent.answer_when_rung()) if agent else None
        try:
            for stage, within in self._within.items():
                await call.pass_through(self._trace, stage, within)
            await self._in_time(call, "media")
        finally:
            if answering:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)

    # --- the two phones

    async def _softphone(self) -> Softphone:
        check = self._check
        order = self._order()
        call = await self._started()
        self._legs["call"] = call
        call.trace = self._trace
        call.order(
            "open",
            folder=str(self._trace.exhibits_folder),
            files={"sound": "call.wav", "ladder": _LADDERS["call"]},
            # The process ends its own call 30 s after the longest honest attempt, should the daemon
            # forget it.
            life_seconds=check.longest_seconds() + 30.0,
            within=self._within,
            **order,
        )
        await self._in_time(call, "ready", within=self.READY_SECONDS)
        return call

    async def _started(self) -> Softphone:
        return await Softphone.start()

    @property
    def _script(self) -> Script:
        """The script, in which the agent is proven by tones alone.

        A softphone is not told of digits that come.
        """
        # aiortc and JsSIP tell no digits that come (RFC 4733): the agent is proven by its tones.
        return tuple(
            step.model_copy(update={"digits": 0}) if isinstance(step, AgentStep) else step
            for step in self._check.script
        )

    @property
    def _keys(self) -> str:
        """How `press` sends digits."""
        # aiortc sends no RFC 4733 events.
        return "info"

    def _order(self) -> dict[str, Any]:
        """What the softphone must know. Raises CannotTell when a secret is missing."""
        check = self._check
        # A browser's account most often has the domain of its edge.
        domain = check.domain or (urlsplit(check.url).hostname or "")
        return {
            "url": check.url,
            "origin": check.origin,
            "user": check.user,
            "login": check.login or check.user,
            "password": _revealed(check.password, "the account"),
            "domain": domain,
            "to": (
                check.to if check.to.startswith(("sip:", "sips:")) else f"sip:{check.to}@{domain}"
            ),
            "stun": list(check.stun),
            "turn": list(check.turn),
            "turn_user": check.turn_user,
            "turn_password": _revealed(check.turn_password, "TURN"),
            "relay_only": check.relay_only,
            "codecs": list(check.codecs),
            "authorities": str(check.trusted_certificates or ""),
        }

    async def _agent(self, line: Line) -> Agent:
        """The agent's phone, registered before the call is placed."""
        try:
            way = await account_of(line, self._check.step_within)
        except Failed:
            with self._trace.stage("agent"):
                raise
        agent = self._legs["agent"] = await Agent.start()
        agent.order(
            "open",
            name="agent",
            folder=str(self._trace.exhibits_folder),
            files={"sound": "agent.wav", "ladder": _LADDERS["agent"]},
            life_seconds=self._check.longest_seconds() + 30.0,
            account=way.account(("PCMA", "PCMU")),
        )
        await self._in_time(agent, "ready", within=START_SECONDS)
        # Before the registration: from then on it may be rung.
        for screen in screens(self._check.script, self._check.user).values():
            agent.order("screen", **{**screen, "picks_up": False})
        agent.order("register")
        await self._registered(agent)
        return agent

    async def _registered(self, agent: Phone) -> None:
        """Failed is the end at once; no answer is judged when it is the agent's turn."""
        try:
            answer = await agent.until(
                "registered", "registration-failed", within=self._check.step_within
            )
        # No answer is judged when it is the agent's turn: the caller's stages come first in a
        # ticket.
        except TimeoutError:
            return
        if answer.name == "registration-failed":
            with self._trace.stage("agent"):
                raise Failed(
                    "not-registered", f"{answer['code']} {answer['phrase']}", answer["origin"]
                )

    # --- after the script

    async def _echo(self, call: Softphone) -> None:
        """Say our own nonce, which must come back: the far end is an echo. Raises Failed."""
        # SystemRandom: a nonce that could be guessed would prove nothing.
        ours = nonce.make(random.SystemRandom())
        with self._trace.stage("echo"):
            call.order("challenge", say=ours, expect=ours, within=ECHO_SECONDS)
            told = await self._in_time(
                call,
                "challenge-heard",
                "challenge-not-heard",
                within=ECHO_SECONDS + _DECIDE_SECONDS,
            )
            call.order("hush")
            if told.name == "challenge-not-heard":
                raise Failed(
                    "not-heard",
                    f"the echo did not come back; {told['best']} of {told['of']} symbols did",
                )

    async def _hang_up(self, call: Softphone) -> None:
        within = self._check.step_within
        with self._trace.stage("hang-up"):
            # The far end hung up: its ending was judged already.
            if call.seen("far-bye"):
                return
            call.order("hang-up", within=within)
            done = await self._in_time(call, "hung-up", "far-bye", within=within + START_SECONDS)
            if done.name == "hung-up" and not done["answered"]:
                raise Failed("timeout", f"BYE was not answered within {within:g} s")

    def _keep(self) -> None:
        """Keep measures and exhibits, also of a call that failed."""
        for name in self._legs:
            evidence.exhibit_leg(self._trace, name, _LADDERS[name])
        if "call" in self._legs:
            evidence.exhibit_figures(
                self._trace, self._legs, evidence.measure_media(self._trace, self._legs)
            )

    @staticmethod
    async def _in_time(phone: Phone, *names: str, within: float = _DECIDE_SECONDS) -> Any:
        """A process that does not answer is an engine error, not a fault of the far end."""
        try:
            return await phone.until(*names, within=within)
        except TimeoutError:
            raise CannotTell("engine error: the phone's process did not answer in time") from None


def _revealed(secret: Secret | None, whose: str) -> str | None:
    try:
        return secret.reveal() if secret else None
    except LookupError as problem:
        raise CannotTell(f"the password of {whose}: {problem}") from None
