"""What a search for secrets costs grows with the length of what is searched and no faster, whatever
that is: counted in what it looked at and did, not in time.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks import spellings
from checks.masking import LONGEST_EXHIBIT
from checks.search_effort import MOST_STEPS
from checks.spellings import LONGEST_SPELLING, Search
from tests.spellings import SPELLINGS

SECRETS = ("MARKER-sécret-9 of 24", "hunter2-A/b+c==")
KNOWN = tuple(map(spellings.forms, SECRETS))
PIECES = (
    b"%41", b"%2541", b"%25252525252541", b"&#65;", b"&amp;amp;#65;", b"\\\\", b"\\n", b"\\u0041",
    b"=41", b"=\r\n", b"<b>", b"<", b">", b"\n", b"\r\n1a\r\n", b"\n250-", b"\n> ", b"\x1b[1m",
    b"\xc2\xad", b" ", b"\0", b"abcdefghijkl", b"Abcdefghijkl", b"\\nAbcd", b"\nAbcd", b"4d:41:",
    b"0x4d, ", b"4d4142434445", b"1,2,3,4,5,6,", b"key=", b"x" * 5000,
    base64.b64encode(b"%41" * 9), base64.b64encode(b"\\" * 30), (b"%41" * 9).hex().encode(),
    *(one.encode() for one in SECRETS), *(one.encode()[:12] for one in SECRETS),
    *(base64.b64encode(one.encode()) for one in SECRETS),
)  # fmt: skip
# A text itself and what is left of it: without blanks, borders (twice), unseen, elements; and what
# is coded in it as a whole: 3/4 of it at four offsets, half of it at two, one and one.
_MOST_LOOKS = 6 + 3 + 2


def work(content: bytes) -> int:
    """Bytes that were looked at, and steps as long as 100 of them take."""
    effort = Search(KNOWN, content).effort
    return effort.looked_bytes + 100 * effort.steps


def filled(pieces: Iterable[bytes], length: int) -> bytes:
    """The pieces again and again."""
    one = b"".join(pieces)
    return (one * (length // len(one) + 1))[:length]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12), st.integers(15, 16))
def test_twice_as_much_is_twice_the_work_at_most(pieces: list[bytes], power: int) -> None:
    short, long = (filled(pieces, 2**one) for one in (power, power + 1))
    # Of what is read again some is read twice where one part of it ends and the next begins.
    assert work(long) <= 2.5 * work(short) + 12 * LONGEST_SPELLING


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=60), st.integers(0, 99))
def test_and_of_whatever_there_is_an_end(pieces: list[bytes], seed: int) -> None:
    content = b"".join(random.Random(seed).choices(pieces, k=20_000))[
        : LONGEST_EXHIBIT + LONGEST_SPELLING
    ]
    effort = Search(KNOWN, content).effort
    assert effort.steps <= MOST_STEPS
    # Each kB that is read back is so many steps of all there are.
    assert effort.looked_bytes <= _MOST_LOOKS * (len(content) + MOST_STEPS * 1024 // 16)


def test_more_secrets_take_no_more_steps_but_are_searched_less_far() -> None:
    """What each look costs for each form comes out of the same effort."""
    content = (b"&amp;quot;word&amp;quot;" + b" words" * 20) * 600
    few, many = (tuple(map(spellings.forms, known)) for known in (SECRETS[:1], SECRETS * 9))
    assert Search(few, content).until == len(content)
    assert Search(many, content).effort.steps <= MOST_STEPS
    assert 0 < Search(many, content).until < len(content), "as far as it goes"


@pytest.mark.parametrize("between", [b",", b", ", b" ;"])
def test_numbers_are_read_one_by_one_and_each_is_paid_for(between: bytes) -> None:
    numbers = between.join(b"%d" % (one % 10) for one in range(60_000))
    effort = Search(KNOWN, numbers).effort
    assert len(numbers) // 16 - 1 <= effort.steps <= MOST_STEPS


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_lies_before_what_was_too_much_is_masked_and_the_rest_not_shown(spelling: str) -> None:
    said = SPELLINGS[spelling](SECRETS[1]).encode()
    content = b"me: " + said + b" and " + b". " * 10_000 + b"%41" * 20_000 + said
    search = Search(KNOWN, content)
    assert 20_000 < search.until < len(content) - len(said)
    assert Search(KNOWN, content[:20_000]).found
    assert set(Search(KNOWN, content[:20_000]).found) <= set(search.found)


def test_what_is_coded_within_codes_is_shown_no_further_than_it_was_read() -> None:
    """Nothing is shown that was not read back as often as everything is."""
    said = b"%252541" * (2 * MOST_STEPS)
    shown = Search(KNOWN, said).until
    assert 0 < shown < len(b"%252541") * MOST_STEPS / 3
