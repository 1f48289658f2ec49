"""A scanner's OK is for what it looked into: what is too big, too deep or locked is counted as not
looked at.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.field.story import once
from tests.loopback.clamav_server import EICAR, TELLS, clamd, signatures

DEPTH = 25
# Past ClamAV's MaxFileSize of 100 MB (clamd.conf(5)).
BIG_BYTES = 150_000_000


def nested(content: bytes) -> bytes:
    """Archives within archives, deeper than a scanner goes."""
    for level in range(DEPTH):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"l{level}.zip" if level else "e.com", content)
        content = packed.getvalue()
    return content


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zip") is None, reason="zip is not installed")
async def test_what_the_scanner_skipped_is_not_scanned(tmp_path: Path) -> None:
    """clamav#541 #1274 #1785."""
    seen = await once(
        tmp_path,
        "virus",
        paths=[skipped(tmp_path / "files")],
        signatures=signatures(tmp_path / "signatures"),
        most_megabytes=1000,
        every_file=True,
    )
    assert seen.observation.measures["not_scanned_files"] >= 3


def skipped(files: Path) -> Path:
    """A folder with three files that a scanner does not look into, and one that it does."""
    files.mkdir()
    (files / "deep.zip").write_bytes(nested(EICAR.encode()))
    (files / "plain.txt").write_text("hello")
    plain = files / "e.com"
    plain.write_text(EICAR)
    subprocess.run(
        ["zip", "-q", "-j", "-P", "s", files / "locked.zip", plain], check=True, timeout=60
    )
    plain.unlink()
    with (files / "big.bin").open("wb") as big:
        big.truncate(BIG_BYTES)
        big.seek(BIG_BYTES - 1000)
        big.write(EICAR.encode())
    return files


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("clamscan") is None, reason="clamscan is not installed")
async def test_what_lies_under_a_name_like_a_limit_is_found_all_the_same(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "Heuristics.Limits.Exceeded FOUND").write_text(EICAR)
    seen = await once(
        tmp_path,
        "virus",
        paths=[files],
        signatures=signatures(tmp_path / "signatures"),
        every_file=True,
    )
    assert seen.observation.measures["infected_files"] == 1
    assert seen.observation.measures["not_scanned_files"] == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("clamd", path="/usr/sbin:/usr/bin") is None, reason="no clamd")
@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({}, ["AlertEncrypted yes", "AlertExceedsMax yes"]),
        ({"AlertEncryptedArchive": "yes"}, ["AlertExceedsMax yes"]),
        ({"AlertExceedsMax": "yes"}, ["AlertEncrypted yes"]),
        ({**TELLS, "MaxRecursion": "5"}, []),
    ],
)
async def test_a_daemon_that_says_ok_to_what_it_skips_is_named(
    tmp_path: Path, more: dict[str, str], named: list[str]
) -> None:
    """clamd.conf(5): by default clamd tells nothing of what is locked or beyond its limits."""
    with clamd(signatures(tmp_path / "signatures"), more=more) as socket:
        seen = await once(
            tmp_path,
            "virus",
            clamd=str(socket),
            paths=[skipped(tmp_path / "files")],
            most_megabytes=1000,
            every_file=True,
        )
    said = " ".join(seen.observation.warnings)
    assert [option for option in TELLS_ALL if option in said] == named
    if not named:
        assert seen.observation.measures["not_scanned_files"] >= 3


TELLS_ALL = [f"{option} yes" for option in TELLS]
