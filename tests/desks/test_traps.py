"""What helpdesks were seen to do that a client takes for something else, each as a story."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.desks.desk import Never, TryLater
from monitor.desks.helpdesk import Change
from tests.desks.request_tracker_server import RequestTrackerServer
from tests.desks.server import read_request, serving, written
from tests.desks.servicenow_server import ServicenowServer
from tests.desks.story import letters
from tests.desks.vendors import QUICK, VENDORS
from tests.desks.zammad_server import ZammadServer
from tests.loopback.serving import listening

RT, REDMINE, SERVICENOW = (VENDORS[kind] for kind in ("request-tracker", "redmine", "servicenow"))


async def test_a_field_that_is_taken_and_dropped_is_told_before_and_after(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(RT.begun()) as port:
        wrong = RT.configured(port, tmp_path, fields={"Servise": "{site}", "Service": "{site}"})
        with pytest.raises(TryLater, match="no custom field of tickets in this queue 'Servise'"):
            await wrong.try_out()
        await wrong.desk("desk").deliver(next(letters(12)))
    assert "action=desk_field_dropped desk=desk field=Servise" in caplog.text
    assert "field=Service\n" not in caplog.text


async def test_a_success_with_a_complaint_is_a_failure(tmp_path: Path) -> None:
    server = RT.begun()
    async with serving(server) as port:
        desk = RT.desk(port, tmp_path, statuses={"taken": "in-progress"})
        first, second, *_ = letters(12)
        reference = await desk.deliver(first)
        with pytest.raises(Never, match="isn't a valid status"):
            await desk.deliver(replace(second, reference=reference))


async def test_a_change_that_the_workflow_passes_over_is_noticed(tmp_path: Path) -> None:
    server = REDMINE.begun()
    async with serving(server) as port:
        settings = REDMINE.configured(port, tmp_path, statuses={"taken": "Closed"})
        reference = await settings.desk("desk").deliver(next(letters(12)))
        with pytest.raises(Never, match="the workflow leaves 1 at 'New'"):
            await settings.helpdesk().change(reference, Change(status="taken"))


async def test_a_field_for_all_projects_is_found_though_no_project_lists_it(
    tmp_path: Path,
) -> None:
    server, fields = REDMINE.begun(), {"Service": "{site}", "Region": "{site}"}
    async with serving(server) as port:
        await REDMINE.desk(port, tmp_path).deliver(next(letters(11)))
        settings = REDMINE.configured(port, tmp_path, fields=fields)
        assert "are there" in await settings.try_out()
        reference = await settings.desk("desk").deliver(next(letters(12)))
        wrong = REDMINE.configured(port, tmp_path, fields={"Regoin": "{site}"})
        with pytest.raises(TryLater, match="no custom field 'Regoin'"):
            await wrong.try_out()
    assert {*server.ticket(reference)["fields"]} == {7, 8}


async def test_a_search_that_finds_nothing_opens_no_second_ticket(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A field that is misnamed in a query finds nothing, with a success."""

    class Blind(RequestTrackerServer):
        def search(self, asked: Any) -> object:
            return {"count": 0, "total": 0, "items": []}

    server = Blind()
    async with serving(server) as port:
        desk = RT.desk(port, tmp_path)
        first, second, *_ = letters(12)
        reference = await desk.deliver(first)
        assert "action=desk_search_blind" in caplog.text
        await desk.deliver(replace(second, reference=reference))
        with pytest.raises(TryLater, match="may be there already"):
            await desk.deliver(replace(next(letters(13)), since_last_try_seconds=60.0))
    assert len(server.tickets) == 1


async def test_a_search_that_finds_everything_takes_no_strangers_ticket(tmp_path: Path) -> None:
    """ServiceNow answers a query over a field that there is not with every record."""

    class Wide(ServicenowServer):
        def query(self, asked: Any) -> object:
            return {"result": list(self.tickets.values())}

    server = Wide()
    server.tickets[1] = {"sys_id": "a" * 32, "state": "1", "impact": "1", "urgency": "1"}
    async with serving(server) as port:
        reference = await SERVICENOW.desk(port, tmp_path).deliver(next(letters(12)))
    assert reference != "a" * 32 and server.tickets[1]["state"] == "1"


@pytest.mark.parametrize("kind", VENDORS)
async def test_a_remark_under_what_is_over_leaves_it_over(kind: str, tmp_path: Path) -> None:
    """Also where remarks are public: a public reply reopens it at half the desks."""
    vendor = VENDORS[kind]
    server = vendor.begun()
    async with serving(server) as port:
        desk = vendor.desk(port, tmp_path, public=True)
        first, *_ = letters(12)
        reference = await desk.deliver(first)
        (number,) = server.alive(first.thread)
        server.operator(number, status=vendor.words.resolved)
        *_, note = letters(12, ("opened", "note"))
        await desk.deliver(replace(note, reference=reference))
        assert server.stands(number)[0] == vendor.words.resolved
        assert note.key in server.stands(number)[2][-1]


async def test_a_merge_that_failed_with_a_success_is_said(tmp_path: Path) -> None:
    server = ZammadServer()
    async with serving(server) as port:
        settings = VENDORS["zammad"].configured(port, tmp_path)
        one = await settings.desk("desk").deliver(next(letters(12)))
        with pytest.raises(Never, match="is not merged into"):
            await settings.helpdesk().merge(one, one)


async def test_a_ticket_after_the_window_is_a_new_one(tmp_path: Path) -> None:
    server = VENDORS["zammad"].begun()
    async with serving(server) as port:
        desk = VENDORS["zammad"].desk(port, tmp_path, reopen_within=30.0)
        reference = None
        for letter in letters(12, ("opened", "closed", "reopened", "closed")):
            reference = await desk.deliver(replace(letter, reference=reference))
    assert [one["state"] for one in server.tickets.values()] == ["closed", "closed"]


@pytest.mark.parametrize(
    "status, body",
    [
        (200, b"<html>the portal's login page</html>"),
        (200, b"[" * 100_000),
        (200, b"null"),
        (200, json.dumps({"surprise": []}).encode()),
        (200, b"x" * 3_000_000),
        (302, b"elsewhere"),
    ],
    ids=["a page", "depth", "null", "other keys", "megabytes", "a redirect"],
)
@pytest.mark.parametrize("kind", QUICK)
async def test_an_answer_of_no_helpdesk_is_later(
    kind: str, status: int, body: bytes, tmp_path: Path
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(written(status, body))
        await writer.drain()

    async with listening(answer) as port:
        desk = VENDORS[kind].desk(port, tmp_path)
        with pytest.raises(TryLater):
            await desk.deliver(next(letters(12)))


async def test_what_a_far_end_said_is_put_into_a_field_as_it_is(tmp_path: Path) -> None:
    server = RT.begun()
    async with serving(server) as port:
        desk = RT.desk(port, tmp_path, fields={"Service": "{title}"})
        first = next(letters(12))
        told = {**first.body["ticket"], "title": "{number} {0.__class__} ${x} {{ 7*7 }}"}
        await desk.deliver(replace(first, body={**first.body, "ticket": told}))
    (one,) = server.tickets.values()
    assert one["CustomFields"]["Service"] == "{number} {0.__class__} ${x} {{ 7*7 }}"
