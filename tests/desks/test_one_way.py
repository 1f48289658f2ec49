"""Desks that only tell: a signed webhook, PagerDuty's events, osTicket's mails. Each event once,
whatever lies in between does."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.desks.desk import Never, TryLater
from monitor.desks.list import desk_kinds
from tests.desks.one_way_servers import (
    API_KEY,
    HOOK_SECRET,
    ROUTING_KEY,
    HookServer,
    OsticketServer,
    PagerServer,
)
from tests.desks.proxy import between
from tests.desks.server import VendorServer, serving
from tests.desks.story import letters, settled
from tests.desks.test_files import PICTURE, seen

KINDS: dict[str, tuple[type[Any], str, dict[str, Any], str, str]] = {
    "webhook": (HookServer, "/hook", {}, "secret", HOOK_SECRET),
    "pagerduty": (PagerServer, "/v2/enqueue", {}, "routing_key", ROUTING_KEY),
    "osticket": (
        OsticketServer, "", {"to": "noc@example.net", "sender": "reveille@example.net"},
        "api_key", API_KEY,
    ),
}  # fmt: skip


def settings(kind: str, port: int, folder: Path, **changes: Any) -> Any:
    _, path, given, name, secret = KINDS[kind]
    (folder / "secret").write_text(secret, encoding="utf-8")
    given = {"url": f"http://127.0.0.1:{port}{path}", name: {"file": folder / "secret"}, **given}
    return desk_kinds()[kind].model_validate({**given, **changes})


async def through_trouble(
    kind: str, server: VendorServer, folder: Path, numbers: Iterable[int] = (12,)
) -> None:
    """The letters of each of these incidents, over a way on which every third request is dropped,
    lost or doubled.
    """
    dice = random.Random(kind)
    async with serving(server) as port, between(port) as (proxy, way):
        proxy.plan = lambda _: dice.choice(("drop", "lose", "twice", "overload", *["pass"] * 6))
        desk = settings(kind, way, folder, timeout=2.0).desk("desk")
        for number in numbers:
            reference, previous = None, None
            for letter in letters(number):
                made = replace(letter, reference=reference, previous=previous)
                reference, previous = await settled(desk, made), letter.key


async def test_each_event_is_posted_once_signed_and_in_the_form_that_was_chosen(
    tmp_path: Path,
) -> None:
    server = HookServer()
    await through_trouble("webhook", server, tmp_path)
    assert list(server.events) == [letter.key for letter in letters(12)]
    first = next(iter(server.events.values()))
    assert (first["type"], first["data"]["ticket"]) == ("ticket.opened", "RV-12")
    async with serving(server) as port:
        form = {"text": "{severity} at {site}", "kept": [1, True, "{number}"]}
        desk = settings("webhook", port, tmp_path, body=form).desk("desk")
        await desk.deliver(replace(next(letters(13)), key="other"))
        assert server.events["other"] == {"text": "P0 at Pune", "kept": [1, True, "RV-13"]}
        *_, taken = letters(15, ("opened", "acknowledged"))
        form = {"by": "{taken_by}", "assignee": "{taken_as}"}
        desk = settings("webhook", port, tmp_path, body=form, owners={"Asha": "asha.k"}).desk("d")
        await desk.deliver(replace(taken, key="taken"))
        assert server.events["taken"] == {"by": "asha", "assignee": "asha.k"}
        (tmp_path / "secret").write_text("whsec_d3Jvbmc=", encoding="utf-8")
        with pytest.raises(TryLater, match="401"):
            await desk.deliver(next(letters(14)))


async def test_an_alert_is_raised_taken_and_ended_once(tmp_path: Path) -> None:
    server = PagerServer()
    await through_trouble("pagerduty", server, tmp_path)
    (alert,) = server.alerts.values()
    assert (alert["status"], alert["severity"], alert["source"]) == ("resolved", "critical", "Pune")


async def test_a_mail_by_the_api_makes_one_ticket_and_reopens_none(tmp_path: Path) -> None:
    server = OsticketServer()
    await through_trouble("osticket", server, tmp_path)
    (ticket,) = server.tickets.values()
    events = [str(mail["X-Reveille-Event"]) for mail in ticket["mails"]]
    assert events == [letter.kind for letter in letters(12)]
    async with serving(server) as port:
        desk = settings("osticket", port, tmp_path).desk("desk")
        ticket["status"] = "closed"
        *_, last = letters(12)
        after = replace(last, kind="note", key="after", before=last.body["ticket"])
        after = replace(after, body={**after.body, "extra": {"by": "asha", "text": "the cause"}})
        await desk.deliver(after)
    assert ticket["status"] == "closed"


async def test_the_evidence_is_with_the_mail_that_begins(tmp_path: Path) -> None:
    server = OsticketServer()
    async with serving(server) as port:
        desk = settings("osticket", port, tmp_path).desk("desk")
        previous = None
        for letter in seen(tmp_path):
            for _ in range(2):
                await desk.deliver(replace(letter, previous=previous))
            previous = letter.key
        small = settings("osticket", port, tmp_path, evidence_megabytes=0.0).desk("desk")
        await small.deliver(next(seen(tmp_path, 13)))
    files = server.files["1"]
    # When it was opened, and when it was reopened.
    assert [name for name, _ in files] == ["RV-12-main.html", "RV-12-shot.png"] * 2
    assert files[1][1] == PICTURE + b"opened"
    assert server.files["2"] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_five_hundred_lives_of_what_is_only_told(kind: str, tmp_path: Path) -> None:
    server, numbers = KINDS[kind][0](), range(1, 501)
    await through_trouble(kind, server, tmp_path, numbers)
    if kind == "webhook":
        told = [letter.key for number in numbers for letter in letters(number)]
        assert list(server.events) == told, "each once, in order"
    elif kind == "pagerduty":
        assert [one["status"] for one in server.alerts.values()] == ["resolved"] * 500
    else:
        kinds = [letter.kind for letter in letters(1)]
        mails = [
            [str(mail["X-Reveille-Event"]) for mail in one["mails"]]
            for one in server.tickets.values()
        ]
        assert mails == [kinds] * 500


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_is_proven_and_nothing_is_left_behind(kind: str, tmp_path: Path) -> None:
    server = KINDS[kind][0]()
    async with serving(server) as port:
        good = settings(kind, port, tmp_path)
        assert "127.0.0.1" in await good.try_out()
        (tmp_path / "secret").write_text("wrong!", encoding="utf-8")
        with pytest.raises((TryLater, Never)):
            await good.try_out()
    assert (server.tickets, getattr(server, "events", {}), getattr(server, "alerts", {})) == (
        {}, {}, {},
    )  # fmt: skip
