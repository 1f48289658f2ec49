"""The story against helpdesks as their makers ship them: Request Tracker 5, Roundup. Minutes long,
by `./reveille test --desks`."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from monitor.desks.desk import Desk, Never, TryLater
from monitor.desks.helpdesk import Change, Draft, Helpdesk, Vocabulary
from monitor.desks.list import desk_kinds
from monitor.desks.ticket_desk import TicketDesk, marked, marks_in
from tests.desks.proxy import Proxy, between
from tests.desks.real_peers import request_tracker, roundup
from tests.desks.story import letters, lived, settled
from tests.ports import free_port

pytestmark = pytest.mark.slow


@dataclass
class Real:
    """One of them, through a proxy."""

    settings: Any
    operators: Helpdesk
    """the adapter in an operator's hands"""
    proxy: Proxy

    @property
    def helpdesk(self) -> Helpdesk:
        found: Helpdesk = self.settings.helpdesk()
        return found

    @property
    def desk(self) -> TicketDesk:
        found: Desk = self.settings.desk("desk")
        assert isinstance(found, TicketDesk)
        return found


@pytest.fixture(params=["request-tracker", "roundup"])
async def real(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Real]:
    kind, given = request.param, dict[str, Any]()
    if kind == "roundup":
        (tmp_path / "password").write_text("secret", encoding="utf-8")
        secret = {"password": {"file": tmp_path / "password"}}
        given = {"user": "reveille", "severities": {"P0": "critical", "P2": "wish"}, **secret}
        async with between(port := free_port()) as (proxy, way):
            with roundup(port, way):
                yield _real(kind, f"http://127.0.0.1:{way}/noc", given, {"user": "asha"}, proxy)
        return
    with request_tracker() as (port, ours, theirs):
        (tmp_path / "ours").write_text(ours, encoding="utf-8")
        (tmp_path / "theirs").write_text(theirs, encoding="utf-8")
        given = {
            "token": {"file": tmp_path / "ours"}, "queue": "NOC", "fields": {"Service": "{site}"},
            "severities": {"P0": "90", "P2": "40"},
        }  # fmt: skip
        async with between(port) as (proxy, way):
            other = {"token": {"file": tmp_path / "theirs"}}
            yield _real(kind, f"http://127.0.0.1:{way}", given, other, proxy)


def _real(kind: str, url: str, given: dict[str, Any], other: dict[str, Any], proxy: Proxy) -> Real:
    made = desk_kinds()[kind].model_validate({"url": url, **given})
    theirs: Any = desk_kinds()[kind].model_validate({"url": url, **given, **other})
    return Real(made, theirs.helpdesk(), proxy)


async def test_a_whole_life_with_people_in_it(real: Real) -> None:
    settings: Vocabulary = real.settings
    assert "are there" in await real.settings.try_out()
    reference: str | None = None
    seen = []
    for letter in letters(12):
        reference = await real.desk.deliver(replace(letter, reference=reference))
        there = await real.desk.look(letter.thread)
        assert there is not None
        seen.append((letter.kind, there.status, there.severity))
    p0, p2 = settings.severities["P0"], settings.severities["P2"]
    assert seen == [
        ("opened", "open", p0), ("acknowledged", "taken", p0), ("reclassified", "taken", p2),
        ("note", "taken", p2), ("closed", "resolved", p2), ("reopened", "open", p2),
        ("updated", "open", p2), ("closed", "resolved", p2),
    ]  # fmt: skip
    # A remark under what is over leaves it over; what somebody writes is theirs.
    assert reference
    await real.helpdesk.note(reference, marked("later", "rv-12.cafe0001.note.9.x"), False)
    await real.operators.note(reference, "It was the fan.", False)
    there = await real.helpdesk.read(reference)
    assert there and there.status == "resolved"
    said = [one for one in there.remarks if not marks_in(one.text)]
    assert [(one.author, one.text.strip()) for one in said] == [("asha", "It was the fan.")]


async def test_copies_are_merged_and_a_wrong_word_is_noticed(real: Real) -> None:
    first = next(letters(13))
    draft = Draft(
        first.thread, first.key, f"copy [{first.thread}]", marked("x", first.key),
        real.settings.severities["P0"], {},
    )  # fmt: skip
    older, newer = await real.helpdesk.open(draft), await real.helpdesk.open(draft)
    there = await real.desk.look(first.thread)
    assert there and there.reference == older
    assert await real.helpdesk.read(newer) is None
    wrong = real.settings.model_copy(update={"statuses": {"taken": "no-such-status"}})
    with pytest.raises(Never):
        await wrong.helpdesk().change(older, Change(status="taken"))
    with pytest.raises(TryLater, match="nonsense"):
        await real.settings.model_copy(update={"severities": {"P0": "nonsense"}}).try_out()


async def test_lives_through_a_way_that_fails(real: Real) -> None:
    """An answer takes half a second there, so that there are three lives and not five hundred."""
    dice = random.Random(15)
    for number in range(20, 23):
        real.proxy.plan = lambda _: dice.choice(
            ("drop", "lose", "twice", "overload", *["pass"] * 20)
        )
        await lived(real.desk, number)
        real.proxy.plan = lambda _: "pass"
        *_, last = letters(number)
        await settled(real.desk, last)
        there = [await real.helpdesk.read(one) for one in await real.helpdesk.find(last.thread)]
        alive = [one for one in there if one is not None]
        assert [one.status for one in alive] == ["resolved"]
        marks = {mark for one in alive[0].remarks for mark in marks_in(one.text)}
        assert marks >= {letter.key for letter in letters(number)}
