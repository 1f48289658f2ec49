"""The evidence of a ticket goes to the helpdesk that keeps files: once, with a remark for those
inside, and within its size; what is refused costs no ticket.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from monitor.desks.desk import Letter
from monitor.desks.helpdesk import TakesFiles
from monitor.desks.ticket_desk import marks_in
from tests.desks.proxy import between
from tests.desks.server import serving
from tests.desks.story import letters, settled
from tests.desks.vendors import VENDORS, Vendor

KINDS = "request-tracker redmine roundup zammad zendesk freshdesk jira servicenow glpi"
KEEPERS = {kind: VENDORS[kind] for kind in KINDS.split()}
each = pytest.mark.parametrize("vendor", KEEPERS.values(), ids=KEEPERS)
# What a form's end or a text's line end could be taken for.
PICTURE = b"\x89PNG\r\n\x1a\n--reveille\r\n\x00\xff\n"


def seen(folder: Path, number: int = 12) -> Iterator[Letter]:
    """The letters of an incident whose look has left a page and a screenshot."""
    page, shot = folder / "call.html", folder / "shot.png"
    exhibits = [["page", str(page)], ["screenshot", str(shot)]]
    for letter in letters(number):
        # Of another look each time.
        page.write_text(f"<p>Grüße {letter.kind}</p>", encoding="utf-8")
        shot.write_bytes(PICTURE + letter.kind.encode())
        ticket = {**letter.body["ticket"], "exhibits": exhibits, "check": "main"}
        yield replace(letter, body={**letter.body, "ticket": ticket})


@each
async def test_the_evidence_is_there_once_with_each_beginning(
    vendor: Vendor, tmp_path: Path
) -> None:
    server, reference = vendor.begun(), None
    async with serving(server) as port:
        desk = vendor.desk(port, tmp_path)
        for letter in seen(tmp_path):
            reference = await desk.deliver(replace(letter, reference=reference))
            server.passed(60.0)
            await desk.deliver(replace(letter, reference=reference, since_last_try_seconds=60.0))
    assert reference is not None
    names = [name for name, _ in server.files[reference]]
    # When it was opened, and when it was reopened.
    assert names == ["RV-12-main.html", "RV-12-shot.png"] * 2
    assert server.files[reference][0][1] == "<p>Grüße opened</p>".encode()
    assert server.files[reference][1][1] == PICTURE + b"opened"
    assert [*server.files] == [reference]


@each
async def test_what_is_larger_than_agreed_stays_where_it_is(vendor: Vendor, tmp_path: Path) -> None:
    server = vendor.begun()
    async with serving(server) as port:
        for megabytes in (0.0, 0.000022):
            desk = vendor.desk(port, tmp_path, evidence_megabytes=megabytes)
            await desk.deliver(next(seen(tmp_path, 20 + round(megabytes * 1e6))))
    (names,) = server.files.values()
    assert [name for name, _ in names] == ["RV-42-main.html"]


@each
async def test_a_lost_answer_doubles_no_remark(vendor: Vendor, tmp_path: Path) -> None:
    server = vendor.begun()
    async with serving(server) as port, between(port) as (proxy, way):
        desk = vendor.desk(way, tmp_path, timeout=0.5)
        await desk.deliver(next(seen(tmp_path)))
        # The last request of a letter is the remark that has the files.
        last, proxy.requests = proxy.requests - 1, 0
        letter = next(seen(tmp_path, 13))
        proxy.plan = lambda n: "lose" if n == last else "pass"
        reference = await settled(desk, letter, server.passed)
    _, _, texts = server.stands(reference)
    marks = [mark for text in texts for mark in marks_in(text)]
    assert sorted(marks) == [letter.key, f"{letter.key}.files"]
    assert len(server.files[reference]) == 2


@each
async def test_an_answer_that_is_lost_anywhere_doubles_no_file(
    vendor: Vendor, tmp_path: Path
) -> None:
    server = vendor.begun()
    async with serving(server) as port, between(port) as (proxy, way):
        desk = vendor.desk(way, tmp_path, timeout=5.0)
        await desk.deliver(next(seen(tmp_path)))
        for at in range(requests := proxy.requests):
            proxy.requests, proxy.plan = 0, partial(lambda at, n: "lose" if n == at else "pass", at)
            reference = await settled(desk, next(seen(tmp_path, 13 + at)), server.passed)
            names = sorted(name.rpartition("-")[2] for name, _ in server.files[reference])
            assert names == ["main.html", "shot.png"], f"request {at} of {requests}"


def test_every_desk_that_keeps_files_is_in_these_tests(tmp_path: Path) -> None:
    keeping = {
        kind
        for kind, vendor in VENDORS.items()
        if isinstance(vendor.configured(1, tmp_path).helpdesk(), TakesFiles)
    }
    assert keeping == set(KEEPERS)
