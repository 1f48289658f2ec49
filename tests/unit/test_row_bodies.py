"""Letters and what happened to a ticket: rows of which each has a form of its own, as each release
kept them (tests/unit/test_bodies.py has the others).
"""

from __future__ import annotations

from typing import Any

import pytest

from checks.body import Unreadable
from monitor.ledger import bodies, happening_bodies
from reports.morning_report import Audit
from reports.render import render_text
from reports.ticket import Ticket
from tests.unit import sample_bodies as sample
from tests.unit.body_goldens import (
    HAPPENED_AS_READ,
    as_read,
    golden,
    releases,
    renamed,
    written,
)


@pytest.mark.parametrize("release", releases("letter"))
def test_letters_carry_what_they_tell_in_its_own_form(release: str) -> None:
    told = golden(release, "letter")
    read = [bodies.letter_of(one, "1") for one in told]
    tickets = [Ticket.from_dict(one.pop("ticket")) for one in read if "ticket" in one]
    reports = [Audit.from_dict(one.pop("report")) for one in read if "report" in one]
    of_old = [as_read(release, "ticket")(one) for one in sample.tickets()]
    # The letter of an analysis, which came later, is of the second of them.
    assert tickets == [*of_old, *([of_old[1]] if len(told) > 4 else [])]
    assert reports == [as_read(release, "report")(one) for one in sample.reports()]
    around = [
        {name: value for name, value in one.items() if name not in ("ticket", "report")}
        for one in sample.letters()[: len(told)]
    ]
    assert read == around
    for path in (
        ("ticket",),
        ("ticket", "reasons"),
        ("ticket", "ladder", 0, "who"),
        ("acknowledgement",),
    ):
        with pytest.raises(Unreadable, match="of letter 7 cannot be read"):
            bodies.letter_of(renamed(told[0], path, "other"), "letter 7")
    for path in (("pdf",), ("report", "parts", 0, "state")):
        with pytest.raises(Unreadable, match="of letter 7 cannot be read"):
            bodies.letter_of(renamed({**told[2], "pdf": True}, path, "other"), "letter 7")


@pytest.mark.parametrize("release", releases("happening"))
def test_what_happened_is_read_as_ever(release: str) -> None:
    for kind, kept in golden(release, "happening"):
        facts = {name: value for name, value in kept.items() if name != "v"}
        more = HAPPENED_AS_READ.get((release, kind), {})
        assert happening_bodies.facts_of(kind, kept, "") == facts | more
        for name in facts:
            with pytest.raises(
                Unreadable, match=f"kept line '{kind}' of now cannot be read: it lacks {name}"
            ):
                happening_bodies.facts_of(kind, renamed(kept, (name,), "other"), "now")


@pytest.mark.parametrize(("release", "kind", "kept"), [
    (release, kind, kept)
    for release in releases("happening")
    for kind, kept in golden(release, "happening")
])  # fmt: skip
def test_what_happened_is_said_in_words(release: str, kind: str, kept: dict[str, Any]) -> None:
    """A kind without words of its own would be said by its name alone."""
    said = render_text(
        "happening", kind=kind, facts=happening_bodies.facts_of(kind, kept, release)
    ).strip()
    assert said != kind
    assert len(said.split()) >= 3


def test_every_kind_of_happening_has_a_sample() -> None:
    """But of what the outbox writes by itself."""
    kinds = {kind for kind, _ in written("happening")}
    assert kinds | {"undeliverable", "unowned"} == set(happening_bodies.HAPPENINGS)
