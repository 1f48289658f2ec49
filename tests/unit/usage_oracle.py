"""Usage once more, by brute force: second by second, call by call, with nothing of the product's
but its terms.

A record is a dict with start (wall time or None), length, talk, outcome, trunk, id, link, order,
account.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

Record = Mapping[str, Any]
REACHED = {"ANSWERED", "BUSY", "NO ANSWER", "CANCEL"}
GIVEN_UP = {"NO ANSWER", "CANCEL"}
SUMS = (
    "offered", "answered", "delivered", "abandoned", "short_abandoned", "answered_in_time",
    "abandoned_in_time", "talk_seconds", "wait_seconds",
)  # fmt: skip
_CODES = {"ANSWERED": 0, "BUSY": 1, "NO ANSWER": 2, "CANCEL": 4, "CONGESTION": 5, "FAILED": 6}


@dataclass
class Call:
    start: int
    end: int
    wait: int
    talk: int
    outcome: str
    own: bool
    trunk: str


def day_of(date_: date, zone: str) -> tuple[int, int]:
    """Walk through the minutes, and see which carry the date."""
    around = int(datetime.combine(date_, time(12), ZoneInfo("UTC")).timestamp())
    minutes = [
        at
        for at in range(around - 48 * 3600, around + 48 * 3600, 60)
        if datetime.fromtimestamp(at, ZoneInfo(zone)).date() == date_
    ]
    return minutes[0], minutes[-1] + 60


def instant(written: str | None, zone: str, identity: str) -> int | None:
    """The second that a wall time is; of two the one nearer to the epoch in the id."""
    if written is None:
        return None
    wall = datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone))
    both = [int(wall.timestamp()), int(wall.replace(fold=1).timestamp())]
    if (
        both[0] < both[1] and "." in identity
    ):  # twice; a time that does not exist has the later one first
        return min(both, key=lambda at: (abs(at - int(identity.partition(".")[0])), at))
    return both[0]


def calls(records: Iterable[Record], zone: str) -> list[Call]:
    groups: dict[str, list[tuple[int, Record]]] = defaultdict(list)
    for record in records:
        at = instant(record["start"], zone, record["id"])
        if at is not None:
            groups[record["link"] or record["id"]].append((at, record))
    return [one_call(legs) for legs in groups.values()]


def one_call(legs: list[tuple[int, Record]]) -> Call:
    legs = sorted(legs, key=lambda leg: (leg[0], leg[1]["order"], _CODES.get(leg[1]["outcome"], 7)))
    start = legs[0][0]
    connected: set[int] = set()
    answers, end = [], start
    for at, leg in legs:
        length = max(leg["length"] or 0, 0)
        talk = min(max(leg["talk"] or 0, 0), length)
        end = max(end, at + length)
        if leg["outcome"] == "ANSWERED":
            answers.append(at + length - talk)
            connected |= set(range(at + length - talk, at + length))
    outcome = "ANSWERED" if answers else legs[-1][1]["outcome"]
    wait = (min(answers) if answers else end) - start
    own = any(leg["account"] == "reveille" for _, leg in legs)
    return Call(start, end, wait, len(connected), outcome, own, legs[0][1]["trunk"])


def figures(
    records: Iterable[Record], date_: date, zone: str, in_time: int, short: int
) -> dict[str, Any]:
    begin, end = day_of(date_, zone)
    every = calls(records, zone)
    seizures = [call for call in every if not call.own]
    today = [call for call in seizures if begin <= call.start < end]
    answered = [call for call in today if call.outcome == "ANSWERED"]
    gone = [call for call in today if call.outcome in GIVEN_UP]
    levels = Counter(
        at for call in seizures for at in range(max(call.start, begin), min(call.end, end))
    )
    peak = max(levels.values(), default=0)
    hours = {
        at: sum(levels[second] for second in range(at, at + 3600))
        for at in range(begin, end - 3599, 900)
    } if levels else {}  # fmt: skip
    return {
        "offered": len(today),
        "answered": len(answered),
        "delivered": sum(call.outcome in REACHED for call in today),
        "abandoned": sum(call.wait > short for call in gone),
        "short_abandoned": sum(call.wait <= short for call in gone),
        "answered_in_time": sum(call.wait <= in_time for call in answered),
        "abandoned_in_time": sum(short < call.wait <= in_time for call in gone),
        "talk_seconds": sum(call.talk for call in answered),
        "wait_seconds": sum(call.wait for call in answered),
        "own": sum(call.own and begin <= call.start < end for call in every),
        "peak": peak,
        "peak_at": min((at for at, level in levels.items() if level == peak), default=None),
        "busiest": max(hours.values(), default=0),
        "busiest_at": min(
            (at for at, load in hours.items() if load == max(hours.values())), default=None
        ),
        "trunks": dict(Counter(call.trunk for call in today)),
        "hours": dict(Counter((call.start - begin) // 3600 for call in today)),
        "crossed_in": sum(call.start < begin < call.end for call in seizures),
        "crossed_out": sum(begin <= call.end and call.start < end < call.end for call in seizures),
    }
