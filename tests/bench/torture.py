"""Nothing that a far end says may crash, hang or mislead: `./reveille bench torture`.

cases      the 49 torture cases of RFC 4475 as responses to OPTIONS, REGISTER and INVITE, and as
           requests at each, at a call that stands and at the agent's phone
mutated    datagrams of SIP, SDP, RTP and RTCP with a few bytes changed, at least 10 000
floods     provisional responses without end, forked answers, RTP, and datagrams up to 64 KiB

Wrong is: a crash or an engine error, an attempt beyond its own time limit, an odd but legal
response that is refused, an illegal one that is not "bad-peer" with its exhibit, a child of more
than 160 MiB. Exit status 1 when anything is.

./reveille bench torture [SEED]
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.faults import by_raw
from tests.torture import pelting
from tests.torture.aims import (
    Outcome,
    answering,
    call,
    first,
    most_at_once,
    options,
    registration,
    said_by,
)
from tests.torture.case import Case, Verdict
from tests.torture.far_end import HOST, Asked, FarEnd, Story
from tests.torture.rfc4475 import CASES

MOST_MEGABYTES = 160.0
AT_ONCE = 4
Job = Callable[[], Awaitable[Outcome]]
_WORDS: tuple[str, ...] = (
    "passed",
    "bad-peer",
    "timeout",
    "no-rtp",
    "rtp-from-elsewhere",
    "no-codec",
    "not-bound",
)
_WORDS += ("not-rung", "not-answered", "choppy", "clipped", "frozen", "looped")
# A lawful INVITE of a stranger's at the agent is a customer who came first.
_STRANGERS = "blind: agent 'agent-01' was rung"


@dataclass
class Tally:
    """What came of everything so far."""

    datagrams: int = 0
    attempts: int = 0
    wrong: list[str] = field(default_factory=list)

    def take(
        self,
        name: str,
        outcomes: Iterable[tuple[str, Outcome, bool]],
        datagrams: int,
        seconds: float,
    ) -> None:
        """A line of the table; each outcome with its name and whether it is right."""
        taken = list(outcomes)
        words = Counter(outcome.word.split(":")[0] for _, outcome, _ in taken)
        bad = [
            f"{what}: {o.word[:140]} in {o.seconds:.1f} s"
            for what, o, right in taken
            if not right or not o.in_time
        ]
        self.datagrams += datagrams
        self.attempts += len(taken)
        self.wrong += bad
        said = ", ".join(f"{count} {word}" for word, count in words.most_common(6))
        print(
            f"{name:<44}{len(taken):>9}{datagrams:>11}{len(bad):>7}{seconds:>9.0f}  {said}",
            flush=True,
        )
        for line in bad[:10]:
            print(f"    WRONG {line}", flush=True)


def is_lenient(outcome: Outcome) -> bool:
    """A word that a pelted attempt may end with: anything but a crash or something that nobody
    said. That this machine had no CPU for the probe is the truth too; the table shows it as
    "blind".
    """
    said = outcome.word in _WORDS or outcome.word.startswith(("sip:", "early-hang-up"))
    return said or outcome.word.startswith(("blind: the probe itself was sick", _STRANGERS))


def bound_to(case: Case) -> Story:
    """The response of a case to REGISTER, with our Contact in it."""

    async def told(far: FarEnd, asked: Asked) -> None:
        contact = f"\r\nContact: {asked.one('Contact')};expires=60\r\nFrom: "
        far.say(case.response(far, asked).replace(b"\r\nFrom: ", contact.encode(), 1))

    return told


async def cases(tally: Tally, folder: Path, chosen: Sequence[Case]) -> None:
    """Every case at every aim."""
    answered = [case for case in chosen if case.status]

    async def run(name: str, of: Sequence[Case], job: Callable[[Case, Path], Awaitable[Outcome]],
                  right: Callable[[Case], Verdict], lawful: str = "") -> None:  # fmt: skip
        began = time.monotonic()
        jobs = [lambda case=case: job(case, folder / f"{name}-{case.name}") for case in of]
        outcomes = await most_at_once(AT_ONCE, jobs)
        rows = [
            (
                f"{name} {c.section} {c.name}",
                o,
                o.fits(right(c)) or bool(lawful and o.word.startswith(lawful)),
            )
            for c, o in zip(of, outcomes, strict=True)
        ]
        tally.take(f"cases: {name}", rows, len(of), time.monotonic() - began)

    def at_options(case: Case) -> Verdict:
        return "either" if case.name == "regaut01" else case.verdict

    def at_call(case: Case) -> Verdict:
        # 401 with a scheme that nobody knows is a refusal like any other.
        return "either" if case.name == "regaut01" else case.at_call or case.verdict

    async def hurled(case: Case, own: Path) -> Outcome:
        return await pelting.cases_at_the_agent((case,), own)

    await run(
        "answers to OPTIONS",
        answered,
        lambda c, p: options(first(said_by(c, False), then=False), p),
        at_options,
    )
    await run(
        "answers to REGISTER",
        answered,
        lambda c, p: registration(bound_to(c), p),
        lambda c: c.verdict,
    )
    await run(
        "answers to INVITE", answered, lambda c, p: call(answering(said_by(c, True)), p), at_call
    )

    def asked(case: Case) -> Story:
        return first(lambda _, came: case.request(f"{HOST}:{came.source[1]}"))

    await run("requests at OPTIONS", chosen, lambda c, p: options(asked(c), p), lambda _: "taken")
    await run("requests at the agent", chosen, hurled, lambda _: "either", _STRANGERS)
    began = time.monotonic()
    stood = await pelting.cases_in_a_call(tuple(chosen), folder / "stood")
    tally.take("cases: requests in a call", [("in a call", stood, stood.word == "passed")],
               len(chosen), time.monotonic() - began)  # fmt: skip


async def mutations(tally: Tally, folder: Path, lot: random.Random) -> None:
    """Ten thousand and more."""

    async def run(name: str, each: int, jobs: Sequence[Job], at_once: int = AT_ONCE) -> None:
        began = time.monotonic()
        outcomes = await most_at_once(at_once, jobs)
        tally.take(f"mutated: {name}", [(name, o, is_lenient(o)) for o in outcomes],
                   each * len(jobs), time.monotonic() - began)  # fmt: skip

    numbers = count()

    def many(number: int, job: Callable[[Path], Awaitable[Outcome]]) -> list[Job]:
        return [lambda: job(folder / f"{next(numbers)}") for _ in range(number)]

    began = time.monotonic()
    own = await pelting.own_transactions(lot, 2500, folder)
    tally.take("mutated: answers to OPTIONS and REGISTER", [("own", o, is_lenient(o)) for o in own],
               len(own), time.monotonic() - began)  # fmt: skip
    await run("answers to INVITE", 150, many(16, lambda p: pelting.setting_up(lot, 150, p)))
    await run("descriptions (SDP)", 1, many(80, lambda p: pelting.describing(lot, p)))
    await run("requests in a call", 600, many(4, lambda p: pelting.in_the_call(lot, 600, p)))
    await run("RTP and RTCP", 2000, many(2, lambda p: pelting.rtp_and_rtcp(lot, 2000, p)), 1)
    await run("requests at the agent", 300, many(4, lambda p: pelting.at_the_agent(lot, 300, p)))


async def floods(tally: Tally, folder: Path) -> None:
    """What has no end, by name."""
    jobs: dict[str, tuple[Job, str, int]] = {
        "provisional responses": (
            lambda: call(by_raw.provisionals, folder / "provisionals"),
            "bad-peer",
            200,
        ),
        "forked answers": (lambda: call(by_raw.forked, folder / "forked"), "bad-peer", 5),
        "RTP, forty for one": (
            lambda: call(by_raw.rtp_flood, folder / "rtp", {"stay": "3s"}),
            "bad-peer",
            6000,
        ),
        "datagrams to 64 KiB": (lambda: pelting.flood_of_sip(8000, folder / "sip"), "passed", 8000),
    }
    for name, (job, word, datagrams) in jobs.items():
        began = time.monotonic()
        outcome = await job()
        sick = outcome.word.startswith(
            "blind: the probe itself was sick"
        )  # which is the truth, on a small machine
        tally.take(f"flood: {name}", [(name, outcome, outcome.word == word or sick)], datagrams,
                   time.monotonic() - began)  # fmt: skip


async def torture(seed: int, folder: Path) -> int:
    """Print the table and the figures."""
    tally, lot, began = Tally(), random.Random(seed), time.monotonic()
    print(f"{'':<44}{'attempts':>9}{'datagrams':>11}{'wrong':>7}{'seconds':>9}  outcomes")
    async with pelting.watched(os.getpid()) as most:
        await cases(tally, folder / "cases", CASES)
        await mutations(tally, folder / "mutations", lot)
        await floods(tally, folder / "floods")
    heavy = most[0] > MOST_MEGABYTES
    print(
        f"\ntorture: {len(CASES)} cases of RFC 4475, {tally.datagrams} datagrams in"
        f" {tally.attempts} attempts, {len(tally.wrong)} wrong (target 0), largest child"
        f" {most[0]:.0f} MiB (target {MOST_MEGABYTES:g}), seed {seed},"
        f" {time.monotonic() - began:.0f} s"
    )
    return 1 if tally.wrong or heavy else 0


def main(arguments: Sequence[str]) -> int:
    """With an argument: the seed."""
    seed = int(arguments[0]) if arguments else 4475
    with tempfile.TemporaryDirectory(prefix="bench-torture-") as folder:
        return asyncio.run(torture(seed, Path(folder)))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
