"""Last month's recordings: archived once, proven, archived anew when some came late, missed when
they are not there.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from checks.contract import CannotTell, Failed, Observation, Trace
from checks.data.hygiene.voice_log_archive import VoiceLogArchive

pytestmark = pytest.mark.xdist_group(
    "backup"
)  # its workers are known by name, and killed by neighbours


def archive(folder: Path) -> VoiceLogArchive:
    return VoiceLogArchive(
        recordings=folder / "voice" / "%Y" / "%m",
        folder=folder / "archive",
        timezone="Asia/Kolkata",
    )


def look(check: VoiceLogArchive, folder: Path, at: datetime) -> Observation:
    (own := folder / f"look-{time.monotonic_ns()}").mkdir()
    os.utime(own, (at.timestamp(), at.timestamp()))
    trace = Trace(time.monotonic, own)
    try:
        asyncio.run(check.probe(trace))
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """October has three recordings of two days."""
    for name in ("05/8000-1.wav", "05/8000-2.wav", "31/8000-3.wav"):
        (file := tmp_path / "voice" / "2026" / "10" / name).parent.mkdir(
            parents=True, exist_ok=True
        )
        file.write_bytes(os.urandom(5000))
    return tmp_path


NOVEMBER = datetime(2026, 10, 31, 19, 0, tzinfo=UTC)
"""half past midnight on 1 November in Kolkata"""


def test_a_month_is_archived_once_and_proven(folder: Path) -> None:
    first = look(archive(folder), folder, NOVEMBER)
    assert (first.fault, first.blind) == (None, None)
    assert (first.measures["recordings"], first.measures["archived"]) == (
        5,
        5,
    ), "three files, two folders"
    assert first.measures["proven_rows"] == 5
    (kept,) = (folder / "archive" / "2026-10").glob("2*")
    assert {"manifest.json", "proof.json", "RESTORE.md"} <= {path.name for path in kept.iterdir()}
    again = look(archive(folder), folder, NOVEMBER)
    assert again.fault is None and "dump_seconds" not in again.measures
    assert [stage.name for stage in again.stages] == ["find", "archive"]
    assert set(first.measures) <= set(archive(folder).measures())


def test_recordings_that_came_late_are_archived_too(folder: Path) -> None:
    look(archive(folder), folder, NOVEMBER)
    (folder / "voice" / "2026" / "10" / "31" / "late.wav").write_bytes(b"late")
    seen = look(archive(folder), folder, NOVEMBER)
    assert (seen.fault, seen.measures["archived"]) == (None, 6)


def test_a_month_without_its_folder_is_a_fault(folder: Path) -> None:
    seen = look(archive(folder), folder, datetime(2026, 12, 2, tzinfo=UTC))
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("find", "directory-missing")
    assert "2026/11" in seen.fault.text


def test_a_folder_that_names_no_month_is_refused(folder: Path) -> None:
    with pytest.raises(ValidationError, match="does not name a month"):
        VoiceLogArchive(recordings=folder, folder=folder)
