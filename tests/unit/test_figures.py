"""Figures of reports as they really come: with marks, with thousands, with hours and minutes, with
a column less.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import Failed
from checks.web.report_figures import Figure

DAYS = "Date,Calls,Talk\r\n2026-11-20,88,\r\n2026-11-21,90,4:40:12\r\n"
HOURS = '\ufeffHour;Calls;Answered\n09;1 204;"1.100,5"\n10;3;2\n'
TOTALS = (
    '{"date": "2026-11-21", "totals": {"calls": 90, "share": "88.9 %"}, "hours": [{"calls": 40},'
    ' {"calls": 50}]}'
)


def figure(**written: Any) -> Figure:
    return Figure.model_validate({"name": "calls", "records": "offered_calls", **written})


@pytest.mark.parametrize(
    ("written", "report", "told"),
    [
        ({"column": "Calls", "rows": {"Date": "{date}"}}, DAYS, 90),
        ({"column": "Calls"}, DAYS, 178),
        ({"column": "Talk", "rows": {"Date": "{date}"}, "records": "talk_minutes"}, DAYS, 280.2),
        ({"column": "Talk", "rows": {"Date": "{date}"}, "records": "acd_seconds"}, DAYS, 16812),
        ({"column": "Calls"}, HOURS, 1207),
        ({"column": "Answered", "decimal": ","}, HOURS, 1102.5),
        ({"json_path": "$.totals.calls"}, TOTALS, 90),
        ({"json_path": "$.totals.share", "records": "asr_percent"}, TOTALS, 88.9),
        ({"json_path": "$.hours[*].calls"}, TOTALS, 90),
    ],
)
async def test_a_figure_is_read(written: dict[str, Any], report: str, told: float) -> None:
    assert await figure(**written).read(report, "2026-11-21") == pytest.approx(told)


@pytest.mark.parametrize(
    ("written", "report", "code"),
    [
        (
            {"column": "Calls", "rows": {"Date": "{date}"}},
            "Date,Calls\n2026-11-20,88\n",
            "report-missing",
        ),
        ({"column": "Calls"}, "Date,Calls\n", "report-missing"),
        ({"column": "Calls"}, "", "report-missing"),
        ({"column": "Offered"}, DAYS, "report-changed"),
        ({"column": "Calls"}, "Date,Calls\n2026-11-21,many\n", "report-changed"),
        ({"column": "Calls"}, "<html><title>Report</title></html>\n<p>\n", "report-changed"),
        ({"json_path": "$.totals.offered"}, TOTALS, "report-missing"),
        ({"json_path": "$.totals"}, TOTALS, "report-changed"),
        ({"json_path": "$.totals.calls"}, DAYS, "bad-json"),
    ],
)
async def test_a_report_that_is_not_as_it_was_says_so(
    written: dict[str, Any], report: str, code: str
) -> None:
    with pytest.raises(Failed) as refused:
        await figure(**written).read(report, "2026-11-21")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("percent", "least", "told", "agrees"),
    [
        (1, 0, 99, True),
        (1, 0, 98.9, False),
        (0, 0, 100, True),
        (0, 1, 101, True),
        (0, 1, 101.1, False),
    ],
)
def test_a_figure_may_be_off_by_its_tolerance(
    percent: float, least: float, told: float, agrees: bool
) -> None:
    assert (
        figure(column="a", tolerance_percent=percent, tolerance=least).agrees(told, 100) is agrees
    )


@pytest.mark.parametrize("written", [{}, {"column": "a", "json_path": "$.a"}])
def test_a_figure_stands_in_one_place(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="write one of them"):
        figure(**written)
