"""What is kept as JSON, for each release: read exactly, migrated by numbers, never taken for empty.

A golden file holds what that release wrote; one that was released is never edited. A kind has a new
golden in a release only where its keys have changed. `REVEILLE_GOLDEN=write pytest
tests/unit/test_bodies.py` writes those of the coming release (the folder `next`, which is renamed
to its number when it is released).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.body import Body, Unreadable
from checks.contract import Observation
from checks.data.backup.store.archive_file import Artefact
from checks.data.backup.store.manifest import PROOF, Content
from monitor.core.incident import Closing
from monitor.ledger import bodies, encoding, happening_bodies
from reports.usage import KEPT, condensed
from tests.unit import sample_bodies as sample
from tests.unit.body_goldens import (
    GOLDEN,
    KINDS,
    LATER,
    OF_SEVERAL_FORMS,
    RELEASED,
    as_read,
    golden,
    goldens,
    newest,
    releases,
    renamed,
    written,
)
from tests.unit.sample_report import report


@pytest.mark.skipif(
    os.environ.get("REVEILLE_GOLDEN") != "write", reason="writes the goldens of the coming release"
)
@pytest.mark.parametrize("kind", [*KINDS, *OF_SEVERAL_FORMS])
def test_write_the_golden(kind: str) -> None:
    if newest(kind) in RELEASED and golden(newest(kind), kind) == written(kind):
        return
    folder = GOLDEN / "next"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{kind}.json").write_text(
        json.dumps(written(kind), indent=1) + "\n", encoding="utf-8"
    )


@pytest.mark.parametrize("kind", [*KINDS, *OF_SEVERAL_FORMS])
def test_today_writes_what_the_newest_golden_holds(kind: str) -> None:
    assert written(kind) == golden(newest(kind), kind), (
        f"what is kept of a kind {kind} has changed: append a migration to its Body (checks/body.py"
        " says how), and write the golden of the coming release with REVEILLE_GOLDEN=write"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_change_has_one_migration_and_one_golden(kind: str) -> None:
    assert len(releases(kind)) == KINDS[kind].body.version


@pytest.mark.parametrize(("release", "kind"), [one for one in goldens() if one[1] in KINDS])
def test_what_a_release_wrote_is_read_whole(release: str, kind: str) -> None:
    kept, wanted = KINDS[kind], as_read(release, kind)
    told = golden(release, kind)
    assert [kept.read(one) for one in told] == [wanted(one) for one in kept.samples]


def test_an_end_of_0_1_0_reads_as_what_it_was() -> None:
    """A human's end never had a recovery; an open ticket has no end."""
    full, small = golden("0.1.0", "incident")
    assert bodies.INCIDENT.read(full).closing is Closing.RECOVERED
    assert bodies.INCIDENT.read({**full, "recovered_at": None}).closing is Closing.RESOLVED
    assert bodies.INCIDENT.read(small).closing is None
    ticket, _ = golden("0.1.0", "ticket")
    assert bodies.TICKET.read({**ticket, "recovered_at": None}).closing == "resolved"
    by_itself = happening_bodies.facts_of("closed", {"resolution": "it works", "by": ""}, "")
    assert by_itself["closing"] == "recovered"


def keys(told: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every key that is part of the form."""
    if isinstance(told, dict):
        for name, inner in told.items():
            yield (*at, name)
            if name not in FREE:
                yield from keys(inner, (*at, name))
    if isinstance(told, list) and told:
        yield from keys(told[0], (*at, 0))


FREE = ("written", "memory", "measures", "states", "facts", "usage", "tables")
"""whose keys are data"""


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_of_any_body_can_be_renamed_unseen(kind: str) -> None:
    full = written(kind)[0]
    paths = list(keys(full))
    assert len(paths) >= 3
    for path in paths:
        with pytest.raises(Unreadable, match=f"kept {kind}"):
            KINDS[kind].read(renamed(full, path, "reasons_and_causes"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("observation", "verdict")])
def test_no_key_of_any_body_can_be_lost_unseen(kind: str) -> None:
    """But of an observation and a verdict, whose form leaves out what is empty."""
    for path in keys(full := written(kind)[0]):
        lost = renamed(full, path, "other")
        inner = lost
        for step in path[:-1]:
            inner = inner[step]
        del inner["other"]
        why = "it has .*, which its version had not" if path == ("v",) else "it lacks"
        with pytest.raises(Unreadable, match=f"kept {kind}.* cannot be read: {why}"):
            KINDS[kind].read(lost)


def test_causes_renamed_is_an_error_that_says_where() -> None:
    """The fault that this ends: no causes meant that all of them were muted."""
    told = renamed(written("incident")[0], ("causes",), "reasons")
    with pytest.raises(Unreadable) as error:
        bodies.INCIDENT.read(told, "RV-12")
    assert str(error.value) == "the kept incident of RV-12 cannot be read: it lacks causes"


def test_an_error_tells_no_value() -> None:
    told = {**written("incident")[0], "opened_at": "a customer's number"}
    with pytest.raises(Unreadable) as error:
        bodies.INCIDENT.read(told, "RV-12")
    assert (
        str(error.value)
        == "the kept incident of RV-12 cannot be read: opened_at is not what it should be"
    )


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_MOMENT = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 - as it asks
    datetime(2100, 1, 1),  # noqa: DTZ001 - as it asks
    timezones=st.just(UTC),
)
_DATA = st.dictionaries(
    _TEXT, st.none() | st.booleans() | st.integers() | _TEXT | st.lists(_TEXT), max_size=3
)
st.register_type_strategy(str, _TEXT)
st.register_type_strategy(datetime, _MOMENT)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


# A name is one within its folder, as read_manifest holds it to.
_ARTEFACTS = st.lists(
    st.builds(
        Artefact,
        name=st.from_regex(r"[a-z]{1,8}\.zst", fullmatch=True),
        bytes=st.integers(min_value=0),
        plain_bytes=st.integers(min_value=0),
    ),
    max_size=3,
    unique_by=lambda one: one.name,
).map(tuple)
FREE_FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "condition": {"memory": _DATA},
    "manifest": {
        "facts": _DATA,
        "tables": st.dictionaries(_TEXT, st.builds(Content), max_size=3),
        "artefacts": _ARTEFACTS,
    },
}


@given(st.data())
@pytest.mark.parametrize(
    "kind", ["incident", "condition", "ticket", "proof", "cleanup", "manifest"]
)
def test_what_is_written_is_read_again(kind: str, data: st.DataObject) -> None:
    kept = KINDS[kind]
    free = FREE_FIELDS.get(kind, {})
    one = data.draw(st.builds(kept.body.shape, **free))
    assert kept.read(sample.plain(kept.write(one))) == one


@given(
    st.builds(
        Observation, memory=st.just({}), proposals=st.just({}), blind=st.none() | st.just("why")
    )
)
def test_an_observation_is_read_again(one: Observation) -> None:
    one = replace(
        one,
        stages=tuple(
            replace(s, began=round(s.began, 6), seconds=round(s.seconds, 6)) for s in one.stages
        ),
    )
    assert bodies.OBSERVATION.read(sample.plain(encoding.observation_body(one))) == one


@pytest.mark.parametrize(
    "number", [0, bodies.INCIDENT.version + 1, -1, "1", None, True, 1.5, 10**30]
)
def test_a_number_that_nobody_knows_is_an_error(number: Any) -> None:
    with pytest.raises(Unreadable, match=f"this program knows 1 to {bodies.INCIDENT.version}"):
        bodies.INCIDENT.read({**written("incident")[0], "v": number})


@pytest.mark.parametrize("told", [None, [], "x", 7])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_object_is_an_error(kind: str, told: Any) -> None:
    with pytest.raises(Unreadable):
        KINDS[kind].read(told)


def test_a_day_of_calls_in_a_report_is_read_exactly() -> None:
    told = written("report")[0]
    for name in told["usage"][0]:
        with pytest.raises(Unreadable, match=f"the kept report cannot be read: it lacks {name}"):
            bodies.REPORT.read(renamed(told, ("usage", 0, name), "other"))


def test_a_day_of_calls_is_kept_whole() -> None:
    told = report().usage[0]
    read = {"schema": "reveille.usage", "version": 1, "source": {"records_read": told["records"]}}
    compared = {name: told[name] for name in ("usual", "weeks", "stands_out", "standouts")}
    assert (
        condensed("usage", {**told, **read, "comparison": compared}).keys() == KEPT == told.keys()
    )


def test_every_kind_has_its_golden_of_the_first_release() -> None:
    first = {kind for release, kind in goldens() if release == "0.1.0"}
    assert first == {*KINDS, *OF_SEVERAL_FORMS, "names"} - LATER


def test_a_field_more_is_one_line() -> None:
    """What docs/kept-bodies.md shows: the class has the field, the list its migration."""
    from checks.body import added

    body = Body("proof", PROOF.shape, PROOF.made, (*PROOF.migrations, added("fault", "")))
    old = {name: value for name, value in written("proof")[0].items() if name != "fault"}
    assert body.read(old) == replace(sample.proofs()[0], fault="")
    new = body.numbered(asdict(sample.proofs()[1]))
    assert new["v"] == 3
    assert body.read(new) == sample.proofs()[1]
    with pytest.raises(Unreadable, match="of version 3, and this program knows 1 to 2"):
        PROOF.read(new)
