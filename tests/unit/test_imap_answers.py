"""A mail server that says much is read in proportion to what it says."""

from __future__ import annotations

import pytest

from tests.fuzz.target import MOST_SECONDS
from tests.fuzz.targets import TARGETS

LITERALS = b"* 1 FETCH (" + b"{0}\r\n" * 100_000 + b")\r\n"
FOUND = b"* ESEARCH ALL 1:4294967295\r\n" * 30_000


@pytest.mark.parametrize("said", [LITERALS, FOUND], ids=["literals of nothing", "endless finds"])
def test_a_flood_of_answers_is_read_in_no_time(said: bytes) -> None:
    seconds = TARGETS["imap"].hold(b"* OK hi\r\n" + said + b"r1 OK done\r\nr2 OK done\r\n")
    assert seconds < MOST_SECONDS
