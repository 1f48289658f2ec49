"""Stamps that no clock has told: the answer of a call that was never answered, as switches and the
tables behind them write it (answer_epoch = 0, 1970-01-01, the zero date of MySQL).

Of two calls each, one was answered.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Failed, Observation, Trace
from checks.data.usage.check import Usage

START = 1_795_145_400  # 2026-11-20 09:00:00 in Kolkata


def looked(folder: Path, records: Mapping[str, Any], **more: Any) -> Observation:
    given = {"records": records, "timezone": "Asia/Kolkata", "date": date(2026, 11, 20), "weeks": 0}
    given |= more
    trace = Trace(time.monotonic, folder)
    try:
        asyncio.run(Usage.model_validate(given).probe(trace))
    except Failed as failed:
        return trace.observation(failed)
    return trace.observation()


def freeswitch(answer: str, end: str = "2026-11-20 09:01:05") -> str:
    """A line of mod_cdr_csv's template "default"."""
    seconds = ("65", "60", "NORMAL_CLEARING") if answer[:4] == "2026" else ("65", "0", "NO_ANSWER")
    fields = ("A", "4930", "8000", "public", "2026-11-20 09:00:00", answer, end, *seconds)
    return ",".join(f'"{each}"' for each in (*fields, f"id of {answer}", "", "", "PCMA", "PCMA"))


@pytest.mark.parametrize(
    "never",
    ["", "1970-01-01 00:00:00", "1970-01-01 05:30:00", "0000-00-00 00:00:00", "1970-01-01T00:00Z"],
)
def test_who_never_answered_has_no_answer_in_a_line(tmp_path: Path, never: str) -> None:
    lines = [freeswitch("2026-11-20 09:00:05"), freeswitch(never)]
    (tmp_path / "Master.csv").write_text("\n".join(lines) + "\n")
    found = looked(tmp_path, {"format": "freeswitch", "file": str(tmp_path / "Master.csv")})
    assert found.fault is None
    assert [found.measures[name] for name in ("offered_calls", "answered_calls")] == [2, 1]
    assert found.measures["talk_minutes"] == 1


@pytest.mark.parametrize("never", [0, None, -1])
def test_who_never_answered_has_no_answer_in_a_table(tmp_path: Path, never: int | None) -> None:
    """FusionPBX and others keep FreeSWITCH's answer_epoch, which is 0 for it."""
    with closing(sqlite3.connect(tmp_path / "calls.sqlite")) as database, database:
        database.execute(
            "CREATE TABLE cdr (uuid, start_epoch, answer_epoch, duration, billsec, hangup_cause,"
            " destination_number, caller_id_number)"
        )
        rows = [("a", START, START + 5, 65, 60, "NORMAL_CLEARING", "8000", "1")]
        rows += [("b", START, never, 65, 0, "NO_ANSWER", "8000", "2")]  # type: ignore[list-item]
        database.executemany(f"INSERT INTO cdr VALUES ({', '.join('?' * 8)})", rows)
    place = {"format": "freeswitch", "sqlite": str(tmp_path / "calls.sqlite"), "times": "epoch"}
    columns = {"start": "start_epoch", "answer": "answer_epoch"}
    found = looked(tmp_path, {**place, "columns": columns})
    assert found.fault is None
    assert [found.measures[name] for name in ("offered_calls", "answered_calls")] == [2, 1]


@pytest.mark.parametrize("text", ["<?xml version='1.0'?>\n<cdr/>", '\n{"variables": {}}', "[{}]\n"])
def test_records_of_another_form_are_named(tmp_path: Path, text: str) -> None:
    """mod_xml_cdr and mod_json_cdr write a file for each leg."""
    (tmp_path / "a.cdr").write_text(text)
    found = looked(tmp_path, {"format": "freeswitch", "file": str(tmp_path / "*.cdr")})
    assert found.fault is not None
    assert (found.fault.stage, found.fault.code) == ("connect", "not-records")
    assert "have records written as CSV" in found.fault.text
