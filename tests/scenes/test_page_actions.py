"""What people do on the page beside taking tickets: maintenance, a ticket by hand, a formal
escalation; by whom, with the words and limits of the command line.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from monitor.incidents import maintenances, store
from monitor.testing.scenario import Scene
from tests.scenes import page_world
from tests.scenes.test_page import Read, logged_in, proof_of, read, visited

HIDE = {"checks": "portal-*, trunk", "duration": "90m", "why": "new  firmware\non the gateway"}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = await page_world.site(tmp_path)
    yield made
    made.stop_daemon()


class Form(Read):
    """A page, and what stands in its fields."""

    def __init__(self, page: str) -> None:
        self.values: dict[str, str] = {}
        self.written: list[str] = []
        super().__init__(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        found = dict(attrs)
        if tag == "input" and (name := found.get("name")):
            self.values[name] = found.get("value") or ""
            self.written.append(self.values[name])


async def sent(
    session: aiohttp.ClientSession, path: str, form: Mapping[str, str], status: int = 200
) -> Form:
    proof = await proof_of(session)
    async with session.post(path, data={"proof": proof, **form}) as answer:
        assert answer.status == status, await answer.text()
        return Form(await answer.text())


async def test_a_maintenance_is_begun_seen_and_ended_by_who_is_logged_in(scene: Scene) -> None:
    async with visited(scene) as session:
        await logged_in(session)
        begun = await sent(session, "/maintenance", HIDE)
        assert "The maintenance has begun" in begun.text
        assert "portal-*, trunk new firmware on the gateway by asha" in begun.text
        assert "One maintenance is under way" in begun.text
        (one,) = maintenances.by_hand(scene.ledger)
        assert (one.by, one.checks) == ("asha", ("portal-*", "trunk"))
        assert one.until - one.since == timedelta(minutes=90)
        hidden = await read(session, "/checks/trunk")
        assert "A maintenance hides it" in hidden.text and "Begin a maintenance" not in hidden.text
        assert "Begin a maintenance of it" in (await read(session, "/checks/main-number")).text
        over = await sent(session, "/maintenance/1/stop", {})
        assert "The maintenance is over" in over.text and "stopped by asha" in over.text
        assert "over already" in (await sent(session, "/maintenance/1/stop", {})).text
    await scene.run_for(seconds=5)
    assert "maintenance-over RV-None to operators" in scene.told()


REFUSED = (
    ({"checks": "prtal-1"}, "there is no [checks.prtal-1]; did you mean 'portal-1'?"),
    ({"checks": ""}, "name the checks that it hides"),
    ({"all": "1"}, "name the checks that it hides"),
    ({"duration": "8d"}, "'8d' is not between a minute and 7 days"),
    ({"duration": "soon"}, "'soon' is not a duration"),
    ({"why": " \n"}, "say why"),
    ({"why": "<b>very" * 100}, "the reason has 700 signs"),
)  # fmt: skip


async def test_what_cannot_be_begun_says_why_and_keeps_what_was_written(scene: Scene) -> None:
    async with visited(scene) as session:
        await logged_in(session)
        for changed, why in REFUSED:
            page = await sent(session, "/maintenance", {**HIDE, **changed}, 422)
            assert f"It has not begun: {why}" in page.text, page.text
            assert page.values["duration"] == changed.get("duration", "90m")
    assert maintenances.by_hand(scene.ledger) == ()


async def test_nobody_else_begins_or_ends_anything(scene: Scene) -> None:
    paths = ("/maintenance", "/maintenance/1/stop", "/tickets/new", "/tickets/RV-1/escalate")
    async with visited(scene) as session:
        for path in paths:
            form = {**HIDE, "proof": "x", "what": "change", "text": "a new menu"}
            async with session.post(path, data=form, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, "/log-in"), path
        await logged_in(session)
        for path in paths:
            async with session.post(path, data={**form, "proof": "guessed"}) as answer:
                assert answer.status == 403, path
            proven = {**form, "proof": await proof_of(session)}
            strange = {"Origin": "https://attacker.example"}
            async with session.post(path, data=proven, headers=strange) as answer:
                assert answer.status == 403, path
    assert maintenances.by_hand(scene.ledger) == ()
    assert len(scene.ledger.incidents()) == 1


async def test_a_ticket_is_opened_by_hand_and_told_as_any(scene: Scene) -> None:
    async with visited(scene) as session:
        await logged_in(session)
        assert "PRI is up but IVR is not working" in (await read(session, "/tickets/new")).text
        asked = {"what": "issue:reports", "severity": "P2", "text": "figures are\nwrong"}
        page = await sent(session, "/tickets/new", asked)
        assert "The ticket is open" in page.text and "figures are wrong" in page.text
        again = await sent(session, "/tickets/new", asked, 422)
        assert "RV-2 is open for" in again.text
        assert "figures are" in again.text, "nothing that was written is lost"
        change = await sent(session, "/tickets/new", {"what": "change", "text": "a new menu"})
        assert "a new menu" in change.text
        for wrong in ({"what": ""}, {"what": "issue:nothing"}, {"text": " "},
                      {"what": "feature", "severity": "P0"}):  # fmt: skip
            await sent(session, "/tickets/new", {**asked, **wrong}, 422)
    opened = [store.incident_of(row) for row in scene.ledger.incidents()]
    found = {one.number: (one.opened_by, one.severity.id, one.request) for one in opened}
    assert found[2] == ("asha", "P2", "") and found[3][::2] == ("asha", "change")
    await scene.run_for(seconds=5)
    assert "opened RV-2 to operators" in scene.told()


async def test_a_formal_escalation_has_a_reason_and_a_name(scene: Scene) -> None:
    async with visited(scene) as session:
        await logged_in(session)
        page = await sent(session, "/tickets/RV-1/escalate", {"text": ""})
        assert "An escalation needs a reason" in page.text
        page = await sent(session, "/tickets/RV-1/escalate", {"text": "the centre is silent"})
        assert "It is escalated formally" in page.text and "the centre is silent" in page.text
    row = scene.ledger.incident(1)
    assert row is not None and store.incident_of(row).escalated_at == scene.clock.now()
