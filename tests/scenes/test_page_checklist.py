"""The daily checklist on the page: read by everybody, answered by who is logged in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.config.section_models import Audit
from monitor.incidents import checklist_answers
from monitor.testing.scenario import Scene
from tests.scenes import page_world
from tests.scenes.test_page import logged_in, proof_of, read, visited
from tests.scenes.test_page_actions import sent

OWN = 'Recordings of "yesterday" can be played <u>'
TICKED = {"line": "power", "how": "well", "text": ""}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = await page_world.site(tmp_path)
    audit = Audit(to=("ops@example.net",), asks=(OWN,))
    made.configuration = replace(made.configuration, audit=audit)
    yield made
    made.stop_daemon()


async def test_a_line_is_ticked_and_crossed_by_who_is_logged_in(scene: Scene) -> None:
    async with visited(scene) as session:
        before = await read(session, "/checklist")
        assert "Power and batteries are well nobody has answered yet" in before.text
        assert OWN in before.text and "u" not in before.tags
        assert "form" not in before.tags and "Log in to answer" in before.text
        await logged_in(session)
        page = await sent(session, "/checklist", {**TICKED, "text": "both  feeds\nare up"})
        assert (
            "It is ticked" in page.text
            and "ticked by asha 03:12 IST : both feeds are up" in page.text
        )
        page = await sent(session, "/checklist", {"line": OWN, "how": "wrong", "text": "<i>silent"})
        assert (
            "It is crossed" in page.text
            and "NOT WELL, says asha 03:12 IST : <i>silent" in page.text
        )
        assert "i" not in page.tags
    found = {one.name: (one.done, one.by) for one in checklist_answers.answers(scene.ledger)}
    assert found == {"power": (True, "asha"), OWN: (False, "asha")}


REFUSED = (
    ({"how": ""}, "say whether it is well or not"),
    ({"how": "wrong", "text": " "}, "say what is wrong"),
    ({"text": "x" * 301}, "at most 300"),
    ({"line": "others"}, "Reveille sees to it itself"),
    # Its number in the list is another line tomorrow.
    ({"line": "4"}, "the checklist has changed meanwhile"),
    ({"line": "<b>"}, "the checklist has changed meanwhile"),
)  # fmt: skip


async def test_an_answer_that_is_not_taken_says_why_and_keeps_what_was_written(
    scene: Scene,
) -> None:
    async with visited(scene) as session:
        await logged_in(session)
        for changed, why in REFUSED:
            page = await sent(session, "/checklist", {**TICKED, "text": "seen", **changed}, 422)
            assert "Nothing was written: " in page.text and why in page.text, page.text
            known = changed.get("line", "power") == "power"
            assert (changed.get("text", "seen") in page.written) is known, changed
    assert checklist_answers.answers(scene.ledger) == ()


async def test_nobody_else_answers_anything(scene: Scene) -> None:
    async with visited(scene) as session:
        form = {**TICKED, "proof": "x"}
        async with session.post("/checklist", data=form, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/log-in")
        await logged_in(session)
        async with session.post("/checklist", data={**form, "proof": "guessed"}) as answer:
            assert answer.status == 403
        proven = {**form, "proof": await proof_of(session)}
        for strange in ({"Origin": "https://attacker.example"}, {"Sec-Fetch-Site": "cross-site"}):
            async with session.post("/checklist", data=proven, headers=strange) as answer:
                assert answer.status == 403
    assert checklist_answers.answers(scene.ledger) == ()


async def test_it_is_ticked_only_for_as_long_as_somebody_looks(scene: Scene) -> None:
    scene.world["main-number"] = None
    await scene.run_for(hours=1)
    async with visited(scene) as session:
        assert "could not be looked at" not in (await read(session, "/checklist")).text
        scene.clock.advance(3600.0)
        old = (await read(session, "/checklist")).text
        assert "Nobody is looking: what the checks say is old" in old
        assert "could not be looked at: main-number" in old
