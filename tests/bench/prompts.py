"""Is the right prompt recognised, and no other taken for it? `./reveille bench prompts [PROMPTS]`.

Prompts of recorded human voices in five languages and German by espeak-ng, each through everything
that telephony does to sound; each is looked for as itself (recall) and as others of the same voice
(false accept). iLBC is the engine's own, through real calls to ourselves. Exit status 1 when a
target is missed.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from checks.telephony.audio.prompt import Hearing, Reference
from checks.telephony.audio.sound import RATE, Samples, read_wav
from tests.bench import voices
from tests.bench.codec_call import through_calls

RECALL_TARGET = 0.99
FALSE_ACCEPT_TARGET = 0.001
PROMPTS = 240
LEAST_SECONDS, MOST_SECONDS = 0.6, 12.0
"""of what sounds in a prompt; a single spoken digit is shorter"""
OTHERS = 8
"""how many others each is looked for as, in each channel; as all others when clean"""
WORKERS = 2
FEWEST = 20
"""prompts without which a channel counts as not measured, which is no success"""

DONE_TO_SOUND: Mapping[str, voices.Channel] = {
    "clean": lambda sound, _random: sound,
    "3 % lost, zeroed": voices.zeroed(0.03),
    "5 % lost, zeroed": voices.zeroed(0.05),
    "3 % lost, concealed": voices.concealed(0.03),
    "5 % lost, concealed": voices.concealed(0.05),
    "5 % deleted": voices.deleted(0.05),
    "150 ms of nothing, 2 in 3 s": voices.starved(0.15, 1.5),
    "15 dB noise": voices.noisy(15),
    "+100 ppm drift": voices.drifted(100),
    "-100 ppm drift": voices.drifted(-100),
    "-12 dB": voices.louder(-12),
}
BEYOND = {"5 % deleted"}
"""shown, but no target: with a twentieth of its frames missing, no call is good to a person"""


@dataclass(slots=True)
class Tally:
    """What became of one channel."""

    right: int = 0
    sought: int = 0
    wrong: int = 0
    compared: int = 0
    seconds: float = 0.0
    coverage: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of the right prompts that were recognised."""
        return self.right / self.sought if self.sought else 0.0

    @property
    def false_accept(self) -> float:
        """Share of the comparisons with another prompt that took it for that one."""
        return self.wrong / self.compared if self.compared else 0.0

    def add(self, other: Tally) -> None:
        """Put two together."""
        for name in ("right", "sought", "wrong", "compared", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.coverage += other.coverage
        self.errors += other.errors


def chosen(folder: Path, number: int, seed: int = 42) -> dict[str, Samples]:
    """So many prompts, a tenth German, the rest drawn from every recorded language alike."""
    found = voices.german(folder, number // 10)
    each = (number - len(found)) // len(voices.LANGUAGES)
    for language in voices.LANGUAGES:
        found |= voices.unrelated(
            voices.recorded(language, LEAST_SECONDS, MOST_SECONDS, each, seed)
        )
    return found


_prompts: dict[str, Samples] = {}
_references: dict[str, Reference] = {}


def _begin(prompts: dict[str, Samples]) -> None:
    """In each worker: everything is a reference."""
    _prompts.update(prompts)
    _references.update({name: Reference(name, samples) for name, samples in prompts.items()})


def _hear(channel: str, said: str, received: Samples, others: int) -> Tally:
    """One prompt through one channel: sought as itself, and as others."""
    draw = np.random.default_rng(abs(hash_of(channel + said)))
    if channel in DONE_TO_SOUND:
        received = DONE_TO_SOUND[channel](received, draw)
    heard, tally = voices.in_a_call(received, draw), Tally()
    same = [name for name in _references if name != said and name[:2] == said[:2]]
    picked = [
        said,
        *(same if others >= len(same) else draw.choice(same, others, replace=False).tolist()),
    ]
    began = time.process_time()
    for name in picked:
        match = Hearing(_references[name], 0).hear(heard)
        if name == said:
            tally.sought += 1
            tally.right += match.whole
            tally.coverage.append(match.coverage)
        else:
            tally.compared += 1
            tally.wrong += match.whole
        if match.whole is not (name == said):
            tally.errors.append(
                f"{said} as {name}: {match.coverage:.2f} covered, {match.score:.2f} alike"
            )
    tally.seconds = time.process_time() - began
    return tally


def hash_of(text: str) -> int:
    """The same in every process."""
    return int.from_bytes(text.encode()[-16:], "big") ^ len(text)


def matrix(
    prompts: dict[str, Samples], coded: Mapping[str, Mapping[str, Samples]], others: int
) -> dict[str, Tally]:
    """Every channel's tally."""
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), _begin, (prompts,)) as pool:
        jobs = [
            (
                channel,
                pool.submit(
                    _hear, channel, name, sound, len(prompts) if channel == "clean" else others
                ),
            )
            for channel, sounds in [*((name, prompts) for name in DONE_TO_SOUND), *coded.items()]
            for name, sound in sounds.items()
        ]
        found: dict[str, Tally] = {}
        for channel, job in jobs:
            found.setdefault(channel, Tally()).add(job.result())
    return found


def cost_seconds() -> float:
    """Processor time to look for a ten second prompt in ten seconds of sound."""
    longest = read_wav(voices.FOLDER / voices.LANGUAGES["en"] / "vm-msginstruct.wav")[: 10 * RATE]
    reference, costs = Reference("ten seconds", longest), []
    Hearing(reference, 0).hear(longest)
    for _ in range(5):
        began = time.process_time()
        Hearing(Reference("ten seconds", longest), 0).hear(longest)
        costs.append(time.process_time() - began)
    return sorted(costs)[2]


def table(found: Mapping[str, Tally]) -> str:
    """For people."""
    lines = [
        f"{'channel':<22}{'recall %':>10}{'of':>6}{'false accept %':>16}{'of':>8}"
        f"{'least covered':>15}{'CPU s':>8}"
    ]
    for name, tally in found.items():
        lines.append(
            f"{name:<22}{100 * tally.recall:>10.2f}{tally.sought:>6}"
            f"{100 * tally.false_accept:>16.3f}{tally.compared:>8}"
            f"{min(tally.coverage):>15.2f}{tally.seconds:>8.1f}"
        )
        lines += [f"    {error}" for error in tally.errors[:5]]
    return "\n".join(lines)


def main() -> int:
    """With an argument: how many prompts."""
    number, began = int(sys.argv[1]) if len(sys.argv) > 1 else PROMPTS, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-prompts-") as scratch:
        prompts = chosen(Path(scratch), number)
        coded = {codec: voices.transcoded(prompts, codec) for codec in voices.SOX_CODECS}
        coded["iLBC, real calls"] = asyncio.run(through_calls(Path(scratch), prompts, "iLBC"))
    found = matrix(prompts, coded, OTHERS)
    print(table(found))
    lacking = [name for name, sounds in coded.items() if len(sounds) < FEWEST]
    for name in lacking:
        print(f"{name}: not measured, this machine did not keep the time of its calls")
    counted = [tally for name, tally in found.items() if name not in BEYOND]
    worst, accepted = (
        min(tally.recall for tally in counted),
        sum(tally.wrong for tally in found.values()),
    )
    compared, cost = sum(tally.compared for tally in found.values()), cost_seconds()
    print(
        f"prompts: {len(prompts)} prompts, {len(found)} channels, worst recall {100 * worst:.2f} %"
        f" (target 99), false accept {100 * accepted / compared:.4f} % of {compared} (target 0.1),"
        f" {1000 * cost:.0f} ms for 10 s in 10 s, {time.monotonic() - began:.0f} s"
    )
    return (
        0
        if not lacking and worst >= RECALL_TARGET and accepted / compared <= FALSE_ACCEPT_TARGET
        else 1
    )


if __name__ == "__main__":
    raise SystemExit(main())
