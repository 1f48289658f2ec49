"""The story against helpdesks as their makers ship them: Request Tracker 5, Redmine 5, Roundup.
Minutes long, by `./reveille test --desks`; REVEILLE_DESK_LIVES=500 lives as many."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from monitor.desks.desk import Desk, Never, TryLater, Unowned
from monitor.desks.helpdesk import Change, Draft, Helpdesk, Vocabulary
from monitor.desks.list import desk_kinds
from monitor.desks.ticket_desk import TicketDesk, marked, marks_in
from tests.desks.lanes import LANES, Lane, answer_seconds, lived_at_once
from tests.desks.proxy import Proxy, between
from tests.desks.real_peers import redmine, request_tracker, roundup
from tests.desks.story import letters, settled
from tests.desks.test_files import PICTURE, seen

pytestmark = pytest.mark.slow
# An answer takes half a second there: three lives, where nobody asks for more.
LIVES = int(os.environ.get("REVEILLE_DESK_LIVES", "3"))
# So long an answer may take where nothing is known yet, and so long where it takes no time.
_PATIENT_SECONDS, _LEAST_SECONDS = 60.0, 1.0


SERVICE = {"fields": {"Service": "{site}"}}
WORDS: dict[str, dict[str, Any]] = {
    "request-tracker": {"queue": "NOC", "severities": {"P0": "90", "P2": "40"}, **SERVICE},
    "redmine": {"project": "noc", "severities": {"P0": "Urgent", "P2": "Low"}, **SERVICE},
    "roundup": {"user": "reveille", "severities": {"P0": "critical", "P2": "wish"}},
}
KEYS = {"request-tracker": "token", "redmine": "api_key", "roundup": "password"}
# One who may own tickets, another, and one who may not or is not there.
OWNERS = {
    "request-tracker": ("asha", "reveille", "guest"),
    "redmine": ("asha NOC", "reveille NOC", "Redmine Admin"),
    "roundup": ("asha", "reveille", "nobody-there"),
}
THEIRS = {"roundup": {"user": "asha"}}


@dataclass
class Real:
    """One of them, through a proxy."""

    kind: str
    settings: Any
    operators: Helpdesk
    """the adapter in an operator's hands"""
    proxy: Proxy
    port: int
    """of the helpdesk itself"""

    @property
    def helpdesk(self) -> Helpdesk:
        found: Helpdesk = self.settings.helpdesk()
        return found

    @property
    def desk(self) -> TicketDesk:
        found: Desk = self.settings.desk("desk")
        assert isinstance(found, TicketDesk)
        return found

    async def lanes(self, opened: AsyncExitStack, seconds: float) -> list[Lane]:
        """Ways to it, each of its own for one life at a time; an answer may take so long."""
        return [await self._lane(opened, seconds) for _ in range(LANES)]

    async def _lane(self, opened: AsyncExitStack, seconds: float) -> Lane:
        proxy, way = await opened.enter_async_context(between(self.port))
        url = self.settings.url.replace(f":{self.proxy.own_port}", f":{way}")
        over = self.settings.model_copy(update={"url": url, "timeout": seconds})
        helpdesk = over.helpdesk()
        desk = TicketDesk("desk", over, helpdesk)
        return Lane(desk, proxy, lambda _: None, partial(self._judged, helpdesk))

    async def _judged(self, helpdesk: Helpdesk, number: int) -> str:
        """How one life ended: "well", "doubled", "lost" or "wrong"."""
        *_, last = letters(number)
        there = [await helpdesk.read(one) for one in await helpdesk.find(last.thread)]
        alive = [one for one in there if one is not None]
        if len(alive) != 1:
            return "doubled" if alive else "lost"
        p2 = self.settings.severities["P2"]
        if (alive[0].status, alive[0].severity) != ("resolved", p2):
            return "wrong"
        marks = {mark for one in alive[0].remarks for mark in marks_in(one.text)}
        return "well" if marks >= {letter.key for letter in letters(number)} else "lost"


@pytest.fixture(params=["request-tracker", "redmine", "roundup"])
async def real(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Real]:
    kind = request.param
    with _begun(kind) as (port, ours, theirs):
        (tmp_path / "ours").write_text(ours, encoding="utf-8")
        (tmp_path / "theirs").write_text(theirs, encoding="utf-8")
        key = KEYS[kind]
        given = {"timeout": _PATIENT_SECONDS, key: {"file": tmp_path / "ours"}, **WORDS[kind]}
        other = {key: {"file": tmp_path / "theirs"}, **THEIRS.get(kind, {})}
        async with between(port) as (proxy, way):
            url = f"http://127.0.0.1:{way}{'/noc' * (kind == 'roundup')}"
            made: Any = desk_kinds()[kind].model_validate({"url": url, **given})
            they: Any = desk_kinds()[kind].model_validate({"url": url, **given, **other})
            yield Real(kind, made, they.helpdesk(), proxy, port)


@contextmanager
def _begun(kind: str) -> Iterator[tuple[int, str, str]]:
    """Port, our secret, and that of an operator."""
    if kind == "roundup":
        with roundup() as port:
            yield port, "secret", "secret"
        return
    with redmine() if kind == "redmine" else request_tracker() as peer:
        yield peer


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
    # A desk says the first name, the account's, or both names.
    assert [(one.author.split()[0], one.text.strip()) for one in said] == [
        ("asha", "It was the fan.")
    ]


async def test_who_takes_it_here_owns_it_there(real: Real) -> None:
    asha, second, guest = OWNERS[real.kind]
    owners = {"asha": asha, "ravi": second, "gerd": guest}
    real.settings = real.settings.model_copy(update={"owners": owners})
    helpdesk, desk = real.helpdesk, real.desk
    hers, his = await helpdesk.user(asha), await helpdesk.user(second)
    opened, taken = letters(15, ("opened", "acknowledged"))
    reference = await desk.deliver(opened)
    before, seen = taken.before, []
    for n, who in enumerate(("asha", "ravi", "gerd", "a stranger")):
        *_, taken = letters(15, ("opened", "acknowledged"), who)
        taken = replace(taken, key=f"{taken.key}{n}", reference=reference, before=before)
        seen.append(isinstance(await desk.deliver(taken), Unowned))
        there = await helpdesk.read(reference)
        assert there and there.status == "taken"
        assert there.owners == (hers if who == "asha" else his,)
        assert [mark for one in there.remarks for mark in marks_in(one.text)][-1] == taken.key
        before = taken.body["ticket"]
    assert seen == [False, False, True, False]
    await real.operators.change(reference, Change(owner=hers))
    *_, taken = letters(15, ("opened", "acknowledged"), "ravi")
    await desk.deliver(replace(taken, reference=reference, before=before))
    there = await helpdesk.read(reference)
    assert there and there.owners == (hers,), "it was theirs to choose"


async def test_copies_are_merged_and_a_wrong_word_is_noticed(real: Real) -> None:
    first = next(letters(13))
    draft = Draft(
        first.thread, first.key, f"copy [{first.thread}]", marked("x", first.key),
        real.settings.severities["P0"], {},
    )  # fmt: skip
    older, newer = await real.helpdesk.open(draft), await real.helpdesk.open(draft)
    there = await real.desk.look(first.thread)
    assert there and there.reference == older
    # One that merges has the newer live on in the older; another takes the key from it.
    assert newer not in await alive(real, first.thread)
    wrong = real.settings.model_copy(update={"statuses": {"taken": "no-such-status"}})
    with pytest.raises(Never):
        await wrong.helpdesk().change(older, Change(status="taken"))
    with pytest.raises(TryLater, match="nonsense"):
        await real.settings.model_copy(update={"severities": {"P0": "nonsense"}}).try_out()


async def alive(real: Real, key: str) -> list[str]:
    """The tickets of a key that live on in no other."""
    found = await real.helpdesk.find(key)
    return [one for one in found if await real.helpdesk.read(one) is not None]


async def files_at(real: Real, reference: str) -> list[str]:
    """The names of the files that its makers' own API says are with a ticket."""
    ask: Any = getattr(real.helpdesk, "ask")  # noqa: B009 - of every adapter over REST
    if real.kind == "redmine":
        query = {"include": "attachments"}
        found = (await ask("GET", f"/issues/{reference}.json", query=query))["issue"]
        return [one["filename"] for one in found["attachments"]]
    if real.kind == "roundup":
        issue = (await ask("GET", f"/rest/data/issue/{reference}", query={"@verbose": "2"}))["data"]
        numbers = [one["id"] for one in issue["attributes"]["files"]]
        made = [(await ask("GET", f"/rest/data/file/{n}"))["data"] for n in numbers]
        return [one["attributes"]["name"] for one in made]
    path = f"/REST/2.0/ticket/{reference}/attachments"
    found = (await ask("GET", path, query={"fields": "Filename"}))["items"]
    return [one["Filename"] for one in found if one["Filename"]]


async def test_the_evidence_is_there_once(real: Real, tmp_path: Path) -> None:
    letter = next(seen(tmp_path, 14))
    reference = await settled(real.desk, letter)
    await settled(real.desk, replace(letter, since_last_try_seconds=60.0))
    assert sorted(await files_at(real, reference)) == ["RV-14-main.html", "RV-14-shot.png"]
    assert (tmp_path / "shot.png").read_bytes() == PICTURE + b"opened"


async def test_lives_through_a_way_that_fails(
    real: Real, capsys: pytest.CaptureFixture[str]
) -> None:
    async with AsyncExitStack() as opened:
        patient = await real.lanes(opened, _PATIENT_SECONDS)
        needed = max(await answer_seconds(patient, 100_000), _LEAST_SECONDS)
        lanes = await real.lanes(opened, needed)
        seen, began = Counter[str](), time.monotonic()
        try:
            await lived_at_once(lanes, range(20, 20 + LIVES), real.kind, seen)
        finally:
            with capsys.disabled():
                print(
                    f"\n{real.kind}: {seen['well']} of {LIVES} lives well, {LANES} at once,"
                    f" {needed:.1f} s for an answer, {time.monotonic() - began:.0f} s: {dict(seen)}"
                )
        assert seen["well"] == LIVES, seen
