"""Evidence that is too large for the ledger lies at a place that rclone reaches, and comes from
there to every host; by a real rclone, over SFTP.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.evidence import EvidenceSettings
from monitor.evidence import far_store
from monitor.evidence.far_evidence import FarEvidence, going
from monitor.evidence.far_store import FarStore, FarStoreFailed
from monitor.ledger import Ledger
from monitor.ledger.large_exhibits import LargeExhibit
from tests.ledger.test_shared_evidence import HOUR, Hosts
from tests.ledger.test_shared_rounds import START
from tests.loopback.far_places import PLACE, FarPlace, far_place

SOUND = b"\x01\x00" * 1000
LOOK = "2026-11-30/portal-a-060000-1"
MOST = 10**9


@pytest.fixture
def hosts(ledger: Ledger, tmp_path: Path) -> Hosts:
    made = Hosts(ledger, tmp_path)
    made.failed(page=b"<h1>500</h1>", sound=SOUND)
    assert made.a.give(ledger, START, HOUR) == 1
    return made


@pytest.fixture
def place(tmp_path: Path) -> Iterator[FarPlace]:
    with far_place(tmp_path) as made:
        yield made


class Far:
    """Both hosts' part in it."""

    def __init__(self, hosts: Hosts, folder: Path) -> None:
        self.a, self.b = FarEvidence(folder / "a", "a"), FarEvidence(folder / "b", "b")
        self.ledger, self._folder = hosts.ledger, folder

    def store(self, **more: object) -> FarStore:
        said = {"rclone": PLACE, "config": self._folder / "rclone.conf", **more}
        return FarStore(EvidenceSettings.model_validate(said), self.ledger.identity)


@pytest.fixture
def far(hosts: Hosts, tmp_path: Path) -> Far:
    return Far(hosts, tmp_path)


async def test_what_is_too_large_for_the_ledger_comes_by_the_place(
    far: Far, place: FarPlace, hosts: Hosts
) -> None:
    (row,) = hosts.ledger.large_exhibits()
    assert (row.path, row.host, row.size, row.stored_at) == (f"{LOOK}/sound", "a", 2000, None)
    assert await far.b.take(hosts.ledger, far.store(), MOST) == 0
    assert await far.a.give(hosts.ledger, far.store()) == 1
    assert await far.a.give(hosts.ledger, far.store()) == 0, "nothing is put twice"
    assert place.files() == {f"{LOOK}/sound": SOUND}
    assert await far.b.take(hosts.ledger, far.store(), MOST) == 1
    assert hosts.on_b() == {"sound": SOUND}
    (file,) = (hosts._folder / "b").rglob("sound")
    assert file.stat().st_mode & 0o777 == 0o600
    assert await far.b.take(hosts.ledger, far.store(), MOST) == 0
    assert await far.a.take(hosts.ledger, far.store(), MOST) == 0


async def test_a_place_that_is_away_is_caught_up_with(
    far: Far, place: FarPlace, hosts: Hosts
) -> None:
    place.process.kill()
    place.process.wait()
    with pytest.raises(FarStoreFailed, match=r"office:evidence: .*connection refused"):
        await far.a.give(hosts.ledger, far.store())
    with place.again():
        assert await far.a.give(hosts.ledger, far.store()) == 1


async def test_a_place_that_hangs_is_given_up_within_its_time(
    far: Far, place: FarPlace, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(far_store, "_SECONDS", 2.0)
    with stopped(place), pytest.raises(FarStoreFailed, match="was not done within 2 s"):
        await far.a.give(hosts.ledger, far.store())
    assert not rclones(place), "nothing of it is left"
    assert await far.a.give(hosts.ledger, far.store()) == 1


async def test_what_the_place_changed_is_not_taken(
    far: Far, place: FarPlace, hosts: Hosts, caplog: pytest.LogCaptureFixture
) -> None:
    await far.a.give(hosts.ledger, far.store())
    (there,) = (file for file in place.kept.rglob("sound"))
    there.write_bytes(b"\x02" * 2000)
    assert await far.b.take(hosts.ledger, far.store(), MOST) == 0
    assert hosts.on_b() == {} and "action=evidence_differs" in caplog.text
    assert await far.b.take(hosts.ledger, far.store(), MOST) == 0


async def test_it_goes_when_it_was_kept_for_long_enough_and_no_ticket_shows_it(
    far: Far, place: FarPlace, hosts: Hosts
) -> None:
    other = place.kept / "evidence" / "of another ledger"
    other.mkdir(parents=True)
    hosts.ledger.name_large_exhibit("2026-11-30/other-a-060000-1/sound", "a", 5)
    made = hosts._folder / "a" / "2026-11-30" / "other-a-060000-1"
    made.mkdir()
    (made / "sound").write_bytes(b"other")
    assert await far.a.give(hosts.ledger, far.store()) == 2
    later = hosts.ledger.now() + HOUR
    before = later - 2 * HOUR
    assert await far.a.forget(hosts.ledger, far.store(), before, MOST) == 0
    assert await far.a.forget(hosts.ledger, far.store(), later, MOST) == 1
    assert place.files() == {f"{LOOK}/sound": SOUND}, "an open ticket shows it"
    assert {folder.name for folder in (place.kept / "evidence").glob("*/2026-11-30/*")} == {
        "portal-a-060000-1"
    }
    assert [row.path for row in hosts.ledger.large_exhibits()] == [f"{LOOK}/sound"]
    assert other.is_dir(), "what is another ledger's is left"


async def test_of_a_day_no_more_is_fetched_than_is_kept(
    far: Far, place: FarPlace, hosts: Hosts
) -> None:
    await far.a.give(hosts.ledger, far.store())
    assert await far.b.take(hosts.ledger, far.store(), 1999) == 0 and place.files()
    assert hosts.on_b() == {}


async def test_credentials_are_in_no_word_of_a_command(
    far: Far, place: FarPlace, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is encrypted, as rclone does it, and its password comes by reference."""
    encrypt(place.config, "open sesame", place.kept.parent)
    monkeypatch.setenv("FAR_PASSWORD", "open sesame")
    asked = far.store(password={"environment": "FAR_PASSWORD"})
    assert await far.a.give(hosts.ledger, asked) == 1
    with pytest.raises(FarStoreFailed) as refused:
        await far.b.take(hosts.ledger, far.store(), MOST)
    assert "sesame" not in str(refused.value)


ROWS = st.lists(
    st.builds(
        lambda day, look, hours, size: LargeExhibit(
            f"2026-11-{day:02}/look-{look}/f", START + timedelta(hours=hours), "a", size, None, ""
        ),
        st.integers(1, 3),
        st.integers(1, 9),
        st.integers(0, 99),
        st.integers(1, 50),
    ),
    unique_by=lambda row: row.path,
)


@given(ROWS, st.sets(st.integers(1, 9)), st.integers(0, 99), st.integers(1, 200))
def test_what_goes(rows: list[LargeExhibit], shown: set[int], hours: int, most: int) -> None:
    """Never what is needed; else all that is old, and of a day no more than has to."""
    before = START + timedelta(hours=hours)
    needed = {f"2026-11-{day:02}/look-{look}" for day in (1, 2, 3) for look in shown}
    gone = set(going(rows, needed, before, most))
    for row in rows:
        if "/".join(row.path.split("/")[:2]) in needed:
            assert row.path not in gone
        elif row.at < before:
            assert row.path in gone
    for day in ("2026-11-01", "2026-11-02", "2026-11-03"):
        of_day = [row for row in rows if row.path.startswith(day)]
        left = [row for row in of_day if row.path not in gone]
        free = [row for row in left if "/".join(row.path.split("/")[:2]) not in needed]
        assert sum(row.size for row in left) <= most or not free
        young = [row for row in of_day if row.path in gone and row.at >= before]
        if young and free:
            assert max((row.at, row.path) for row in young) < min((r.at, r.path) for r in free)
            newest = max(young, key=lambda row: (row.at, row.path))
            assert sum(row.size for row in left) + newest.size > most


@contextmanager
def stopped(place: FarPlace) -> Iterator[None]:
    place.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        place.process.send_signal(signal.SIGCONT)


def rclones(place: FarPlace) -> list[str]:
    """The commands of every rclone that uses the place's file."""
    said = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if f"--config={place.config}" in line]


def encrypt(config: Path, password: str, home: Path) -> None:
    """As a person does it at a terminal: `rclone config`, s, a, the password twice, q, q."""
    ours, theirs = os.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    command = ["rclone", f"--config={config}", "config"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        os.write(ours, f"s\na\n{password}\n{password}\nq\nq\n".encode())
        assert process.wait(60) == 0
    os.close(ours)
    os.close(theirs)
    assert config.read_text().startswith("# Encrypted rclone configuration File")
