"""Logs that are rotated or emptied between the list of files and their turn: nothing of them is
lost in silence. Agents whose names have bars in them.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from checks.data.usage.leg_rows import Met
from checks.data.usage.source_faults import SourceFault
from checks.data.usage.text_files import files_of
from checks.data.usage.text_reader import CsvRecords, queue_lines

LINE = "1795145400|17.1|support|{}|{}|5\n"


def log(folder: Path, count: int = 40_000) -> Path:
    (folder / "queue_log.1").write_text(LINE.format("NONE", "ENTERQUEUE"))
    os.utime(folder / "queue_log.1", (1795140000, 1795140000))
    file = folder / "queue_log"
    file.write_text(LINE.format("Anna", "CONNECT") * count)
    return file


def test_a_log_that_is_renamed_meanwhile_is_read_whole(tmp_path: Path) -> None:
    file = log(tmp_path)
    lines = queue_lines(files_of(f"{tmp_path}/queue_log*", 0), Met())
    assert next(lines)[4] == "ENTERQUEUE"
    (tmp_path / "queue_log.1").rename(tmp_path / "queue_log.2")
    file.rename(tmp_path / "queue_log.1")
    file.write_text(LINE.format("Ben", "CONNECT"))
    assert [fields[3] for fields in lines] == ["Anna"] * 40_000


def test_a_log_that_is_packed_away_meanwhile_is_a_fault(tmp_path: Path) -> None:
    file = log(tmp_path)
    lines = queue_lines(files_of(f"{tmp_path}/queue_log*", 0), Met())
    next(lines)
    (tmp_path / "queue_log.2.gz").write_bytes(gzip.compress(file.read_bytes()))
    (tmp_path / "new").touch()
    (tmp_path / "new").rename(file)
    with pytest.raises(SourceFault, match="was rotated away while it was read"):
        list(lines)


@pytest.mark.parametrize("already_open", [False, True])
def test_a_log_that_is_emptied_meanwhile_is_a_fault(tmp_path: Path, already_open: bool) -> None:
    """logrotate's copytruncate."""
    file = log(tmp_path)
    lines = queue_lines(files_of(f"{tmp_path}/queue_log*", 0), Met())
    next(lines)
    if already_open:
        next(lines)
    os.truncate(file, 0)
    with pytest.raises(SourceFault, match="was emptied while it was read"):
        list(lines)


def test_records_that_are_emptied_meanwhile_are_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "Master.csv"
    file.write_text('"2026-11-20 09:00:00","60"\n' * 100_000)
    records = CsvRecords(files_of(str(file), 0), ["start", "length"], Met())
    batches = records.batches()
    next(batches)
    os.truncate(file, 100)
    with pytest.raises(SourceFault, match="was emptied while it was read"):
        list(batches)


def test_a_log_that_grows_meanwhile_is_read_on(tmp_path: Path) -> None:
    file = log(tmp_path, count=10)
    lines = queue_lines(files_of(f"{tmp_path}/queue_log*", 0), Met())
    next(lines)
    with file.open("a") as more:
        more.write(LINE.format("Ben", "CONNECT"))
    assert [fields[3] for fields in lines] == ["Anna"] * 10 + ["Ben"]


@pytest.mark.parametrize(
    ("line", "agent", "event", "parameters"),
    [
        ("1|a|q|Anna|Sales|CONNECT|5|x|4", "Anna|Sales", "CONNECT", ["5", "x", "4"]),
        ("1|a|q|An|na|b|RINGNOANSWER|1000", "An|na|b", "RINGNOANSWER", ["1000"]),
        ("1|a|q|PJSIP/anna|RINGNOANSWER|1,000", "PJSIP/anna", "RINGNOANSWER", ["1,000"]),
        ("1|a|q|Anna|MYEVENT|PAUSE", "Anna", "MYEVENT", ["PAUSE"]),
        ("1|a|q|Anna|RINGCANCELED|PAUSE", "Anna", "RINGCANCELED", ["PAUSE"]),
        ("1|a|q|Anna|hello", "Anna", "hello", []),
    ],
)
def test_an_agents_name_may_have_bars(
    tmp_path: Path, line: str, agent: str, event: str, parameters: list[str]
) -> None:
    (tmp_path / "queue_log").write_text(line + "\n")
    [fields] = queue_lines(files_of(f"{tmp_path}/queue_log", 0), Met())
    assert (fields[3], fields[4], fields[5:]) == (agent, event, parameters)
