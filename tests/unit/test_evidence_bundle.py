"""What a call leaves for its page: one time line for every leg, what was awaited and what was
heard, and no rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from checks.telephony.call.leg import Event, Phone
from checks.telephony.call.page_data import gather
from checks.telephony.sip.ladder import Ladder, Message

ZERO = 1000.0


def phone(orders: list[Event], events: list[Event]) -> Phone:
    """As much of a phone as a picture needs: what it was told, and what it told."""

    def seen(*names: str, **facts: Any) -> Event | None:
        fits = (
            e
            for e in events
            if e.name in names and all(e.facts.get(k) == v for k, v in facts.items())
        )
        return next(fits, None)

    return cast("Phone", SimpleNamespace(orders=orders, events=events, seen=seen))


def drawn(folder: Path, name: str = "call") -> None:
    """What the process of a leg leaves in the folder."""
    track = {"began": ZERO + 0.5, "seconds": 4.0, "low": [-9], "high": [9], "levels": [-20]}
    step = {
        "at": ZERO,
        "sent": True,
        "said": "INVITE sip:8000@x SIP/2.0",
        "method": "INVITE",
        "status": None,
    }
    picture = {
        "ladder": [step],
        "losses": [[ZERO + 1, 50, 0, 0, 50]],
        "heard": track,
        "said": track,
    }
    (folder / f".{name}-picture.json").write_text(json.dumps(picture))


def listen(folder: Path, step: int, at: float, *names: str) -> Event:
    for number, name in enumerate(names, 1):
        (folder / name).write_bytes(bytes(44 + 16000 * number))
    paths = [str(folder / name) for name in names]
    return Event(
        "listen", at, {"step": step, "reference": paths[0], "references": paths, "within": 5.0}
    )


def test_every_time_counts_from_the_invite(tmp_path: Path) -> None:
    drawn(tmp_path)
    leg = gather(tmp_path, {"call": phone([], [])}, ZERO)["legs"]["call"]
    assert (leg["heard"]["began"], leg["losses"][0][0], leg["ladder"][0]["at"]) == (0.5, 1.0, 0.0)
    assert not list(tmp_path.glob(".*")), "working files are left behind"


def test_what_was_awaited_is_marked_as_heard_or_missed(tmp_path: Path) -> None:
    drawn(tmp_path)
    orders = [
        listen(tmp_path, 1, ZERO + 1, "hello.wav", "namaste.wav"),
        listen(tmp_path, 2, ZERO + 4, "menu.wav"),
    ]
    events = [
        Event(
            "heard",
            ZERO + 3,
            {"step": 1, "began": ZERO + 1.5, "reference": "namaste.wav", "coverage": 0.9},
        ),
        Event("pressed", ZERO + 3.5, {"digits": "1"}),
        Event("not-heard", ZERO + 9, {"step": 2, "code": "silent"}),
    ]
    marks = gather(tmp_path, {"call": phone(orders, events)}, ZERO)["legs"]["call"]["marks"]
    told = [(m["track"], m["kind"], m["from"], m["to"], m["name"], m["text"]) for m in marks]
    assert told == [
        ("heard", "recognised", 1.5, 3.5, "namaste.wav", "90% covered"),
        ("said", "digit", 3.5, 3.5, "1", ""),
        ("heard", "missed", 4.0, 9.0, "menu.wav", "silent"),
    ]


def test_a_call_that_ended_while_listening_missed_what_it_awaited(tmp_path: Path) -> None:
    drawn(tmp_path)
    (mark,) = gather(tmp_path, {"call": phone([listen(tmp_path, 1, ZERO, "a.wav")], [])}, ZERO)[
        "legs"
    ]["call"]["marks"]
    assert (mark["kind"], mark["to"]) == ("missed", 5.0)


def test_a_leg_that_drew_nothing_or_nonsense_is_left_out(tmp_path: Path) -> None:
    drawn(tmp_path)
    (tmp_path / ".agent-picture.json").write_text("{ half of")
    legs = {name: phone([], []) for name in ("call", "agent", "third")}
    assert set(gather(tmp_path, legs, ZERO)["legs"]) == {"call"}
    assert not list(tmp_path.glob(".*"))


def test_a_ladder_is_drawn_short_and_without_credentials() -> None:
    ladder = Ladder()
    text = (
        'REGISTER sip:x SIP/2.0\r\nAuthorization: Digest response="c0ffee"\r\nCSeq: 1'
        " REGISTER\r\n\r\n"
    )
    for number in range(500):
        ladder.add(Message(float(number), "sent", "UDP 192.0.2.1:5060", text))
    steps = ladder.steps()
    assert len(steps) == 120
    assert (steps[0]["at"], steps[-1]["at"]) == (0.0, 499.0)
    assert "c0ffee" not in json.dumps(steps)
