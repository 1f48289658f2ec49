"""A promise that was missed and then kept is late, and no more overdue; its words say so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reports.render import render_mail, render_text
from reports.ticket import ClockLine
from tests.unit.sample_ticket import OPENED, ticket


def test_a_promise_that_was_missed_and_then_done_is_not_overdue() -> None:
    due, done = OPENED + timedelta(minutes=30), OPENED + timedelta(minutes=37)
    clocks = (
        ClockLine("response", due, "breached", due),
        ClockLine("resolution", OPENED + timedelta(hours=1), "breached", OPENED),
    )
    late = ticket(state="acknowledged", acknowledged_at=done, clocks=clocks[:1])
    assert late.overdue == ()
    shown = " ".join(render_text("ticket", ticket=late).split())
    assert "response by 03:42 IST missed 03:42 IST, done 03:49 IST" in shown
    assert "OVERDUE" not in render_mail("note", late, {"by": "asha", "text": "x"}).text
    waiting = replace(late, state="open", acknowledged_at=None)
    assert [line.name for line in waiting.overdue] == ["response"]
    assert "OVERDUE" in render_text("ticket", ticket=waiting)
    # Of laxer times that a person has given it: missed by the stricter ones, and not overdue.
    assert replace(waiting, clocks=clocks[1:]).overdue == ()


def test_what_was_reclassified_says_both_severities() -> None:
    facts = {
        "by": "asha", "was": "P0 urgent", "severity": "P2 medium", "from": "a", "to": "a",
        "title": "agent portal is down", "reason": "",
    }  # fmt: skip
    said = "reclassified by asha: was P0 urgent, is P2 medium"
    assert render_text("happening", kind="reclassified", facts=facts).strip() == said
    other = render_text("happening", kind="reclassified", facts={**facts, "to": "b"}).strip()
    assert other == f"{said}; agent portal is down"
