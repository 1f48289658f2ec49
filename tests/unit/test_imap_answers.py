"""A mail server that says much is read in proportion to what it says, and one that says no to a
fetch is told by its own words.
"""

from __future__ import annotations

import pytest

from checks.contract import Failed
from checks.network.imap import Imap
from checks.transport.line_protocol import Conversation
from tests.fuzz.target import MOST_SECONDS
from tests.fuzz.targets import TARGETS
from tests.loopback.serving import listening, says

LITERALS = b"* 1 FETCH (" + b"{0}\r\n" * 100_000 + b")\r\n"
FOUND = b"* ESEARCH ALL 1:4294967295\r\n" * 30_000


@pytest.mark.parametrize("said", [LITERALS, FOUND], ids=["literals of nothing", "endless finds"])
def test_a_flood_of_answers_is_read_in_no_time(said: bytes) -> None:
    seconds = TARGETS["imap"].hold(b"* OK hi\r\n" + said + b"r1 OK done\r\nr2 OK done\r\n")
    assert seconds < MOST_SECONDS


async def fetched(*lines: str) -> bytes:
    """What a fetch takes out of these answers to it."""
    async with listening(says("\n".join(lines))) as port:
        talk = await Conversation.open("127.0.0.1", port)
        try:
            return await Imap(talk).fetch("47", 65_536)
        finally:
            await talk.close()


@pytest.mark.parametrize(
    ("lines", "mail"),
    [
        (["* 1 FETCH (UID 47 BODY[]<0> {4}", "a{9})", "r1 OK done"], b"a{9}"),
        (["* 1 FETCH (X {0}", " BODY[]<0> {1+}", "b)", "* 2 EXISTS", "r1 ok"], b"b"),
        (["r1 OK it is gone"], b""),
    ],
    ids=["a literal", "a literal behind another", "none"],
)
async def test_what_is_fetched_is_the_mail_as_it_came(lines: list[str], mail: bytes) -> None:
    assert await fetched(*lines) == mail


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["r1 NO not yours"], "imap:no: not yours"),
        (["r1 BAD what"], "imap:bad: what"),
        (["* 1 FETCH (BODY[]<0> {1}", "b)", "* BYE overloaded"], r"imap:bye: \* BYE overloaded"),
    ],
)
async def test_a_fetch_that_is_refused_is_told_as_any_other_command(
    lines: list[str], code: str
) -> None:
    with pytest.raises(Failed, match=code):
        await fetched(*lines)
