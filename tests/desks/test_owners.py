"""Who takes a ticket here owns it at the desk, and nobody's own choice there is overwritten."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from monitor.desks.desk import Desk, Never, TryLater, Unowned
from monitor.desks.helpdesk import Change
from monitor.desks.ticket_desk import TicketDesk, marks_in
from monitor.incidents.ticket_actions import TicketActions
from tests.desks.proxy import between
from tests.desks.server import Refused, VendorServer, serving
from tests.desks.story import letters, settled
from tests.desks.test_two_way import Site, site
from tests.desks.vendors import MOSTLY_SLOW, VENDORS, Vendor
from tests.desks.zammad_server import ZammadServer

each = pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
TAKEN = ("opened", "acknowledged")


async def told(desk: Desk, server: VendorServer, *takers: str) -> str:
    """Opened, and taken by each in turn; how it stands, and each letter stands there once."""
    reference, before, keys = None, None, []
    opened, *_ = letters(12)
    taken = [letter for who in takers for letter in letters(12, TAKEN, who) if letter.before]
    for n, letter in enumerate([opened, *taken]):
        one = replace(letter, key=f"{letter.key}{n}", reference=reference, before=before)
        reference = str(await settled(desk, one))
        before = one.body["ticket"]
        keys.append(one.key)
    (alive,) = server.alive(opened.thread)
    said = [mark for text in server.stands(alive)[2] for mark in marks_in(text)]
    assert said == keys
    return alive


@each
async def test_who_takes_it_here_owns_it_there(vendor: Vendor, tmp_path: Path) -> None:
    server = vendor.begun()
    async with serving(server) as port:
        desk = vendor.desk(port, tmp_path)
        number = await told(desk, server, "Asha")
        assert (server.stands(number)[0], server.owner(number)) == (
            vendor.words.taken, vendor.asha,
        )  # fmt: skip


@each
async def test_who_takes_it_after_him_owns_it_then(vendor: Vendor, tmp_path: Path) -> None:
    server = vendor.begun()
    async with serving(server) as port:
        number = await told(vendor.desk(port, tmp_path), server, "asha", "ravi", "a stranger")
        assert server.owner(number) == vendor.ravi


@each
async def test_an_owner_whom_somebody_there_has_chosen_stays(
    vendor: Vendor, tmp_path: Path
) -> None:
    server = vendor.begun()
    async with serving(server) as port:
        desk = vendor.desk(port, tmp_path)
        opened, taken = letters(12, TAKEN)
        reference = await desk.deliver(opened)
        server.operator(server.alive(opened.thread)[0], owner=vendor.ravi)
        await desk.deliver(replace(taken, reference=reference))
        assert server.owner(server.alive(opened.thread)[0]) == vendor.ravi
        again = replace(taken, key=f"{taken.key}2", before=taken.body["ticket"])
        await desk.deliver(replace(again, reference=reference))
        assert server.owner(server.alive(opened.thread)[0]) == vendor.ravi


@each
async def test_an_owner_that_is_refused_loses_neither_status_nor_remark(
    vendor: Vendor, tmp_path: Path
) -> None:
    server = vendor.begun()
    async with serving(server) as port:
        desk = vendor.desk(port, tmp_path, owners={"asha": vendor.guest})
        opened, taken = letters(12, TAKEN)
        reference = await desk.deliver(opened)
        answer = await desk.deliver(replace(taken, reference=reference))
        assert isinstance(answer, Unowned) and vendor.guest in answer.why
        status, _, texts = server.stands(reference)
        assert (status, server.owner(reference)) == (vendor.words.taken, "")
        assert taken.key in texts[-1]


@each
@pytest.mark.parametrize("fault", ["lose", "hold"])
async def test_it_is_set_once_whatever_answer_is_lost(
    vendor: Vendor, fault: str, tmp_path: Path
) -> None:
    """At each request of the letter; no remark stands there twice either."""
    server = vendor.begun()
    async with serving(server) as port, between(port) as (proxy, way):
        desk = vendor.desk(way, tmp_path, timeout=0.2)
        for point in range(1, 20):
            opened, taken = letters(point, TAKEN)
            taken = replace(taken, reference=await settled(desk, opened, server.passed))
            first = proxy.requests
            proxy.plan = partial(lambda at, n: fault if n == at else "pass", first + point - 1)
            await settled(desk, taken, server.passed)
            proxy.plan, reached = (lambda _: "pass"), proxy.requests - first
            (number,) = server.alive(opened.thread)
            assert server.owner(number) == vendor.asha
            said = [mark for text in server.stands(number)[2] for mark in marks_in(text)]
            assert said == [opened.key, taken.key]
            if reached < point:
                return
        raise AssertionError(f"{reached} requests for one letter")


@each
async def test_a_user_who_is_not_there_is_told_before(vendor: Vendor, tmp_path: Path) -> None:
    async with serving(vendor.begun()) as port:
        wrong = vendor.configured(port, tmp_path, owners={"asha": "no-such-user"})
        with pytest.raises(TryLater, match=r"what asha takes: .*no-such-user"):
            await wrong.try_out()


@pytest.mark.parametrize("kind", ["redmine", "zendesk", "glpi"])
async def test_a_user_who_may_own_nothing_is_told_before(kind: str, tmp_path: Path) -> None:
    vendor = VENDORS[kind]
    async with serving(vendor.begun()) as port:
        wrong = vendor.configured(port, tmp_path, owners={"asha": vendor.guest})
        with pytest.raises(TryLater, match=f"what asha takes: .*{vendor.guest}"):
            await wrong.try_out()


async def test_a_right_that_stays_missing_is_said_and_not_waited_for(tmp_path: Path) -> None:
    class Strict(ZammadServer):
        def update(self, asked: Any, number: str) -> object:
            if "owner" in asked.json:
                raise Refused(403, {"error": "Not authorized"})
            return super().update(asked, number)

    server, vendor = Strict(), VENDORS["zammad"]
    async with serving(server) as port:
        desk = vendor.desk(port, tmp_path)
        opened, taken = letters(12, TAKEN)
        taken = replace(taken, reference=await desk.deliver(opened))
        with pytest.raises(TryLater):
            await desk.deliver(taken)
        answer = await desk.deliver(replace(taken, since_last_try_seconds=10.0))
        assert isinstance(answer, Unowned) and "403" in answer.why
        assert server.stands("1")[0] == "open" and len(server.stands("1")[2]) == 2


async def test_an_account_that_may_not_look_users_up_sees_what_they_do(tmp_path: Path) -> None:
    class Shy(ZammadServer):
        def users(self, asked: Any) -> object:
            raise Refused(403, {"error": "Not authorized"})

    server, vendor = Shy(), VENDORS["zammad"]
    async with serving(server) as port:
        desk = vendor.desk(port, tmp_path)
        assert isinstance(desk, TicketDesk)
        await desk.deliver(next(letters(12)))
        server.operator("1", owner="asha")
        there = await desk.look("rv-12.cafe0001")
        assert there and not await desk.owned_as_told(there, "asha")


async def test_trouble_on_the_way_is_no_refusal(tmp_path: Path) -> None:
    server, vendor = ZammadServer(), VENDORS["zammad"]
    async with serving(server) as port, between(port) as (proxy, way):
        desk = vendor.desk(way, tmp_path)
        opened, taken = letters(12, TAKEN)
        reference = await desk.deliver(opened)
        proxy.plan = lambda _: "overload"
        for since in (None, 10.0, 900.0):
            with pytest.raises(TryLater):
                await desk.deliver(
                    replace(taken, reference=reference, since_last_try_seconds=since)
                )
        proxy.plan = lambda _: "pass"
        await desk.deliver(replace(taken, reference=reference, since_last_try_seconds=900.0))
        assert server.owner("1") == "asha"


async def takes(here: Site, who: str) -> None:
    """Somebody takes ticket 1 here, and the outbox has told it."""
    scene = here.scene
    TicketActions(scene.ledger, scene.configuration, scene.clock.now()).acknowledge(1, who)
    await here.goes_on(minutes=1)


@pytest.mark.parametrize("vendor", MOSTLY_SLOW)
async def test_on_a_whole_site_it_is_owned_and_comes_back_as_nothing_new(
    vendor: Vendor, tmp_path: Path
) -> None:
    async with site(vendor, tmp_path) as here:
        await takes(here, "asha")
        assert here.server.owner(here.number) == vendor.asha
        assert [fact["by"] for fact in here.history("acknowledged")] == ["asha"]
        assert here.history("unowned") == []


async def test_whom_we_made_the_owner_has_not_taken_it_again_there(tmp_path: Path) -> None:
    """It was formally escalated: somebody has to take it anew."""
    async with site(VENDORS["zammad"], tmp_path) as here:
        await takes(here, "asha")
        scene = here.scene
        actions = TicketActions(scene.ledger, scene.configuration, scene.clock.now())
        actions.escalate(1, "the customer", "it takes too long")
        await here.goes_on(minutes=1)
        assert here.stands[0] == "open", "as we have left it"
        assert here.server.owner(here.number) == "asha"
        assert here.incident.taken is None, "nobody has taken it there"
        here.server.operator(here.number, owner="ravi")
        await here.polled()
        assert here.incident.taken and here.incident.taken[1] == "ravi at desk"


async def test_what_a_desk_refuses_stands_in_the_history_once(tmp_path: Path) -> None:
    vendor = VENDORS["request-tracker"]
    async with site(vendor, tmp_path) as here:
        here.use(here.settings.model_copy(update={"owners": {"asha": "guest"}}))
        await takes(here, "asha")
        await here.goes_on(minutes=30)
        (said,) = here.history("unowned")
        assert "may not own tickets in that queue" in str(said["reason"])
        assert here.stands[0] == vendor.words.taken
        assert here.incident.acknowledged_by == "asha"


async def test_the_adapter_says_never_for_an_owner_it_cannot_set(tmp_path: Path) -> None:
    """Whatever the desk answers: RT says it with 200, Zammad with nothing."""
    for kind in ("request-tracker", "zammad"):
        vendor = VENDORS[kind]
        server = vendor.begun()
        async with serving(server) as port:
            settings = vendor.configured(port, tmp_path)
            await settings.desk("desk").deliver(next(letters(12)))
            with pytest.raises(Never):
                await settings.helpdesk().change("1", Change(owner="guest"))
