"""The key of signatures that let letters be answered: one for all who ask, also at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from monitor.incidents.answer_key import KEY, key_of


def test_whoever_asks_first_all_have_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(50):
            state = tmp_path / str(number)
            state.mkdir()
            told = set(pool.map(key_of, [state] * 8))
            assert told == {(state / KEY).read_bytes()}
            assert [path.name for path in state.iterdir()] == [KEY]


def test_one_that_a_full_disk_has_cut_short_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / KEY).write_bytes(b"short")
    made = key_of(tmp_path)
    assert len(made) == 32 and key_of(tmp_path) == made
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600
