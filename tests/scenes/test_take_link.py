"""The link in a letter: what follows links takes nothing, the button takes the ticket once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from checks.contract import Failed
from monitor.config.page import Page
from monitor.desks.internet_message import take_link
from monitor.testing.scenario import Scene
from tests.scenes import page_world
from tests.scenes.page_world import NOW
from tests.scenes.test_page import Read, visited

URL = "https://reveille.example.net"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(NOW - timedelta(minutes=3), page_world.checks(), folder=tmp_path)
    made.stop_daemon()
    made.configuration = replace(made.configuration, page=Page(url=URL))
    made.start_daemon()
    made.world["main-number"] = Failed("silent")
    await made.run_until(NOW)
    yield made
    made.stop_daemon()


def path_of(scene: Scene, recipient: str = "operators@example.net") -> str:
    letter = next(one for one in scene.desk.letters if one.recipient == recipient)
    link = take_link(letter)
    assert link.startswith(f"{URL}/take/RV-1/"), link
    return link.removeprefix(URL)


def taken_by(scene: Scene) -> str:
    row = scene.ledger.incident(1)
    assert row is not None
    return str(row.body["acknowledged_by"])


async def test_following_it_takes_nothing_and_its_button_takes_the_ticket_once(
    scene: Scene,
) -> None:
    path = path_of(scene)
    async with visited(scene, url=URL) as session:
        for ask in (session.get, session.head, session.options):
            async with ask(path) as answer:
                assert answer.status in (200, 405)
        assert taken_by(scene) == "", "a scanner has followed it"
        async with session.get(path) as answer:
            page = Read(await answer.text())
        assert "You take it as operators@example.net" in page.text
        assert "button" in page.tags

        # Two windows, and both are pressed.
        async def pressed() -> str:
            async with session.post(path, allow_redirects=False) as answer:
                return answer.headers["Location"]

        said = sorted(await asyncio.gather(pressed(), pressed()))
        assert said == [f"{path}?said=taken", f"{path}?said=used"]
        assert taken_by(scene) == "operators@example.net"
        async with session.get(path) as answer:
            assert "used already" in Read(await answer.text()).text
    kinds = [row.kind for row in scene.ledger.history(1)]
    assert kinds.count("acknowledged") == kinds.count("replied") == 1


async def test_another_letter_s_another_ticket_s_or_an_old_one_is_not_known(scene: Scene) -> None:
    path = path_of(scene)
    number, _, token = path.rpartition("/")[2].partition("-")
    wrong = (
        f"/take/RV-1/{int(number) + 1}-{token}", f"/take/RV-2/{number}-{token}",
        f"/take/RV-1/{number}-{token[:-1]}{'a' if token[-1] != 'a' else 'b'}",
        f"/take/RV-1/{'9' * 12}-{token}", f"/take/RV-1/{'9' * 40}-{token}",
        f"/take/RV-x/{number}-{token}", f"/take/RV-1/{token}",
    )  # fmt: skip
    async with visited(scene, url=URL) as session:
        for one in wrong:
            for ask in (session.get, session.post):
                async with ask(one, allow_redirects=False) as answer:
                    assert answer.status == 404, one
        strange = {"Origin": "https://evil.example"}
        async with session.post(path, headers=strange, allow_redirects=False) as answer:
            assert answer.status == 403
        scene.clock.advance(timedelta(days=8).total_seconds())
        async with session.get(path) as answer:
            assert answer.status == 404
    assert taken_by(scene) == ""


async def test_who_has_left_takes_nothing_and_a_customer_has_no_link(scene: Scene) -> None:
    path = path_of(scene)
    letter = scene.desk.letters[0]
    for audience in ("customer", "copy", "helpdesk", ""):
        body = {**letter.body, "extra": {"audience": audience}}
        assert take_link(replace(letter, body=body)) == ""
    scene.configuration = replace(scene.configuration, people=())
    async with visited(scene, url=URL) as session, session.get(path) as answer:
        assert answer.status == 404
