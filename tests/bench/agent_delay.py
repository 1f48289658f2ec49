"""How late each direction of a proven call is, beside a delay that a line in the media path really
made: within 5 ms, with every codec of the engine, at 0 and 5 % loss. Two of our own phones, and the
proof of the agent between them.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from checks.contract import Failed, Trace
from checks.telephony.call.agent_proof import Proof
from checks.telephony.call.leg import Phone
from checks.telephony.call.line import Line
from checks.telephony.call.script import AgentStep
from tests.loopback.delay_line import delay_line

CODECS = ("PCMA", "PCMU", "G722", "GSM", "iLBC")
DELAYS_MS = ((0, 0), (37, 90), (150, 20), (333, 208))
"""to the agent, to the caller"""
LOSSES = (0.0, 0.05)
MOST_ERROR_MS = 5.0
_WITHIN = 60.0


@dataclass
class Result:
    """Of one call: what it was, what went wrong, and the errors of both directions."""

    codec: str
    loss: float
    injected: tuple[float, float]
    fault: str = ""
    measured: tuple[float | None, float | None] = (None, None)
    errors: tuple[float, ...] = ()


async def opened(folder: Path, name: str, codec: str) -> Phone:
    """A phone with an account of no registrar."""
    phone = await Phone.start(log=folder / f"{name}.log")
    who = {"address": f"sip:{name}@127.0.0.1", "local_address": "127.0.0.1", "codecs": [codec]}
    files = {"sound": f"{name}.wav", "ladder": f"{name}.txt"}
    phone.order("open", name=name, folder=str(folder), files=files, life_seconds=300, account=who)
    await phone.until("ready", within=_WITHIN)
    return phone


async def proven(folder: Path, codec: str, there_ms: float, back_ms: float, loss: float) -> Result:
    """One call through a delay line, and the proof."""
    await asyncio.to_thread(folder.mkdir)
    result = Result(codec, loss, (there_ms, back_ms))
    caller, agent = await opened(folder, "caller", codec), await opened(folder, "agent", codec)
    step = AgentStep(agent=Line(name="agent", registrar="127.0.0.1"), digits=4)
    trace = Trace(time.monotonic, folder)
    port = (await agent.until("ready", within=_WITHIN))["port"]
    try:
        async with delay_line(port, there_ms, back_ms, loss) as line:
            caller.order("call", to=f"sip:agent@127.0.0.1:{line.port}", headers={})
            await agent.until("incoming", within=_WITHIN)
            agent.order("answer", status=200)
            for phone in (caller, agent):
                await phone.until("rtp-first", within=_WITHIN)
            proof = Proof(trace, step, caller, agent, "rfc4733")
            await proof.prove()
            result.injected = line.mean_ms("near"), line.mean_ms("far")
    except Failed as fault:
        result.fault = str(fault)
    finally:
        await asyncio.gather(caller.close(), agent.close())
    seen = trace.observation().measures
    result.measured = seen.get("caller_to_agent_ms"), seen.get("agent_to_caller_ms")
    result.errors = tuple(
        told - made
        for told, made in zip(result.measured, result.injected, strict=True)
        if told is not None
    )
    return result


async def main() -> int:
    """Run the matrix, two calls at a time."""
    cases = list(itertools.product(CODECS, LOSSES, DELAYS_MS))
    results: list[Result] = []
    print(
        f"{'codec':6} {'loss':>4}  {'to the agent':>24}  {'to the caller':>24}   ms: injected,"
        " measured, error"
    )
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(0, len(cases), 2):
            calls = (
                proven(Path(scratch) / f"{number + index}", codec, *delays, loss)
                for index, (codec, loss, delays) in enumerate(cases[number : number + 2])
            )
            for result in await asyncio.gather(*calls):
                results.append(result)
                _show(result)
    return _verdict(results)


def _show(result: Result) -> None:
    parts = [
        (
            f"{made:7.1f} {told:7.1f} {told - made:+6.1f}"
            if told is not None
            else f"{made:7.1f} {'-':>7} {'-':>6}"
        )
        for made, told in zip(result.injected, result.measured, strict=True)
    ]
    print(
        f"{result.codec:6} {result.loss:>4.0%}  {parts[0]:>24}  {parts[1]:>24}   {result.fault}",
        flush=True,
    )


def _verdict(results: list[Result]) -> int:
    unproven = [result for result in results if result.fault]
    errors = [error for result in results for error in result.errors]
    worst = max(map(abs, errors), default=0.0)
    timed = 100 * len(errors) / (2 * len(results))
    print(
        f"agent_delay: {len(results)} calls, {len(unproven)} not proven, {timed:.0f} % of"
        f" directions timed, worst error {worst:.1f} ms; targets 0, 95 %, {MOST_ERROR_MS:g} ms"
    )
    return int(bool(unproven) or timed < 95 or worst > MOST_ERROR_MS)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
