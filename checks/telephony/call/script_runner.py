"""A call under way: the steps of its script, each in its stage.

stage    fault codes
press    no-telephone-event, early-hang-up
prompt   silent, comfort-noise, wrong-prompt, unknown-prompt, not-heard, broken-off, too-quiet,
         dtmf-ignored, early-hang-up, tone:KIND, fax, voicemail, music-on-hold, frozen, looped,
         noise
media    false-answer:KIND (ringback, busy, congestion, dial, sit), no-rtp (it stopped), and what
         `media_judgement.py` finds in the whole call
agent    and talk: see `agent_proof.py`
hold     no-rtp, early-hang-up (the step `stay`)
on-hold, resume, mute, unmute, consult, transfer, conference, dtmf, caller-id    see `features.py`
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.call.agent_offer import picks_up
from checks.telephony.call.agent_proof import Proof
from checks.telephony.call.feature_steps import Feature
from checks.telephony.call.features import Features, Talkers
from checks.telephony.call.leg import Event, Phone
from checks.telephony.call.script import (
    AgentStep,
    HangUp,
    Hear,
    Hold,
    Pause,
    Press,
    Script,
    Stay,
    Step,
)

# A codec with silence suppression still sends comfort noise (RFC 3389) or RTCP within five
# seconds.
_STALLED_SECONDS = 5.0
# Telephone speech has its mean at about -20 dBm0 (ITU-T P.56 level, G.101); at 20 dB less words are
# lost in the noise of a room.
QUIETEST_DBM0 = -40.0
# For a phone to answer an order, on a machine that is busy.
_DECIDE_SECONDS = 10.0


class Conversation:
    """Runs a script over a call that stands, with the agent's phone beside it where the script has
    one.
    """

    def __init__(
        self,
        trace: Trace,
        script: Script,
        dtmf: str,
        call: Phone,
        agent: Phone | None,
        country: str | None = None,
        library: Sequence[str] = (),
        features: Features | None = None,
    ) -> None:
        """`library` are paths of further prompts by which a wrong one can be named; `country` says
        whose tones.
        """
        self._trace, self._script, self._dtmf = trace, script, dtmf
        self._call, self._agent = call, agent
        self._features = features
        self._prompts = [
            str(path) for step in script if isinstance(step, Hear) for path in step.references
        ]
        self._country, self._library = country, library
        self._heard: list[str] = []
        self._pressed = False

    async def run(self) -> None:
        """Run every step in order. Raises Failed, CannotTell."""
        for step in self._script:
            await self._take(step)
        if self._script and isinstance(self._script[-1], Press):
            # The digits are still on their way: a BYE now would overtake them.
            await self._stand(0.3 * len(self._script[-1].press), "press")

    @property
    def talkers(self) -> Talkers:
        """Who is in the talk just now."""
        return Talkers(
            self._call, self._agent if self._agent and self._agent.seen("answered") else None
        )

    async def _take(self, step: Step) -> None:
        match step:
            case Hear():
                await self._hear(step)
            case Press():
                await self._press(step)
            case Pause():
                await self._stand(step.pause, "pause")
            case AgentStep():
                await self._reach_agent(step)
            case Stay() | Hold():
                await self._stay(step)
            case Feature() if self._features is not None:
                talkers = Talkers(self._call, self._agent)
                await self._features.take(step, talkers)
                # A transfer may have put other phones into the talk.
                self._call, self._agent = talkers.caller, talkers.agent
            case Feature():
                raise CannotTell("this kind of call has no call control")
            case HangUp():
                pass

    async def _hear(self, step: Hear) -> None:
        number, paths = len(self._heard) + 1, [str(path) for path in step.references]
        with self._trace.stage("prompt"):
            self._call.order(
                "listen",
                step=number,
                reference=paths[0],
                references=paths,
                within=step.within,
                to_the_end=step.to_the_end,
                # Pressing "1" may rightly lead to the same prompt again, when the script awaits
                # it.
                **self._known(self._previous if self._previous not in paths else None),
            )
            patience = step.within + max(map(_seconds, step.references)) + _DECIDE_SECONDS
            found, still = await self._while_packets_come(
                self._reply("heard", "not-heard", within=patience, step=number)
            )
            if found.name == "not-heard":
                self._refuse_prompt(number, found, still)
            elif found["level_dbm0"] < QUIETEST_DBM0:
                raise Failed(
                    "too-quiet",
                    f"prompt {number}: {found['reference']} is heard at {found['level_dbm0']:.0f}"
                    " dBm0, some 20 dB below a usual voice",
                )
        self._note_prompt(number, found)
        self._heard.append(
            next((path for path in paths if Path(path).name == found["reference"]), paths[0])
        )
        self._pressed = False

    def _refuse_prompt(self, number: int, found: Event, still: float) -> None:
        """A tone of the network in the prompt's stead is a fault of the media: nobody answered; and
        so are no packets for `still` seconds.
        """
        # A far end that died says no wrong prompt: the ticket is about the way, not the menu.
        if still >= _STALLED_SECONDS:
            with self._trace.stage("media"):
                raise Failed("no-rtp", f"no RTP for {still:.0f} s, and prompt {number} was awaited")
        # Behind an answer a tone of the network means that nobody answered.
        if str(found["code"]).startswith("false-answer:"):
            with self._trace.stage("media"):
                raise Failed(found["code"], found["text"])
        raise Failed(found["code"], f"prompt {number}: {found['text']}")

    def _note_prompt(self, number: int, found: Event) -> None:
        self._trace.measure(f"hear_{number}_seconds", found["seconds"])
        self._trace.measure(f"hear_{number}_coverage_percent", 100 * found["coverage"])
        self._trace.measure(f"hear_{number}_level_dbm0", found["level_dbm0"])
        answered = self._call.seen("answered")
        where = (
            f"{found['began'] - answered.at:+.1f} s from the answer, "
            if answered and "began" in found.facts
            else ""
        )
        self._trace.note(
            f"heard {found['reference']}: {where}{found['coverage']:.0%} covered, likeness"
            f" {found['score']:.2f}"
        )

    def _known(self, previous: str | None) -> dict[str, object]:
        """The facts by which a phone can name what is heard."""
        answered = self._call.seen("answered")
        return {
            "others": [*self._prompts, *self._library],
            "previous": previous,
            "answered_at": answered.at if answered else None,
            "country": self._country,
        }

    @property
    def _previous(self) -> str | None:
        """After a press: the prompt that went before it ("" when none did)."""
        return (self._heard[-1] if self._heard else "") if self._pressed else None

    async def _press(self, step: Press) -> None:
        with self._trace.stage("press"):
            self._call.order("press", digits=step.press, method=self._dtmf)
            done = await self._reply(
                "pressed", "press-failed", within=_DECIDE_SECONDS, digits=step.press
            )
            if done.name == "press-failed":
                raise Failed(
                    "no-telephone-event", f"DTMF cannot be sent in this call: {done['text']}"
                )
        self._pressed = True

    async def _reach_agent(self, step: AgentStep) -> None:
        if self._agent is None:
            raise CannotTell("the agent's phone was not started")
        proof = Proof(
            self._trace, step, self._call, self._agent, self._dtmf, picks_up(self._script)
        )
        await proof.run(self._review)

    async def _review(self) -> Event:
        self._call.order("review", wanted="an agent", **self._known(self._previous))
        return await self._reply("reviewed", within=_DECIDE_SECONDS)

    async def _stay(self, step: Stay | Hold) -> None:
        """Media must keep flowing to the caller; none for five seconds is a fault."""
        with self._trace.stage("hold"):
            ends = self._trace.elapsed() + step.stay
            flow = Flow(self._trace, self._call)
            while (left := ends - self._trace.elapsed()) > 0:
                await self._stand(min(1.0, left))
                # Counts that stand still, not silence: a muted agent still sends packets.
                if await flow.still_for() >= _STALLED_SECONDS:
                    raise Failed(
                        "no-rtp", f"no RTP for {_STALLED_SECONDS:g} s in a call that still stands"
                    )

    async def _while_packets_come(self, reply: Awaitable[Event]) -> tuple[Event, float]:
        """The reply, and for how many seconds no packet had come by then."""
        waiting, flow, still = asyncio.ensure_future(reply), Flow(self._trace, self._call), 0.0
        try:
            while not (await asyncio.wait({waiting}, timeout=1.0))[0]:
                still = await flow.still_for()
            return await waiting, still
        finally:
            waiting.cancel()

    async def _stand(self, seconds: float, stage: str | None = None) -> None:
        """Let the call stand; raises what ends it."""
        if stage is not None:
            with self._trace.stage(stage):
                return await self._stand(seconds)
        legs = [leg for leg in (self._call, self._agent) if leg is not None]
        # An agent who has not answered yet has no call that could end.
        connected = [leg for leg in legs if leg is self._call or leg.seen("answered")]
        await asyncio.gather(*(_until_time(leg, seconds) for leg in connected))
        return None

    async def _reply(self, *names: str, within: float, **facts: Any) -> Event:
        return await _in_time(self._call.until(*names, within=within, **facts))


class Flow:
    """Whether packets come, as the phone counts them."""

    def __init__(self, trace: Trace, call: Phone) -> None:
        self._trace, self._call = trace, call
        self._packets, self._moved = -1, trace.elapsed()

    async def still_for(self) -> float:
        """For how many seconds none has come. Raises Failed, CannotTell."""
        since = len(self._call.events)
        self._call.order("count")
        counted = await _in_time(
            self._call.until("counted", "no-media", within=_DECIDE_SECONDS, since=since)
        )
        if (packets := counted.facts.get("rx_packets", self._packets)) != self._packets:
            self._packets, self._moved = packets, self._trace.elapsed()
        return self._trace.elapsed() - self._moved


async def _until_time(leg: Phone, seconds: float) -> None:
    try:
        await leg.until("never", within=seconds)
    except TimeoutError:
        return


async def _in_time(waiting: object) -> Event:
    """A phone that does not answer an order is an engine error, not a fault of the far end."""
    try:
        return await waiting  # type: ignore[misc, no-any-return]
    except TimeoutError:
        raise CannotTell("engine error: the phone's process did not answer in time") from None


# 16-bit mono at 8 kHz; the header's 44 bytes are less than 3 ms.
def _seconds(path: Path) -> float:
    return path.stat().st_size / 16000
