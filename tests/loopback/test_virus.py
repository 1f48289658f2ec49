"""Viruses by the real ClamAV, daemon and program, with the EICAR string and a signature of our own,
offline.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.host.collectors.clamav import signatures_from
from checks.host.virus import Virus
from tests.loopback.clamav_server import EICAR, WORM, clamd, signatures
from tests.loopback.host_look import Watch, fault, severities, tells

# Its daemon is started once, and not once for each worker.
pytestmark = pytest.mark.xdist_group("one scanner")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return signatures(tmp_path_factory.mktemp("clamav") / "signatures")


@pytest.fixture(scope="module")
def daemon(database: Path) -> Iterator[Path]:
    with clamd(database) as place:
        yield place


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "deep").mkdir(parents=True)
    (folder / "letter.txt").write_text("good morning\n")
    (folder / "deep" / "picture.png").write_bytes(bytes(range(256)) * 40)
    return folder


def watch(folder: Path, files: Path, daemon: Path, **settings: object) -> Watch:
    given = {"paths": (str(files),), "clamd": str(daemon), **settings}
    return Watch(folder, Virus(**given))


async def test_clean_files_are_clean_and_only_what_changed_is_looked_at_again(
    tmp_path: Path, files: Path, daemon: Path
) -> None:
    host = watch(tmp_path, files, daemon)
    first = await host.look()
    assert first.fault is None
    assert first.measures["scanned_files"] == 2
    assert tells(first, "ClamAV")
    later = (files / "letter.txt").stat().st_ctime + 3600
    assert (await host.look(at=later)).measures["scanned_files"] in (
        0,
        2,
    )  # within a minute of the first look
    assert (await host.look(at=later)).measures["scanned_files"] == 0


async def test_the_eicar_string_and_our_own_worm_are_found_and_stay_found_until_they_are_gone(
    tmp_path: Path, files: Path, daemon: Path
) -> None:
    host = watch(tmp_path, files, daemon)
    (files / "invoice.com").write_text(EICAR)
    (files / "deep" / "worm.bin").write_bytes(WORM)
    seen = await host.look()
    stage, code, text = fault(seen)
    assert (stage, code) == ("scan", "infected")
    assert f"{files}/invoice.com (Reveille.EICAR-1.UNOFFICIAL)" in text
    assert f"{files}/deep/worm.bin (Reveille.Worm-1.UNOFFICIAL)" in text
    assert seen.measures["infected_files"] == 2
    expected = {"xop": "critical", "ozonetel": "P1"}
    assert severities("virus", seen).items() <= expected.items()
    assert fault(await host.look(at=2e9))[1] == "infected"
    (files / "invoice.com").unlink()
    (files / "deep" / "worm.bin").unlink()
    assert (await host.look(at=2e9)).fault is None


async def test_without_a_daemon_the_program_does_it(
    tmp_path: Path, files: Path, database: Path
) -> None:
    assert shutil.which("clamscan"), "Debian package clamav"
    given = {"paths": (str(files),), "signatures": str(database)}
    host = Watch(tmp_path, Virus(**given))
    assert (await host.look()).fault is None
    (files / "invoice.com").write_text(EICAR)
    seen = await host.look()
    assert fault(seen)[:2] == ("scan", "infected")


async def test_a_scanner_without_signatures_is_a_fault_and_never_clean(
    tmp_path: Path, files: Path
) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    host = Watch(tmp_path, Virus(paths=(str(files),), signatures=str(nothing)))
    assert fault(await host.look())[:2] == ("self-test", "no-signatures")


async def test_a_scanner_that_does_not_know_the_test_string_finds_nothing(
    tmp_path: Path, files: Path
) -> None:
    with clamd(signatures(tmp_path / "blind", eicar=False)) as place:
        assert fault(await watch(tmp_path, files, place).look())[:2] == (
            "self-test",
            "finds-nothing",
        )


async def test_a_daemon_that_is_gone_is_a_fault(tmp_path: Path, files: Path) -> None:
    stage, code, text = fault(await watch(tmp_path, files, tmp_path / "gone.ctl").look())
    assert (stage, code) == ("engine", "engine-down")
    assert "gone.ctl" in text


async def test_a_file_that_is_too_long_for_the_daemon_is_counted_and_not_called_clean(
    tmp_path: Path, files: Path, daemon: Path
) -> None:
    """The daemon takes streams of 1 MB here; it answers before it has heard all, and hangs up."""
    (files / "recording.wav").write_bytes(os.urandom(6_000_000))
    seen = await watch(tmp_path, files, daemon).look()
    assert seen.measures["not_scanned_files"] == 1
    assert seen.measures["scanned_files"] == 2
    assert tells(seen, "not scanned: 1 files")


async def test_what_was_not_reached_is_said_and_is_the_next_look_s_beginning(
    tmp_path: Path, files: Path, daemon: Path
) -> None:
    for number in range(1200):
        (files / f"z-{number:04}").write_text(f"{number}")
    (files / "zz-last").write_text(EICAR)
    seconds = 6  # of which five are kept for the end
    host = watch(tmp_path, files, daemon, within=f"{seconds}s")
    reached = 0.0
    for _ in range(40):
        seen = await host.look()
        if seen.blind:  # starved, which it says
            seconds += 1
            host.check = watch(tmp_path, files, daemon, within=f"{seconds}s").check
            continue
        reached += seen.measures.get("scanned_files", 0)
        if seen.fault:
            break
        # Files that were not, or the whole stage.
        assert tells(seen, "not reached") or tells(seen, "not looked at", "scan")
    assert fault(seen)[1] == "infected"
    assert reached >= 1203


async def test_an_odd_file_stops_nothing(tmp_path: Path, files: Path, daemon: Path) -> None:
    (files / "empty").touch()
    (files / "line\nbreak").write_text(EICAR)
    (files / "link").symlink_to("/etc/passwd")
    os.mkfifo(files / "pipe")
    seen = await watch(tmp_path, files, daemon).look()
    text = fault(seen)[2]
    assert "line break (Reveille.EICAR-1" in text


def test_the_age_of_signatures_is_read_from_the_version() -> None:
    assert signatures_from("ClamAV 1.4.6/27410/Sun Nov 22 09:00:00 2026") == 1795338000.0
    assert signatures_from("ClamAV 1.4.6") is None
