"""Calls that hunt through several phones in FreeSWITCH's records: `bleg_uuid` names the last leg
that was called, and no called leg names anybody. One call is one call, whatever rang for it.

The lines are as mod_cdr_csv's template "default" writes them for legs = "ab", each when its leg
ends: the caller's last.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.field.data.test_usage_stamps import looked


class Leg(NamedTuple):
    """Seconds after 9:00; `answer` below zero for never."""

    id: str
    caller: str
    did: str
    start: int
    end: int
    answer: int = -1
    names: str = ""
    cause: str = "NO_ANSWER"


def stamp(second: int) -> str:
    return "" if second < 0 else f"2026-11-20 09:{second // 60:02}:{second % 60:02}"


def line(leg: Leg) -> str:
    talk = leg.end - leg.answer if leg.answer >= 0 else 0
    cause = "NORMAL_CLEARING" if talk else leg.cause
    times = [stamp(second) for second in (leg.start, leg.answer, leg.end)]
    lengths = [str(leg.end - leg.start), str(talk)]
    fields = ["A", leg.caller, leg.did, "default", *times, *lengths, cause, leg.id, leg.names]
    return ",".join(f'"{field}"' for field in [*fields, "", "PCMA", "PCMA"])


C, D, US = "+493012345", "+493099999", "+4989100"
WON = Leg("b3", C, "1003", 42, 102, 50)
HUNTS: dict[str, list[Leg]] = {
    # bridge user/1001|user/1002|user/1003
    "one-after-the-other": [
        Leg("b1", C, "1001", 2, 22),
        Leg("b2", C, "1002", 22, 42, cause="USER_BUSY"),
        WON,
        Leg("a", C, "8000", 0, 102, 50, "b3"),
    ],
    "nobody-answers": [
        Leg("b1", C, "1001", 2, 22),
        Leg("b2", C, "1002", 22, 42),
        Leg("a", C, "8000", 0, 42, names="b2"),
    ],
    # bridge user/1001,user/1002,user/1003
    "all-at-once": [
        Leg("b1", C, "1001", 2, 9, cause="LOSE_RACE"),
        Leg("b2", C, "1002", 2, 9, cause="LOSE_RACE"),
        Leg("b3", C, "1003", 2, 102, 9),
        Leg("a", C, "8000", 0, 102, 9, "b3"),
    ],
    # answered by a menu first
    "after-a-menu": [
        Leg("b1", C, "1001", 30, 42, cause="CALL_REJECTED"),
        WON,
        Leg("a", C, "8000", 0, 102, 0, "b3"),
    ],
    # bridge sofia/gateway/a/...|sofia/gateway/b/..., effective_caller_id_number set
    "another-gateway": [
        Leg("b1", US, D, 1, 1, cause="NORMAL_TEMPORARY_FAILURE"),
        Leg("b2", US, D, 1, 6, cause="RECOVERY_ON_TIMER_EXPIRE"),
        Leg("b3", US, D, 6, 66, 12),
        Leg("a", "1001", D, 0, 66, 12, "b3"),
    ],
    # mod_callcenter: who gives up was bridged to nobody
    "a-queue-that-is-left": [
        Leg("b1", C, "1001", 20, 40),
        Leg("b2", C, "1002", 45, 65),
        Leg("a", C, "8000", 0, 90, 0),
    ],
    "in-one-second": [Leg("b", C, "1001", 0, 60, 3), Leg("a", C, "8000", 0, 60, 3, "b")],
}


def counted(folder: Path, legs: Sequence[Leg]) -> list[float]:
    file = folder / "Master.csv"
    file.write_text("\n".join(map(line, legs)) + "\n")
    found = looked(folder, {"format": "freeswitch", "file": str(file)})
    assert found.fault is None, found.fault
    return [found.measures[name] for name in ("offered_calls", "answered_calls", "talk_minutes")]


@pytest.mark.parametrize("legs", HUNTS.values(), ids=HUNTS)
def test_a_hunt_is_one_call(tmp_path: Path, legs: list[Leg]) -> None:
    caller = legs[-1]
    talk = (caller.end - caller.answer) / 60 if caller.answer >= 0 else 0
    # Minutes are told with one decimal.
    assert counted(tmp_path, legs) == [1, caller.answer >= 0, pytest.approx(talk, abs=0.051)]


def later(leg: Leg, seconds: int, caller: str) -> Leg:
    """The same of another caller."""
    return leg._replace(
        id=f"{leg.id}{leg.caller}{caller}",
        names=leg.names and f"{leg.names}{US if leg.did == D else leg.caller}{caller}",
        caller=caller if leg.caller == C else leg.caller,
        did=caller if leg.did == D else leg.did,
        start=leg.start + seconds,
        end=leg.end + seconds,
        answer=leg.answer + seconds if leg.answer >= 0 else -1,
    )


def test_two_hunts_at_once_are_two_calls(tmp_path: Path) -> None:
    """Also where the same agents ring, or both are sent out with the same number."""
    legs = [
        later(leg, seconds, f"+4930{seconds}")
        for seconds in (0, 3, 7)
        for name in ("one-after-the-other", "another-gateway")
        for leg in HUNTS[name]
    ]
    mixed = random.Random(7).sample(legs, len(legs))
    assert counted(tmp_path, mixed)[:2] == [6, 6]


OTHERS: dict[str, list[Leg]] = {
    "another-caller": [Leg("x", D, "8000", 30, 60), *HUNTS["one-after-the-other"]],
    "without-a-number": [
        Leg("x", "anonymous", "8001", 30, 60),
        *(leg._replace(caller="anonymous") for leg in HUNTS["in-one-second"]),
    ],
    "the-same-number-again-while-talking": [
        Leg("x", C, "8000", 60, 80, cause="ORIGINATOR_CANCEL"),
        *HUNTS["one-after-the-other"],
    ],
    "before": [
        *(leg._replace(start=leg.start + 60, end=leg.end + 60) for leg in HUNTS["nobody-answers"]),
        Leg("x", C, "8001", 0, 50),
    ],
    "beyond-the-end": [Leg("x", C, "8001", 30, 200), *HUNTS["one-after-the-other"]],
}


@pytest.mark.parametrize("legs", OTHERS.values(), ids=OTHERS)
def test_a_call_of_its_own_stays_one(tmp_path: Path, legs: list[Leg]) -> None:
    assert counted(tmp_path, legs)[0] == 2
