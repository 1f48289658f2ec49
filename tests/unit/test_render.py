"""What people read: short, true, escaped, and the same as yesterday unless somebody means it.

`REVEILLE_GOLDEN=write pytest tests/unit/test_render.py` writes the golden files anew; look at the
difference.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from reports.formats import both, clean, clean_painted, clock, fold, local, paint, span
from reports.rca import ExtentLine
from reports.render import render_mail, render_text
from reports.ticket import EVENTS, ClockLine, Finding, RungLine, StageLine, Ticket
from tests.unit.sample_pages import PAGES
from tests.unit.sample_ticket import EXTRAS, OPENED, analysis, later, ticket

GOLDEN = Path(__file__).parent.parent / "golden" / "reports"
MET = (
    ClockLine("response", later(minutes=30), "met", later(minutes=6)),
    ClockLine("resolution", later(hours=2), "met", later(minutes=47)),
)
CHANGES: dict[str, dict[str, Any]] = {
    "acknowledged": {
        "acknowledged_at": later(minutes=6),
        "acknowledged_by": "asha",
        "state": "acknowledged",
    },
    "recovered": {"recovered_at": later(minutes=47), "state": "recovered", "clocks": MET},
    "closed": {
        "recovered_at": later(minutes=47),
        "closed_at": later(minutes=57),
        "state": "closed",
        "clocks": MET,
    },
    "breached": {"clocks": (ClockLine("response", later(minutes=30), "breached"), MET[1])},
    "blind": {
        "title": "Reveille cannot tell",
        "summary": "3 checks in a row could not be made: engine error",
    },
}


STOPPED = (
    ClockLine("response", later(minutes=30), "met", later(minutes=6)),
    ClockLine("resolution", later(hours=2), "stopped", later(minutes=57)),
)
ENDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "explained": ({"goes_on_as": "RV-13"}, {"resolution": "it turned out as: PRI is down"}),
    "withdrawn": ({}, {"resolution": "main-number is no longer configured"}),
    "resolved": ({}, {"resolution": "rebooted the IVR", "by": "asha"}),
}


def compare(name: str, page: str) -> None:
    kept = GOLDEN / name
    if os.environ.get("REVEILLE_GOLDEN") == "write":
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(page, encoding="utf-8")
    assert page == kept.read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Reads a page as strictly as this parser can: every element that is opened is closed, in
    order.
    """

    VOID = ("meta", "br", "link", "img")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "title"):
            self.said += data + " "


@pytest.mark.parametrize("event", EVENTS)
def test_each_mail_reads_as_it_did(event: str) -> None:
    mail = render_mail(event, ticket(**CHANGES.get(event, {})), EXTRAS[event])
    compare(f"{event}.txt", f"Subject: {mail.subject}\n\n{mail.text}")


@pytest.mark.parametrize("closing", ENDS)
def test_an_end_that_is_no_repair_is_not_told_as_one(closing: str) -> None:
    more, extra = ENDS[closing]
    ended = ticket(
        closing=closing, closed_at=later(minutes=57), state="closed", clocks=STOPPED, **more
    )
    mail = render_mail("closed", ended, extra)
    for said in (mail.text, Reader(mail.html).said, render_text("ticket", ticket=ended)):
        assert not re.search(
            r"works again|Nothing for you to do|resolution.*\bmet\b", said, re.IGNORECASE
        )
    compare(f"closed-{closing}.txt", f"Subject: {mail.subject}\n\n{mail.text}")


@pytest.mark.parametrize("page", PAGES)
def test_each_page_reads_as_it_did(page: str) -> None:
    compare(f"terminal/{page}.txt", render_text(page, **PAGES[page]))


@pytest.mark.parametrize("event", EVENTS)
def test_the_html_is_whole_small_and_says_what_the_text_says(event: str) -> None:
    whole = ticket(**CHANGES.get(event, {}))
    mail = render_mail(event, whole, EXTRAS[event])
    said = " ".join(Reader(mail.html).said.split())
    assert len(mail.html.encode()) < 100_000
    for words in (
        whole.title,
        whole.summary,
        whole.number,
        whole.owner,
        "03:12 IST",
        *whole.attached,
    ):
        assert words in said
        assert words in " ".join(mail.text.split())


def test_the_html_asks_nobody_for_anything() -> None:
    html = render_mail("opened", ticket(), {}).html
    assert not re.search(r"https?://|<script|<img|<link|url\(", html), (
        "no picture, font or script from outside"
    )


@pytest.mark.parametrize("event", EVENTS)
def test_the_text_is_narrow(event: str) -> None:
    for line in render_mail(
        event, ticket(**CHANGES.get(event, {})), EXTRAS[event]
    ).text.splitlines():
        assert len(line) <= 78


def test_a_subject_is_short_and_says_the_gravest_first() -> None:
    mail = render_mail("opened", ticket(), {})
    assert mail.subject == "[P0] Pune: PRI is up but IVR is not working (RV-12)"
    assert all(len(render_mail(event, ticket(), EXTRAS[event]).subject) <= 78 for event in EVENTS)


def test_a_subject_names_what_failed_as_far_as_it_has_room() -> None:
    called = ticket(target="8000 at 192.0.2.7")
    said = render_mail("opened", called, {}).subject
    assert said == "[P0] Pune: PRI is up but IVR is not working, 8000 at 192.0.2.7 (RV-12)"
    long = render_mail(
        "opened", ticket(target="https://agents.example.net/login?next=" + "x" * 99), {}
    )
    assert len(long.subject) == 78
    assert "https://agents.example." in long.subject
    tight = ticket(
        title="a very long title of an issue that leaves no room", target="192.0.2.7:5060"
    )
    said = render_mail("opened", tight, {}).subject
    assert "a very long title of" in said and "192.0.2.7:5060" in said and len(said) <= 78


@pytest.mark.parametrize(
    ("audience", "words"),
    [
        ("level 2, shift team leader", "You are told as level 2, shift team leader."),
        ("operators", "You are told as one of the site's operators."),
        ("copy", "This is a copy for your knowledge."),
    ],
)
def test_a_reader_is_told_in_what_capacity(audience: str, words: str) -> None:
    for event in ("opened", "escalated"):
        assert words in " ".join(
            render_mail(event, ticket(), {**EXTRAS[event], "audience": audience}).text.split()
        )
    assert "You are told" not in render_mail("opened", ticket(), {}).text


HOSTILE = "<script>alert(1)</script>&amp;\r\nBcc: thief@example.org\x1b[2J\u202e'\""
UNSPOKEN = ("due_at", "level", "rca", "part", "overdue")
HOSTILE_ANALYSIS = analysis(
    **dict.fromkeys(("title", "summary", "site", "owner", "policy", "number"), HOSTILE),
    **dict.fromkeys(("severity_name", "first_check", "layer", "waits_for", "written_by"), HOSTILE),
    **dict.fromkeys(("reasons", "findings", "hung_on", "also_failed", "unknown"), (HOSTILE,)),
    acknowledged_by=HOSTILE,
    extent=(ExtentLine(HOSTILE, 1, 2, 1.0, 99.0),),
    timeline=((OPENED, HOSTILE),),
    actions=((OPENED, HOSTILE),),
    evidence=((HOSTILE, HOSTILE),),
    written=dict.fromkeys(("cause", "extent", "actions", "plan", "prevention"), HOSTILE),
)


def test_what_a_far_end_says_is_never_markup_nor_a_header_nor_a_terminal_command() -> None:
    evil = ticket(
        title=HOSTILE,
        summary=HOSTILE,
        reasons=(HOSTILE,),
        owner=HOSTILE,
        next_step=HOSTILE,
        check=HOSTILE,
        site=HOSTILE,
        stages=(StageLine(HOSTILE, 1.0, False, HOSTILE),),
        findings=(Finding(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        ladder=(RungLine(1, HOSTILE, HOSTILE, OPENED),),
        exhibits=((HOSTILE, HOSTILE),),
        history=((OPENED, HOSTILE),),
        attached=(HOSTILE,),
        rule=HOSTILE,
        definition=HOSTILE,
    )
    plain = {
        tag for tag, _ in Reader(render_mail("opened", ticket(), EXTRAS["opened"]).html).elements
    }
    for event, extra in EXTRAS.items():
        mail = render_mail(
            event,
            evil,
            {name: HOSTILE if name not in UNSPOKEN else extra[name] for name in extra}
            | ({"rca": HOSTILE_ANALYSIS.to_dict()} if "rca" in extra else {}),
        )
        assert {tag for tag, _ in Reader(mail.html).elements} <= plain
        assert "<script" not in mail.html
        assert "alert(1)" in mail.html, "it is shown, not hidden"
        assert "\n" not in mail.subject
        assert "\r" not in mail.subject
        for part in (mail.subject, mail.text, mail.html):
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", part)
    page = render_text("ticket", colour=True, ticket=evil)
    assert "\x1b[2J" not in page
    assert "\x1b[31;1m" in page, "our own colours stay"


def test_a_huge_ticket_still_makes_a_mail_that_is_not_clipped() -> None:
    long = "wörd " * 5000
    huge = ticket(
        summary=long,
        reasons=(long,) * 500,
        stages=tuple(StageLine("stage", 1.0, True, long) for _ in range(500)),
        findings=tuple(Finding("line", "check", "OK", long) for _ in range(500)),
        history=tuple((OPENED, long) for _ in range(500)),
        attached=("check",) * 5000,
        exhibits=(("name", "/path" * 20),) * 500,
        ladder=tuple(RungLine(1, long[:50], "x", OPENED) for _ in range(500)),
    )
    mail = render_mail("opened", huge, {})
    assert len(mail.html.encode()) < 100_000
    assert len(mail.text.encode()) < 100_000


def test_a_word_longer_than_a_line_stays_whole_so_that_it_can_be_copied() -> None:
    path = "/var/lib/" + "x" * 100
    assert path in render_mail("opened", ticket(exhibits=(("call", path),)), {}).text


@given(st.text(), st.text(), st.text())
def test_whatever_a_far_end_says_a_mail_can_be_written(
    summary: str, reason: str, title: str
) -> None:
    mail = render_mail("opened", ticket(summary=summary, reasons=(reason,), title=title), {})
    Reader(mail.html)
    mail.text.encode()
    assert mail.subject.splitlines() == [mail.subject]
    assert mail.subject.startswith("[P0] Pune:")


def test_an_event_that_lacks_something_is_refused_with_its_name() -> None:
    with pytest.raises(ValueError, match="'escalated' needs level, who"):
        render_mail("escalated", ticket(), {})
    with pytest.raises(ValueError, match="there is no event 'exploded'; there are opened, updated"):
        render_mail("exploded", ticket(), {})


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'status' is undefined"):
        render_text("status")


def test_the_smallest_ticket_makes_every_mail_and_page() -> None:
    small = Ticket(
        "RV-1", "Pune", "UTC", "x", "y", "critical", "critical", "vendor", "open", OPENED
    )
    for event, extra in EXTRAS.items():
        assert "Who is told" not in render_mail(event, small, extra).html
    assert "RV-1" in render_text("ticket", ticket=small)


def test_nothing_is_coloured_unless_it_is_asked_for() -> None:
    for page, data in PAGES.items():
        assert "\x1b" not in render_text(page, **data)
        coloured = render_text(page, colour=True, **data)
        assert "\x1b[" in coloured
        assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == render_text(page, **data)


def test_no_tickets_are_said_to_be_none() -> None:
    assert render_text("tickets", tickets=(), timezone="UTC", all=True) == "No tickets.\n"
    said = render_text("tickets", tickets=(), timezone="UTC", all=False)
    assert said == "No open tickets; reveille tickets --all lists those that are over.\n"


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("Asia/Kolkata", "Sun 22 Nov 03:12 IST (Sat 21:42 UTC)"),
        ("Europe/London", "Sat 21 Nov 21:42 GMT"),
        ("UTC", "Sat 21 Nov 21:42 UTC"),
        ("America/Chicago", "Sat 21 Nov 15:42 CST (21:42 UTC)"),
        ("Asia/Dubai", "Sun 22 Nov 01:42 UTC+04 (Sat 21:42 UTC)"),
    ],
)
def test_a_moment_is_written_in_site_time_and_in_utc(zone: str, written: str) -> None:
    assert both(OPENED, zone) == written
    assert written.startswith(local(OPENED, zone))


def test_both_hours_of_an_autumn_night_are_told_apart() -> None:
    first = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    second = datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    assert [clock(moment, "America/Chicago", first) for moment in (first, second)] == [
        "01:30 CDT",
        "01:30 CST",
    ]


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (40, "40 s"),
        (1800, "30 min"),
        (9000, "2 h 30 min"),
        (604800, "7 days"),
        (90061, "1 day 1 h"),
    ],
)
def test_spans(seconds: float, written: str) -> None:
    assert span(seconds) == written


@given(st.text(), st.integers(0, 20))
def test_folding_loses_no_word_and_keeps_to_the_columns(text: str, indent: int) -> None:
    folded = fold(text, indent, columns=60)
    assert folded.split() == text.split()
    standing = " " * indent
    for line in (standing + folded).splitlines() if folded.isascii() else ():
        assert len(line) <= 60 or len(line.split()) == 1


@given(st.text())
def test_cleaning_keeps_what_can_be_read(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", clean(text))
    assert clean(clean(text)) == clean(text)
    assert clean_painted(paint(clean(text), "bad")) == f"\x1b[31;1m{clean(text)}\x1b[0m"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"closing": "recovered"}, "closed: done"),
        ({"closing": "resolved", "by": "asha"}, "closed by asha: done"),
        (
            {"closing": "explained", "goes_on_as": 13},
            "closed, not repaired: done; it goes on as RV-13",
        ),
        ({"closing": "withdrawn"}, "closed, no longer looked at: done"),
    ],
)
def test_an_end_in_the_history_reads_as_it_was(facts: dict[str, Any], said: str) -> None:
    whole = {"resolution": "done", "by": "", "goes_on_as": None, **facts}
    assert render_text("happening", kind="closed", facts=whole).strip() == said
