"""Fuzzing finds what it is for: an answer that nobody declared, a hang, and what grows too fast."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from tests.fuzz.child import Fuzzing, following
from tests.fuzz.mutation import mutated
from tests.fuzz.target import LONGEST_BYTES, Target, TookTooLong, pieces, timed


def stumbling(data: bytes) -> None:
    if b"\xff" in data:
        raise KeyError("it stumbles")
    int(data)


def climbing(data: bytes) -> None:
    """Four times as long for twice as much: 0.16 s for a hundred bytes."""
    until = time.process_time() + 0.16 * (len(data) / 100) ** 2
    while time.process_time() < until:
        pass


STUMBLING = Target("stumbling", stumbling, (ValueError,), ())


def test_what_is_no_declared_answer_is_found_and_made_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fuzzing = Fuzzing(STUMBLING, seed=1, folder=tmp_path)
    fuzzing.begin()
    assert "find" not in capsys.readouterr().out
    fuzzing.run(0.3)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (found,) = [one for one in told if "find" in one]
    assert found["find"].startswith("KeyError at ")
    assert Path(found["file"]).read_bytes() == b"\xff"
    assert told[-1]["tried"] > 100


def test_what_grows_faster_than_its_length_is_found() -> None:
    climber = Target("climber", climbing, (), ())
    assert timed(climber, bytes(50)) < 0.1
    with pytest.raises(TookTooLong, match="times as long for twice as much, 100 bytes"):
        timed(climber, bytes(100))


def test_mutations_stay_within_their_length_and_come_again_from_one_seed() -> None:
    pool = [b"GET / HTTP/1.1\r\nA: 12\r\n\r\n", bytes(range(256))]
    both = [
        [mutated(chance, pool[at % 2], pool, (b"word",)) for at in range(300)]
        for chance in (random.Random(7), random.Random(7))
    ]
    assert both[0] == both[1]
    assert max(map(len, both[0])) <= LONGEST_BYTES
    assert len(set(both[0])) > 290


def test_pieces_are_the_whole_and_lines_are_followed() -> None:
    assert b"".join(pieces(bytes(5000))) == bytes(5000)
    lines = set[tuple[str, int]]()
    from checks.transport.http import forgiving

    following(lambda: forgiving.read(b"HTTP/1.1 200 OK\r\n\r\n"), lines)
    assert len({line for path, line in lines if path.endswith("forgiving.py")}) > 5
