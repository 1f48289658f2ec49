"""The journal of looks that wait for the ledger: in order, bounded, and sure of what it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread

from monitor.scheduling.look_journal import NAME, LateLook, LookJournal
from tests.unit.sample_late_looks import late_looks

LOOK = late_looks()[0]


def numbered(number: int) -> LateLook:
    return replace(LOOK, check=f"portal-{number}")


def test_it_gives_back_in_order_what_it_was_given(tmp_path: Path) -> None:
    journal = LookJournal(tmp_path)
    assert not journal.there()
    kept = [numbered(number) for number in range(5)]
    assert all(journal.keep(one) for one in kept)
    first, taken = journal.first(2)
    assert first == kept[:2]
    journal.delivered(taken)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"check": "cut off by a cra')
    assert journal.keep(kept[0]), "what was cut off is on a line of its own"
    rest, taken = LookJournal(tmp_path).first(99)
    assert rest == [*kept[2:], kept[0]]
    journal.delivered(taken)
    assert not journal.there()


def test_what_is_delivered_is_blanked_where_it_stands(tmp_path: Path) -> None:
    journal, file = LookJournal(tmp_path), tmp_path / NAME
    assert all(journal.keep(numbered(number)) for number in range(4))
    size, inode = file.stat().st_size, file.stat().st_ino
    _, end = journal.first(2)
    journal.delivered(end)
    assert (file.stat().st_size, file.stat().st_ino) == (size, inode), "no room, and no other file"
    before, after = file.read_bytes()[:end], file.read_bytes()[end:]
    assert not before.strip() and before.count(b"\n") == 2
    assert [b"portal-2" in line for line in after.splitlines()] == [True, False]
    assert [one.check for one in LookJournal(tmp_path).first(9)[0]] == ["portal-2", "portal-3"]
    assert list(tmp_path.iterdir()) == [file], "nothing is left beside it"


def test_blanks_take_no_room_from_looks(tmp_path: Path) -> None:
    journal = LookJournal(tmp_path, most_bytes=2000)
    while journal.keep(LOOK):
        pass
    _, end = journal.first(2)
    journal.delivered(end)
    assert journal.keep(LOOK) and len(LookJournal(tmp_path).first(99)[0]) >= 2


def test_one_that_is_full_takes_no_more_and_counts(tmp_path: Path) -> None:
    journal = LookJournal(tmp_path, most_bytes=2000)
    took = [journal.keep(LOOK) for _ in range(9)]
    assert took == sorted(took, reverse=True) and 1 <= sum(took) < 9
    assert journal.refused == 9 - sum(took)
    assert len(journal.first(99)[0]) == sum(took)


def test_what_this_program_cannot_read_is_put_aside(tmp_path: Path) -> None:
    journal = LookJournal(tmp_path)
    (tmp_path / NAME).write_text('{"v": 99, "check": "of a newer release"}\n')
    journal.keep(LOOK)
    assert journal.first(9)[0] == [LOOK]
    assert "of a newer release" in (tmp_path / "late-looks.unreadable").read_text()


def test_what_comes_while_others_are_taken_away_stays(tmp_path: Path) -> None:
    journal, wanted = LookJournal(tmp_path), 60

    def come() -> None:
        for number in range(wanted):
            assert journal.keep(numbered(number))

    coming, found = Thread(target=come), list[LateLook]()
    coming.start()
    while len(found) < wanted:
        if journal.there():
            some, taken = journal.first(3)
            journal.delivered(taken)
            found += some
    coming.join()
    assert found == [numbered(number) for number in range(wanted)] and not journal.there()
