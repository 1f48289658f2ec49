"""A day's figures against those of the same weekday of the weeks before, as plain data. Only for
the child process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from checks.data.usage.record_formats import FORMATS
from checks.data.usage.source_reader import Job, Read
from checks.data.usage.tally import Counts
from checks.data.usage.traffic import peak
from checks.data.usage.weekday_baseline import Figure, Standout, standouts, usual
from checks.ratio import Ratio

# A site with ten thousand numbers would compare chance with chance: the largest are what one looks
# at.
_MOST_PARTS = 100
_MOST_STANDOUTS = 50
# What is a count: nothing of it is 0, and chance makes it stray by its root.
COUNTED = frozenset(
    {"offered", "answered", "abandoned", "peak", "queue_offered", "queue_abandoned"}
)
Key = tuple[str, str]


def service_level(counts: Counts, level: str) -> Ratio:
    """In its variants: A in time of answered and abandoned; B without those who gave up in time; C
    with them as served; D of the answered alone.
    """
    answered, abandoned = counts.answered, counts.abandoned
    soon, gone = counts.answered_in_time, counts.abandoned_in_time
    of = {
        "A": (soon, answered + abandoned),
        "B": (soon, answered + abandoned - gone),
        "C": (soon + gone, answered + abandoned),
        "D": (soon, answered),
    }
    return Ratio(*of[level])


def figures(job: Job, found: Read, number: int) -> dict[Key, Figure | None]:
    """What is compared of a day: by metric and part."""
    tally, queue = found.tallies[number], found.queues[number] if found.queues else None
    counts, waits = tally.total(), FORMATS[job.records["format"]].waits
    known: dict[Key, Figure | None] = {
        ("offered", ""): counts.offered,
        ("answered", ""): counts.answered,
        ("talk_seconds", ""): counts.talk_seconds,
        ("peak", ""): peak(tally.sweep).calls,
        ("asr", ""): _percent(Ratio(counts.answered, counts.offered)),
        ("ner", ""): _percent(Ratio(counts.delivered, counts.offered)),
        ("acd_seconds", ""): (
            Fraction(counts.talk_seconds, counts.answered) if counts.answered else None
        ),
    }
    if waits:
        known["abandoned", ""] = counts.abandoned
        known["asa_seconds", ""] = (
            Fraction(counts.wait_seconds, counts.answered) if counts.answered else None
        )
        known["service_level", ""] = _percent(service_level(counts, job.service_level))
    if queue is not None:
        known["queue_offered", ""], known["queue_abandoned", ""] = (
            queue.total.offered,
            queue.total.abandoned,
        )
        known["queue_service_level", ""] = _percent(service_level(queue.total, job.service_level))
    for hour, part in zip(tally.day.hours(), tally.hours(), strict=True):
        known["offered", f"hour:{hour.label}"] = part.offered
    for group in ("trunk", "did"):
        largest = sorted(
            tally.groups(group, found.names).items(), key=lambda item: (-item[1].offered, item[0])
        )
        known |= {
            ("offered", f"{group}:{name}"): part.offered for name, part in largest[:_MOST_PARTS]
        }
    return known


def _percent(ratio: Ratio) -> Fraction | None:
    exact = ratio.exact()
    return None if exact is None else 100 * exact


def comparison(job: Job, found: Read) -> dict[str, Any]:
    """Against the same weekday of the weeks before; weeks before the first that has calls
    are none.
    """
    last = max(
        # Weeks before the first record say nothing; weeks of silence in between are real zeros.
        (number for number, tally in enumerate(found.tallies) if number and tally.total().offered),
        default=0,
    )
    before = [figures(job, found, number) for number in range(1, last + 1)]
    today = figures(job, found, 0)
    found_out = standouts(today, before, COUNTED)
    return {
        "weeks": len(before),
        "days": [
            {
                "date": tally.day.date.isoformat(),
                "day_hours": tally.day.seconds / 3600,
                "offered": tally.total().offered,
            }
            for tally in found.tallies[1 : last + 1]
        ],
        "usual": _usual(today, before),
        "stands_out": [_told(one) for one in found_out[:_MOST_STANDOUTS]],
        "standouts": len(found_out),
    }


def _usual(
    today: Mapping[Key, Figure | None], before: Sequence[Mapping[Key, Figure | None]]
) -> list[dict[str, Any]]:
    rows = []
    for key, value in today.items():
        # A part without calls in a week had none: that is a figure, where a ratio of nothing is
        # not.
        nothing = 0 if key[0] in COUNTED else None
        known = usual([one for day in before if (one := day.get(key, nothing)) is not None])
        if known is not None:
            rows.append(
                {
                    "metric": key[0],
                    "part": key[1] or None,
                    "value": None if value is None else _number(Fraction(value)),
                    "median": _number(known.median),
                    "mad": _number(known.mad),
                    "weeks": known.weeks,
                }
            )
    return rows


def _told(one: Standout) -> dict[str, Any]:
    return {
        "metric": one.metric,
        "part": one.part or None,
        "value": _number(one.value),
        "median": _number(one.usual.median),
        "mad": _number(one.usual.mad),
        "weeks": one.usual.weeks,
        "above": one.above,
    }


def _number(exact: Fraction) -> int | float:
    # Whole where it is whole: a count of calls is shown without a fraction.
    return int(exact) if exact.denominator == 1 else round(float(exact), 2)
