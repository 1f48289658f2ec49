"""What stands out in a morning report is told once, however many figures say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from reports.command_views import CheckLine, IncidentLine, Status
from reports.formats import short_clock
from reports.morning_summary import news
from reports.render import render_audit, render_text
from reports.usage import Figure
from tests.unit.sample_report import report
from tests.unit.sample_ticket import ticket

NOW = datetime(2026, 11, 22, 21, 42, tzinfo=UTC)


def figure(metric: str, percent: float, part: str = "") -> Figure:
    return Figure(metric, part, 1000 * (1 + percent / 100), 1000, 4, True)


def test_a_tenth_more_calls_are_one_fact_and_not_five() -> None:
    found = [
        figure("talk_seconds", 12),
        figure("offered", 11),
        figure("answered", 10),
        figure("offered", 14, "hour:10:00"),
        figure("peak", 9),
    ]
    (one,) = news(found)
    assert (one.lead.metric, one.lead.part) == ("offered", "")
    assert len(one.along) == 4


def test_what_goes_another_way_or_much_farther_is_news_of_its_own() -> None:
    found = [
        figure("offered", 11),
        figure("answered", -20),
        figure("offered", 60, "trunk:a"),
        figure("abandoned", 12),
    ]
    assert [one.lead.metric for one in news(found)] == [
        "offered", "answered", "offered", "abandoned"
    ]  # fmt: skip


@settings(max_examples=50)
@given(
    some.lists(
        some.builds(
            figure,
            some.sampled_from(["offered", "answered", "abandoned", "peak", "asr"]),
            some.floats(-90, 300),
            some.sampled_from(["", "hour:10:00", "trunk:a"]),
        ),
        max_size=8,
    )
)
def test_nothing_that_stands_out_is_lost_or_told_twice(found: list[Figure]) -> None:
    told = [one for each in news(found) for one in (each.lead, *each.along)]
    assert sorted(map(repr, told)) == sorted(map(repr, found))


def test_the_report_says_it_in_one_line_with_what_goes_along() -> None:
    told = {
        **report().usage[0],
        "stands_out": [
            {"metric": m, "part": p, "value": 1110, "median": 1000, "weeks": 4}
            for m, p in (("offered", ""), ("answered", ""), ("offered", "hour:10:00"))
        ],
    }
    mail = render_audit(report(usage=(told,)))
    for page in (mail.text, mail.html):
        assert page.count("instead of the usual") == 1
        assert "likewise answered calls, calls from 10:00" in " ".join(page.split())


@pytest.mark.parametrize("columns", [60, 70, 100])
def test_the_status_fits_its_terminal(columns: int) -> None:
    def check(name: str, hours: float, **more: object) -> CheckLine:
        seen = NOW - timedelta(hours=hours)
        return CheckLine(name, "portal", "FAILED", last_at=seen, **more)  # type: ignore[arg-type]

    status = Status(
        "Pune", "Asia/Kolkata", NOW, heartbeat_at=NOW, running=True,
        checks=(
            check("x" * 63, 30, cadence="04:00, 12:00, 17:30, 20:00", text="why " * 60),
            check("main-number", 9, cadence="08:30, 17:30", overdue=True, incident="RV-3"),
            check("old", 900, cadence="every 5m"),
        ),
        incidents=(
            IncidentLine("RV-12345", "P0", "title " * 20, "acknowledged", "owner " * 20, NOW, NOW),
            IncidentLine("RV-1-Austin", "critical", "title " * 20, "open", "owner", NOW, NOW),
        ),
        undelivered=("opened to ops@example.net: failed " + "because " * 20,),
    )  # fmt: skip
    page = render_text("status", columns=columns, status=status)
    assert max(map(len, page.splitlines())) <= columns
    assert "last Sun 18:12   08:30, 17:30" in page
    assert "RV-1-Austin  critical open " in page


def test_a_check_has_its_whole_name_where_there_is_room() -> None:
    name = "dashboard-portal-of-supervisors"
    line = CheckLine(name, "portal", "OK", last_at=NOW, cadence="every 20s")
    for columns, shown in ((60, "dashboard-portal-of-…"), (70, name)):
        status = Status("Pune", "Asia/Kolkata", NOW, heartbeat_at=NOW, checks=(line,))
        assert f" {shown} OK " in render_text("status", columns=columns, status=status)


@pytest.mark.parametrize("columns", [60, 70, 100])
def test_the_tickets_fit_their_terminal_with_whole_titles(columns: int) -> None:
    title = "calls are not answered, heard or put through to an agent who waits"
    found = [
        ticket(number="RV-12345-Austin", severity="critical", state="acknowledged", title=title),
        ticket(number="RV-1", title=title),
    ]
    page = render_text("tickets", columns=columns, tickets=found, timezone="Asia/Kolkata")
    assert max(map(len, page.splitlines())) <= columns
    assert " ".join(page.split()).count("to an agent who waits") == 2


def test_a_time_in_passing_says_the_day_where_it_is_another() -> None:
    told = [
        short_clock(NOW - timedelta(days=days), "Asia/Kolkata", NOW) for days in (0, 1, 6, 7, 300)
    ]
    assert told == ["03:12", "Sun 03:12", "Tue 03:12", "16 Nov", "27 Jan"]
