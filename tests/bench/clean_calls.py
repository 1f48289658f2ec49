"""How often is a call called broken that is not? A thousand clean calls, many at once: `./reveille
bench clean-calls`.

Short calls in parallel to SIPp, which answers, says the welcome prompt and waits for BYE: each is a
sip-call that hears the prompt, as the daemon places it, and must pass. What the probe itself could
not tell (UNKNOWN, since this machine has few cores and SIPp runs on it too) is counted apart and
shown with its reasons: it opens no ticket. Exit status 1 with more than one failure (with load:
with any), or when more than one in five could not tell (with load: more than busy.py has).

./reveille bench clean-calls [CALLS] [AT ONCE] [--load PROGRAMS]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from checks.contract import Observation
from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from lab import prompts
from tests.bench.busy import busy, least_told
from tests.loopback.sipp.peer import Sipp, alaw, attempt, silence, sipp

CALLS, AT_ONCE = 1000, 8
MOST_FAILURES = 1
MOST_UNKNOWN_PERCENT = 20.0
_FAR_ENDS = 2
_EVERY = 50
WELCOME = prompts.FOLDER / "welcome.wav"


def call(peer: Sipp) -> SipCall:
    """A short call that must pass."""
    line = Line(name="clean", registrar=f"127.0.0.1:{peer.port}")
    return SipCall.model_validate(
        {"line": line, "to": "8000", "script": [{"hear": str(WELCOME), "within": "8s"}]}
    )


async def place(calls: int, at_once: int, folder: Path) -> list[Observation]:
    """So many calls, so many at once; the exhibits of those that failed are kept and named."""
    gate, done, began = asyncio.Semaphore(at_once), list[Observation](), time.monotonic()
    sound = await asyncio.to_thread(alaw, folder, "welcome", WELCOME, silence(folder, 20))
    async with AsyncExitStack() as stack:
        far = [
            await stack.enter_async_context(sipp("answer", folder / f"far-{n}", sound))
            for n in range(_FAR_ENDS)
        ]

        async def one(number: int) -> None:
            async with gate:
                own = folder / f"call-{number}"
                seen = await attempt(call(far[number % _FAR_ENDS]), own)
            done.append(seen)
            if seen.fault:
                kept = Path(tempfile.mkdtemp(prefix="clean-call-failed-"))
                shutil.copytree(own, kept, dirs_exist_ok=True)
                print(
                    f"call {number} FAILED {seen.fault.stage}: {seen.fault.code}:"
                    f" {seen.fault.text}; see {kept}"
                )
            shutil.rmtree(own, ignore_errors=True)
            if len(done) % _EVERY == 0:
                print(line_of(done, time.monotonic() - began), flush=True)

        await asyncio.gather(*(one(number) for number in range(calls)))
    return done


def tally(done: Sequence[Observation]) -> tuple[int, int, int]:
    """Passed, failed, unknown."""
    failed, unknown = (
        sum(seen.fault is not None for seen in done),
        sum(seen.blind is not None for seen in done),
    )
    return len(done) - failed - unknown, failed, unknown


def line_of(done: Sequence[Observation], seconds: float) -> str:
    """A line of the table."""
    passed, failed, unknown = tally(done)
    return f"{len(done):>6}{passed:>8}{failed:>8}{unknown:>9}{seconds:>10.0f}"


def main() -> int:
    """Print the table and the figures."""
    parser = argparse.ArgumentParser(prog="reveille bench clean-calls", description=__doc__)
    parser.add_argument("calls", type=int, nargs="?", default=CALLS)
    parser.add_argument("at_once", type=int, nargs="?", default=AT_ONCE)
    parser.add_argument("--load", type=int, default=0, metavar="PROGRAMS", help="busy beside it")
    asked = parser.parse_args()
    calls, at_once, load = asked.calls, asked.at_once, asked.load
    print(f"{'calls':>6}{'passed':>8}{'failed':>8}{'unknown':>9}{'seconds':>10}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-clean-calls-") as folder, busy(load) as first:
        done = asyncio.run(place(calls, at_once, Path(folder)))
    passed, failed, unknown = tally(done)
    for why, count in Counter(
        (seen.blind or "").split(" (limit")[0][:110] for seen in done if seen.blind
    ).most_common(8):
        print(f"unknown {count:>4}: {why}")
    share = 100 * unknown / len(done)
    most = 100 - least_told(load) if load else MOST_UNKNOWN_PERCENT
    most_failures = 0 if load else MOST_FAILURES
    beside = f" beside {load} busy programs, far ends {'before' if first else 'among'} them"
    print(
        f"\nclean-calls: {calls} calls, {at_once} at once{beside if load else ''}: {passed} passed,"
        f" {failed} false failures (target at most {most_failures}), {unknown} unknown by this"
        f" machine's own load = {share:.1f} % (target at most {most:g} %),"
        f" {time.monotonic() - began:.0f} s"
    )
    return 0 if failed <= most_failures and share <= most else 1


if __name__ == "__main__":
    raise SystemExit(main())
