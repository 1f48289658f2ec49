"""The proof of the agent between two phones, through a delay line: delay, loss, codecs, and who is
not our agent.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Failed, Observation, Trace
from checks.telephony.audio import nonce
from checks.telephony.call.agent_proof import Proof
from checks.telephony.call.leg import Phone
from checks.telephony.call.line import Line
from checks.telephony.call.script import AgentStep
from tests.loopback.delay_line import DelayLine, delay_line
from tests.loopback.test_sip_call_phones import opened

WITHIN = 60.0
TRIES = 3
"""a machine that is busy with other tests loses sound of its own, and tells the time badly"""
STEP = AgentStep(agent=Line(name="agent-01", registrar="127.0.0.1"))


@asynccontextmanager
async def in_call(
    folder: Path, codec: str = "PCMA", **line: float
) -> AsyncIterator[tuple[Phone, Phone, DelayLine]]:
    """Caller and agent, who have answered, and the line between them."""
    caller, agent = (
        await opened(folder, "caller", codecs=[codec]),
        await opened(folder, "agent", codecs=[codec]),
    )
    try:
        async with delay_line(agent.events[0]["port"], **line) as between:
            caller.order("call", to=f"sip:agent@127.0.0.1:{between.port}", headers={})
            await agent.until("incoming", within=WITHIN)
            agent.order("answer", status=200)
            for phone in (caller, agent):
                await phone.until("rtp-first", within=WITHIN)
            yield caller, agent, between
    finally:
        await asyncio.gather(caller.close(), agent.close())


async def proven(folder: Path, caller: Phone, agent: Phone, dtmf: str = "rfc4733") -> Observation:
    """What the proof finds."""
    trace = Trace(time.monotonic, folder)
    try:
        await Proof(trace, STEP, caller, agent, dtmf).prove()
    except Failed as fault:
        return trace.observation(fault)
    return trace.observation()


@pytest.mark.engine
async def test_each_directions_delay_is_what_was_put_into_it(tmp_path: Path) -> None:
    seen = Observation()
    for again in range(TRIES):
        folder = tmp_path / str(again)
        await asyncio.to_thread(folder.mkdir)
        async with in_call(folder, there_ms=130, back_ms=45) as (caller, agent, between):
            seen = await proven(folder, caller, agent)
            made = {
                "caller_to_agent_ms": between.mean_ms("near"),
                "agent_to_caller_ms": between.mean_ms("far"),
            }
            late = {name: seen.measures.get(name, 0.0) - ms for name, ms in made.items()}
            if seen.fault is None and max(map(abs, late.values())) <= 5:
                assert (agent.mouth_to_ear_ms or 0) > 130 + 20, (
                    "a packet must be said, and is held in the jitter buffer"
                )
                assert "as events to the agent, as events to the caller" in seen.notes[-1]
                return
    pytest.fail(f"{seen.fault} {late}")


SLOW = pytest.mark.slow  # the bench agent_delay has them all
CODECS = [
    ("iLBC", 0.05, "rfc4733"),
    ("PCMU", 0.0, "in-band"),
    pytest.param("G722", 0.05, "rfc4733", marks=SLOW),
    pytest.param("GSM", 0.05, "info", marks=SLOW),
]


@pytest.mark.engine
@pytest.mark.parametrize(("codec", "loss", "dtmf"), CODECS)
async def test_the_agent_is_proven_through_codecs_and_loss(
    tmp_path: Path, codec: str, loss: float, dtmf: str
) -> None:
    seen = Observation()
    for again in range(TRIES):
        folder = tmp_path / str(again)
        await asyncio.to_thread(folder.mkdir)
        async with in_call(folder, codec, there_ms=60, loss=loss) as (caller, agent, _):
            seen = await proven(folder, caller, agent, dtmf)
        if seen.fault is None:
            break
    assert seen.fault is None
    assert ("as tones to the agent" in seen.notes[-1]) == (dtmf == "in-band")


@pytest.mark.engine
async def test_digits_that_get_lost_one_way_are_told(tmp_path: Path) -> None:
    async with in_call(tmp_path) as (caller, agent, between):
        between.without_events = True
        seen = await proven(tmp_path, caller, agent)
    assert seen.fault is not None
    assert (seen.fault.stage, seen.fault.code) == ("talk", "dtmf-lost-to-agent")


@pytest.mark.engine
async def test_somebody_elses_challenge_is_not_our_agents(tmp_path: Path) -> None:
    async with in_call(tmp_path) as (caller, agent, _):
        seen = await proven(tmp_path, caller, Impostor(agent))  # type: ignore[arg-type]
    assert seen.fault is not None
    assert (seen.fault.stage, seen.fault.code) == ("talk", "wrong-agent")


@pytest.mark.engine
async def test_our_own_challenge_that_comes_back_is_an_echo(tmp_path: Path) -> None:
    async with in_call(tmp_path) as (caller, agent, between):
        between.echo = True
        seen = await proven(tmp_path, caller, agent)
    assert seen.fault is not None
    assert (seen.fault.stage, seen.fault.code) == ("talk", "echo")


class Impostor:
    """Another probe's agent: it says a challenge of its own."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    def order(self, do: str, **details: Any) -> None:
        if do == "challenge":
            details["say"] = nonce.make(random.Random(7))
        self._phone.order(do, **details)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._phone, name)
