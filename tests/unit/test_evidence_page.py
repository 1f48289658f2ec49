"""The page of a failed call: whole, quick to read, safe whatever a far end said, and never worth a
ticket.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from reports.call_drawing import legs_of
from reports.call_page import FailedCall, quality_rows
from reports.render import render_evidence
from reports.ticket import Finding, StageLine

VOID = {"meta", "line", "path", "rect", "link", "br"}


def track(began: float, seconds: float) -> dict[str, Any]:
    wave = [400, 0, 120, 800] * 40
    return {
        "began": began,
        "seconds": seconds,
        "low": [-v for v in wave],
        "high": wave,
        "levels": [-20, -60] * 80,
    }


def mark(kind: str, began: float, ended: float, name: str, of: str = "heard") -> dict[str, Any]:
    return {"track": of, "kind": kind, "from": began, "to": ended, "name": name, "text": ""}


PICTURE: dict[str, Any] = {
    "legs": {
        "call": {
            "ladder": [
                {"at": 0.0, "sent": True, "said": "INVITE sip:8000@pbx SIP/2.0", "method": "INVITE",
                 "status": None, "far": "UDP 192.0.2.1:5060", "sdp": True, "reason": ""},
                {"at": 0.02, "sent": False, "said": "180 Ringing", "method": "INVITE",
                 "status": 180, "far": "UDP 192.0.2.1:5060", "sdp": False, "reason": ""},
                {"at": 3.1, "sent": False, "said": "503 Service Unavailable", "method": "INVITE",
                 "status": 503, "far": "UDP 192.0.2.1:5060", "sdp": False,
                 "reason": "Q.850;cause=34"},
            ],
            "heard": track(0.1, 8.0),
            "said": track(0.1, 8.0),
            "losses": [[1.0, 50, 0, 0, 50], [1.25, 10, 3, 1, 12], [1.5, 12, 0, 0, 12]],
            "marks": [
                mark("recognised", 0.5, 3.0, "welcome.wav"),
                mark("missed", 4.0, 8.0, "menu.wav"),
                mark("digit", 3.5, 3.5, "1", of="said"),
                mark("answered", 0.1, 0.1, "answered", of="call"),
            ],
        }
    }
}  # fmt: skip

CALL = FailedCall(
    site="Pune",
    timezone="Asia/Kolkata",
    check="main-number",
    state="FAILED",
    started_at=datetime(2026, 11, 22, 21, 42, tzinfo=UTC),
    seconds=8.2,
    stage="prompt",
    code="dtmf-ignored",
    text="nothing new after the digit",
    said=(
        "The number 8000 at sip.example.net does not act on the digits that callers press: nothing"
        " new after the digit. (dtmf-ignored)"
    ),
    reasons=("prompt: dtmf-ignored, nothing new after the digit",),
    stages=(StageLine("answer", 0.4, True), StageLine("prompt", 4.0, False, "dtmf-ignored")),
    findings=(Finding("line", "trunk", "OK", "answered OPTIONS"),),
    measures={
        "mos": 4.12,
        "heard_mos_lq": 4.12,
        "heard_r": 86.0,
        "heard_loss_percent": 3.1,
        "answer_seconds": 0.4,
    },
    meanings={"answer_seconds": "INVITE until 200 OK"},
    notes=("heard: MOS-LQ 4.12", "heard welcome.wav: 98% covered"),
    exhibits=("call.wav", "ladder.txt"),
    picture=PICTURE,
)


class Checker(HTMLParser):
    """Reads a page as a strict reader would: each tag closed, in order; keeps texts and links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [
            value or "" for name, value in attrs if name in ("href", "src", "srcset", "action")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_it_says_what_failed_and_what_to_do_before_anything_else() -> None:
    text = Checker(render_evidence(CALL)).text.split("}", 1)[-1]
    order = [
        "FAILED", "The IVR does not act on digits",
        "does not act on the digits that callers press", "Mon 23 Nov 03:12 IST", "Do this next",
        "How far it got", "as it sounded", "SIP ladder", "The layers below", "Voice quality",
    ]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_it_shows_the_ladder_the_prompts_and_the_losses() -> None:
    text = Checker(render_evidence(CALL)).text
    for part in (
        "INVITE 8000",
        "503 Service Unavailable",
        "Q.850;cause=34",
        "welcome.wav",
        "menu.wav",
        "pressed 1",
    ):
        assert part in text, part
    assert "3 lost, 1 late or missing" in text
    assert "4.12" in text


def test_it_needs_nothing_from_anywhere() -> None:
    page = Checker(render_evidence(CALL))
    assert not any(":" in link or link.startswith("/") for link in page.links), page.links
    assert set(page.links) == {"call.wav", "ladder.txt"}
    assert not {"script", "iframe", "link", "img", "object"} & set(page.tags)


def test_it_is_made_for_light_and_dark_and_small_screens() -> None:
    page = render_evidence(CALL)
    assert "prefers-color-scheme: dark" in page
    assert "max-width: 640px" in page


HOSTILE = '"><script>alert(1)</script>\x00\x1b[31m'


def test_what_a_far_end_said_is_only_ever_text() -> None:
    ladder = [
        {
            **PICTURE["legs"]["call"]["ladder"][0],
            "said": HOSTILE,
            "far": HOSTILE,
            "reason": HOSTILE,
            "method": HOSTILE,
        }
    ]
    marks = [mark(HOSTILE, 1, 2, HOSTILE)]
    leg = {**PICTURE["legs"]["call"], "ladder": ladder, "marks": marks}
    hostile = replace(
        CALL, stage=HOSTILE, code=HOSTILE, text=HOSTILE, reasons=(HOSTILE,), notes=(HOSTILE,),
        exhibits=(HOSTILE,), site=HOSTILE, check=HOSTILE, measures={HOSTILE: 1.0},
        findings=(Finding(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        stages=(StageLine(HOSTILE, 1.0, False, HOSTILE),), picture={"legs": {HOSTILE: leg}},
    )  # fmt: skip
    page = render_evidence(hostile)
    assert "script" not in Checker(page).tags
    assert "\x00" not in page
    assert "\x1b" not in page


def test_it_stays_small_whatever_there_is_to_show() -> None:
    step = {**PICTURE["legs"]["call"]["ladder"][0], "said": "INVITE sip:" + "8" * 5000 + "@x"}
    wave = {
        **track(0, 600),
        "low": [-1] * 100_000,
        "high": [1] * 100_000,
        "levels": [-20] * 100_000,
    }
    leg = {**PICTURE["legs"]["call"], "ladder": [step] * 5000, "heard": wave, "said": wave}
    long = "much " * 20_000
    page = render_evidence(
        replace(
            CALL,
            text=long,
            reasons=(long,) * 100,
            notes=(long,) * 1000,
            picture={"legs": {"call": leg, "agent": leg}},
        )
    )
    assert len(page.encode()) < 400_000
    assert "4880 more messages" in Checker(page).text


@pytest.mark.parametrize("stage", ["register", "answer", "talk", "something-new"])
@pytest.mark.parametrize(
    "code", ["sip:503/34", "choppy", "false-answer:busy", "expected:mos", "never-heard-of", ""]
)
def test_every_fault_has_a_headline_and_a_next_step(stage: str, code: str) -> None:
    text = Checker(render_evidence(replace(CALL, stage=stage, code=code))).text
    step = text.split("Do this next", 1)[1].split("How far it got")[0]
    assert len(step.strip()) > 20


def test_a_call_that_left_no_picture_still_has_a_page() -> None:
    bare = replace(CALL, picture={}, measures={}, notes=(), exhibits=(), findings=(), stages=())
    assert "it never began" in Checker(render_evidence(bare)).text


plain = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-9, 9)
    | some.floats(allow_nan=True)
    | some.text(max_size=4),
    lambda inner: (
        some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain, some.sampled_from(["ladder", "heard", "said", "losses", "marks"]))
def test_a_strange_picture_draws_less_and_never_fails(strange: Any, part: str) -> None:
    leg = {**json.loads(json.dumps(PICTURE["legs"]["call"])), part: strange}
    render_evidence(replace(CALL, picture={"legs": {"call": leg}}))
    legs_of({"legs": strange})


def test_marks_that_stand_close_have_lanes_of_their_own() -> None:
    leg = {
        **PICTURE["legs"]["call"],
        "marks": [mark("recognised", 1 + n / 10, 1.2 + n / 10, "prompt.wav") for n in range(3)],
    }
    wave, _ = legs_of({"legs": {"call": leg}})[0].waves
    assert [m.lane for m in wave.marks] == [0, 1, 2]


def test_a_figure_that_was_not_computed_is_a_dash() -> None:
    assert quality_rows({"heard_mos_lq": 4.4, "heard_loss_percent": 0.0}) == (
        ("heard", ("4.40", "–", "–", "0.0 %", "–", "–")),
    )
    assert quality_rows({}) == ()
