"""What a call costs, and how many run at once on this machine: `./reveille bench calls`.

cost      wall time of one attempt, from the start of its process to its verdict, beyond the
          script's own seconds
at once   calls that stand at the same time, each in its own process, their RTP echoed by SIPp, one
          for each fifteen of them: the largest number of which none called itself sick
          (checks/telephony/call/probe_health.py) and no packet was lost or discarded as late
dropped   whose sockets threw away what they had not read, by the kernel's counters
          (socket_drops.py): what SIPp drops is lost as well, and is no loss of ours. A step with
          such a loss alone says nothing against us, and nothing for us: the next is tried, and the
          largest number is of those without any

Side by side with it, in the same run, SIPp itself places the bare calls (signalling and a stream of
RTP, and nothing listens) to the same far end. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from checks.contract import Observation
from checks.telephony.call.leg import warm
from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from tests.bench.socket_drops import watched
from tests.loopback.sipp.peer import (
    HERE,
    Sipp,
    alaw,
    attempt,
    joined,
    media_port,
    running,
    silence,
    sipp,
    speak,
)
from tests.ports import free_port

COST_TARGET_SECONDS = 0.3
AT_ONCE_TARGET = 60
STEPS = (30, 60, 90)
_HOLD_SECONDS = 2.0
# On a busy machine the last of them is answered seconds after its turn.
_STAND_SECONDS = 8.0
# SIPp echoes on one socket, by one thread: 750 packets a second of fifteen calls fill its buffer
# (212 992 bytes, 768 of them each) in 0.37 s without a processor, those of sixty in 0.09 s.
_CALLS_OF_A_PEER = 15
_START_GAP_SECONDS = 0.12
_SICK = "the probe itself was sick"


@dataclass(frozen=True, slots=True)
class Load:
    """What became of a number of calls at once."""

    calls: int
    stood: int
    """how many stood at the same moment"""
    failed: int
    sick: int
    """how many called themselves sick"""
    lost: int
    late: int
    """packets discarded by the jitter buffer"""
    far_dropped: int
    """datagrams that SIPp's sockets threw away, unread"""
    dropped: int
    """the same of our own processes"""
    unsent: float
    """the largest share of the packets due that a call did not send, percent"""
    stall: float
    """the longest that a call's process stood still, seconds"""
    cores: float
    """processor time of the calls' processes, in cores"""

    @property
    def healthy(self) -> bool:
        """No call failed or called itself sick, and nothing was lost or came late."""
        return self.ours_is_well and not self.lost

    @property
    def ours_is_well(self) -> bool:
        """The same, but for what the far end has dropped."""
        lost = max(0, self.lost - self.far_dropped) + self.dropped
        return self.stood == self.calls and not (self.failed or self.sick or lost or self.late)


def call(port: int, *script: dict[str, str]) -> SipCall:
    """A call over an unregistered line."""
    return SipCall(
        line=Line(name="bench", registrar=f"127.0.0.1:{port}"),
        to="8000",
        script=script,
        dead_air=0.0,
    )


async def costs(folder: Path, prompt: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds beyond the script's own, of each kind of call."""
    sound = alaw(folder, "sound", joined(folder, "said", prompt, silence(folder, 30)))
    found: dict[str, list[float]] = {"hold 2 s": [], "hear a prompt": [], "SIPp, the bare call": []}
    async with sipp("answer", folder / "answer", sound) as peer:
        for number in range(rounds):
            held = await attempt(
                call(peer.port, {"stay": f"{_HOLD_SECONDS}s"}), folder / f"hold-{number}"
            )
            found["hold 2 s"].append(_passed(held).seconds - _HOLD_SECONDS)
            heard = await attempt(call(peer.port, {"hear": str(prompt)}), folder / f"hear-{number}")
            found["hear a prompt"].append(_passed(heard).seconds - heard.measures["prompt_seconds"])
            began = time.monotonic()
            await bare_calls(peer.port, folder, 1, _HOLD_SECONDS)
            found["SIPp, the bare call"].append(time.monotonic() - began - _HOLD_SECONDS)
    return found


async def bare_calls(port: int, folder: Path, number: int, seconds: float) -> float:
    """SIPp places calls to the same far end; its wall time. Raises RuntimeError when one fails."""
    rate, length = str(round(1 / _START_GAP_SECONDS)), str(round(seconds * 1000))
    scenario = folder / "caller.xml"
    sound = alaw(folder, "bare", silence(folder, 10))
    scenario.write_text((HERE / "caller.xml").read_text().replace("SOUND", str(sound)))
    command = [
        "sipp",
        "-sf",
        str(scenario),
        f"127.0.0.1:{port}",
        "-i",
        "127.0.0.1",
        "-mi",
        "127.0.0.1",
    ]
    command += ["-nostdin", "-m", str(number), *media_port(free_port(even=True))]
    began = time.monotonic()
    async with running(
        *command, "-l", str(number), "-r", rate, "-d", length, log=folder / "uac.log"
    ) as process:
        if await process.wait() != 0:
            raise RuntimeError("SIPp's own calls failed")
    return time.monotonic() - began


async def load(folder: Path, peers: Sequence[Sipp], number: int) -> Load:
    """So many calls at once, to the far ends in turn."""
    await warm.end()
    loop, before, began = asyncio.get_running_loop(), _child_seconds(), time.monotonic()
    stand = _STAND_SECONDS + number * _START_GAP_SECONDS

    async def one(index: int) -> Observation:
        turn: asyncio.Future[None] = loop.create_future()
        loop.call_later(index * _START_GAP_SECONDS, turn.set_result, None)
        await turn
        return await attempt(
            call(peers[index % len(peers)].port, {"stay": f"{stand:.1f}s"}),
            folder / f"load-{number}-{index}",
        )

    async with watched(peer.process for peer in peers) as drops:
        seen = await asyncio.gather(*(one(index) for index in range(number)))
    took = time.monotonic() - began
    # What its forks have used is counted when the process that they were forked of has gone.
    await warm.end()
    cores = (_child_seconds() - before) / took
    counts = [_counts(folder / f"load-{number}-{index}") for index in range(number)]
    spans = [span for index in range(number) if (span := _span(folder / f"load-{number}-{index}"))]
    return Load(
        calls=number,
        stood=_most_at_once(spans),
        failed=sum(
            o.fault is not None or (o.blind is not None and _SICK not in o.blind) for o in seen
        ),
        sick=sum(_SICK in (o.blind or "") for o in seen),
        lost=sum(c.get("rx_lost", 0) for c in counts),
        late=sum(c.get("rx_discarded", 0) for c in counts),
        far_dropped=drops.of_far_end,
        dropped=drops.ours,
        unsent=max((o.measures.get("probe_unsent_percent", 100.0) for o in seen), default=100.0),
        stall=max((o.measures.get("probe_stall_seconds", 0.0) for o in seen), default=0.0),
        cores=cores,
    )


def _passed(seen: Observation) -> Observation:
    if seen.fault or seen.blind:
        raise RuntimeError(f"a call that had to pass did not: {seen.fault or seen.blind}")
    return seen


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _counts(folder: Path) -> dict[str, int]:
    path = folder / "rtp.json"
    return dict(json.loads(path.read_text())["call"]) if path.exists() else {}


def _span(folder: Path) -> tuple[float, float] | None:
    """When the call stood, by the wall clock of its files: the answer and the hanging up, in
    monotonic seconds.
    """
    path = folder / "timings.json"
    events = json.loads(path.read_text())["call"] if path.exists() else []
    times = {event["event"]: event["seconds"] for event in events}
    end = path.stat().st_mtime if path.exists() else 0.0
    if not {"answered", "hung-up", "closed"} <= set(times):
        return None
    return end - times["closed"] + times["answered"], end - times["closed"] + times["hung-up"]


def _most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    return max((sum(a <= start <= b for a, b in spans) for start, _ in spans), default=0)


async def at_once(folder: Path) -> int:
    """Print a table of steps; the largest number of calls that stood without a fault."""
    heading = (
        "stood",
        "failed",
        "sick",
        "lost",
        "late",
        "dropped",
        "SIPp's",
        "unsent %",
        "stall s",
        "cores",
        "bare s",
    )
    print("\n" + f"{'calls at once':<14}" + "".join(f"{word:>9}" for word in heading))
    most = 0
    async with AsyncExitStack() as stack:
        peers = []
        for index in range(-(-max(STEPS) // _CALLS_OF_A_PEER)):
            one = sipp("mute", folder / f"echo-{index}", more=("-rtp_echo",))
            peers.append(await stack.enter_async_context(one))
        for number in STEPS:
            seen = await load(folder, peers[: -(-number // _CALLS_OF_A_PEER)], number)
            stand = _STAND_SECONDS + number * _START_GAP_SECONDS
            bare = await bare_calls(peers[0].port, folder, number, stand)
            figures = (seen.stood, seen.failed, seen.sick, seen.lost, seen.late, seen.dropped)
            print(
                f"{seen.calls:<14}"
                + "".join(f"{one:>9}" for one in (*figures, seen.far_dropped))
                + f"{seen.unsent:>9.2f}{seen.stall:>9.2f}{seen.cores:>9.2f}{bare:>9.2f}",
                flush=True,
            )
            if seen.healthy:
                most = number
            if not seen.ours_is_well:
                break
    return most


async def measure(folder: Path, rounds: int) -> int:
    """Print the tables and the last line."""
    prompt = speak("Welcome to the contact centre.", folder, "welcome")
    found = await costs(folder, prompt, rounds)
    print(f"{'cost of one call beyond its script':<36}{'median s':>10}{'worst s':>10}")
    for name, seconds in found.items():
        print(f"{name:<36}{statistics.median(seconds):>10.3f}{max(seconds):>10.3f}")
    most = await at_once(folder)
    cost = max(statistics.median(found[name]) for name in ("hold 2 s", "hear a prompt"))
    print(
        f"calls: {cost:.2f} s beyond the script (target {COST_TARGET_SECONDS:g}), "
        f"{most} at once, none sick, no packet lost or late (target {AT_ONCE_TARGET})"
    )
    return 0 if cost <= COST_TARGET_SECONDS and most >= AT_ONCE_TARGET else 1


def main() -> int:
    """With an argument: how many rounds of the cost."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory(prefix="bench-calls-") as folder:
        return asyncio.run(measure(Path(folder), rounds))


if __name__ == "__main__":
    raise SystemExit(main())
