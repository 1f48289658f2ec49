"""A line registers for its calls where it registers at all: what the call engine cannot read, or
proves nothing to, is asked by the house's own client (bench phone-agrees: both are of one mind).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.field.far_ends import test_registration, test_registration_siblings
from tests.field.far_ends.sip_server import PASSWORD, USER, Piece, Plays, Request, asks, over_udp
from tests.field.story import Story, in_short, once, told

pytestmark = [pytest.mark.slow, pytest.mark.engine]
BEYOND = (
    "expires-is-a-date",
    "two-digests-in-a-line",
    "header-with-comment",
    "auth-int",
    "md5-sess",
    "realm-with-quotes",
    "qop-list-with-blanks",
    "sha-512-256",
)
STORIES = [
    story
    for story in (
        *test_registration.CONTACTS,
        *test_registration.PROOFS,
        *test_registration_siblings.CONTACTS,
        *test_registration_siblings.PROOFS,
    )
    if story.name in BEYOND
]


def kept(story: Plays, came: list[Request]) -> Plays:
    """The same, and what came is kept."""

    def plays(asked: Request) -> Iterable[Piece]:
        came.append(asked)
        return story(asked)

    return plays


async def test_an_engine_that_dies_of_a_breach_is_the_far_ends_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who answers with what no answer may have is told; nothing of ours is blind."""
    monkeypatch.setenv("REVEILLE_TEST_SECRET", PASSWORD)
    (star,) = (one for one in test_registration.CONTACTS if one.name == "star")
    stage, _ = await called(tmp_path, star.far)
    assert stage == "register"


async def called(folder: Path, story: Plays) -> tuple[str, list[Request]]:
    """The stage in which the attempt broke, and what came of it."""
    came: list[Request] = []
    async with over_udp(kept(story, came)) as port:
        secret = {"environment": "REVEILLE_TEST_SECRET"}
        line = {"registrar": f"127.0.0.1:{port}", "user": USER, "password": secret}
        limits = {"to": "8000", "answer_within": "1s", "signalling_within": "6s", "listen": "0s"}
        seen = await once(folder, "sip-call", line, line="main", **limits)
    assert seen.verdict.fault, in_short(seen)
    return seen.verdict.fault.stage, came


@pytest.mark.parametrize("story", told(STORIES))
async def test_a_call_gets_past_the_registrar(
    tmp_path: Path, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", PASSWORD)
    stage, came = await called(tmp_path, story.far)
    assert stage != "register", story.source
    invite = next(one for one in came if one.text.startswith("INVITE "))
    bound = [one for one in came if one.text.startswith("REGISTER ")]
    # The binding leads to the phone, and is taken back at the end.
    assert invite.contact.partition("@")[2].partition(";")[0] in bound[-1].one("Contact")
    assert bound[-1].seconds == 0


async def test_a_wrong_password_stays_one_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Registrars that count them shut accounts out."""
    monkeypatch.setenv("REVEILLE_TEST_SECRET", "not this one")
    stage, came = await called(tmp_path, asks(test_registration.HOME))
    assert stage == "register"
    assert len([one for one in came if one.one("Authorization")]) == 1
