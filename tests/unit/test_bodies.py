"""What is kept as JSON, for each release: read exactly, migrated by numbers, never taken for empty.

A golden file holds what that release wrote; one that was released is never edited. A kind has a new
golden in a release only where its keys have changed. `REVEILLE_GOLDEN=write pytest
tests/unit/test_bodies.py` writes those of the coming release (the folder `next`, which is renamed
to its number when it is released).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.body import Body, Unreadable
from checks.contract import Observation
from checks.data.backup.store.manifest import MANIFEST, PROOF, Content, read_manifest, read_proof
from checks.data.hygiene.journal import CLEANUP
from monitor.ledger import bodies, encoding
from monitor.service.heartbeat import HEARTBEAT
from reports.usage import KEPT, condensed
from tests.unit import sample_bodies as sample
from tests.unit.sample_report import report

GOLDEN = Path(__file__).parent.parent / "golden" / "bodies"
RELEASED = ("0.1.0",)


@dataclass(frozen=True)
class Kept:
    """One kind: today's samples, how they are written, how a written one is read."""

    samples: Sequence[Any]
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    body: Body[Any]


def _encoded(of: Callable[[bytes], Any]) -> Callable[[Any], Any]:
    return lambda told: of(json.dumps(told).encode())


def _verdict(told: dict[str, Any]) -> Any:
    return bodies.VERDICT.read(told)


KINDS = {
    "incident": Kept(sample.incidents(), bodies.incident_body, bodies.INCIDENT.read, bodies.INCIDENT),
    "condition": Kept(sample.conditions(), bodies.condition_body, bodies.CONDITION.read, bodies.CONDITION),
    "observation": Kept(sample.observations(), encoding.observation_body, bodies.OBSERVATION.read, bodies.OBSERVATION),
    "verdict": Kept(
        sample.verdicts(), lambda v: {"state": str(v.state), **encoding.verdict_body(v)}, _verdict, bodies.VERDICT
    ),
    "ticket": Kept(sample.tickets(), bodies.ticket_body, bodies.TICKET.read, bodies.TICKET),
    "report": Kept(sample.reports(), bodies.report_body, bodies.REPORT.read, bodies.REPORT),
    "manifest": Kept(
        sample.manifests(), lambda one: json.loads(one.encoded()), _encoded(read_manifest), MANIFEST
    ),
    "proof": Kept(sample.proofs(), lambda one: json.loads(one.encoded()), _encoded(read_proof), PROOF),
    "cleanup": Kept(sample.entries(), lambda one: CLEANUP.numbered(asdict(one)), CLEANUP.read, CLEANUP),
    "heartbeat": Kept(sample.beats(), HEARTBEAT.numbered, HEARTBEAT.read, HEARTBEAT),
}  # fmt: skip
# What a release of before did not know yet, as it is read now: (release, kind) -> what differs from
# today's samples.
AS_READ: dict[tuple[str, str], Callable[[Any], Any]] = {}


def goldens() -> list[tuple[str, str]]:
    """Every release that has a golden of a kind."""
    found = [(path.parent.name, path.stem) for path in GOLDEN.glob("*/*.json")]
    return sorted(found, key=lambda one: (one[1], _place(one[0])))


def golden(release: str, kind: str) -> list[Any]:
    told: list[Any] = json.loads((GOLDEN / release / f"{kind}.json").read_text(encoding="utf-8"))
    return told


def _place(release: str) -> tuple[int, ...]:
    return (10**9,) if release == "next" else tuple(map(int, release.split(".")))


def newest(kind: str) -> str:
    return max((release for release, other in goldens() if other == kind), key=_place, default="")


def written(kind: str) -> list[Any]:
    kept = KINDS[kind]
    told: list[Any] = sample.plain([kept.write(one) for one in kept.samples])
    return told


@pytest.mark.skipif(
    os.environ.get("REVEILLE_GOLDEN") != "write", reason="writes the goldens of the coming release"
)
@pytest.mark.parametrize("kind", KINDS)
def test_write_the_golden(kind: str) -> None:
    if newest(kind) in RELEASED and golden(newest(kind), kind) == written(kind):
        return
    folder = GOLDEN / "next"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{kind}.json").write_text(
        json.dumps(written(kind), indent=1) + "\n", encoding="utf-8"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_today_writes_what_the_newest_golden_holds(kind: str) -> None:
    assert written(kind) == golden(newest(kind), kind), (
        f"what is kept of a kind {kind} has changed: append a migration to its Body (checks/body.py"
        " says how), and write the golden of the coming release with REVEILLE_GOLDEN=write"
    )
    assert (
        len({release for release, other in goldens() if other == kind}) == KINDS[kind].body.version
    ), f"each change of a kind {kind} has one migration and one golden"


@pytest.mark.parametrize(("release", "kind"), [one for one in goldens() if one[1] in KINDS])
def test_what_a_release_wrote_is_read_whole(release: str, kind: str) -> None:
    kept = KINDS[kind]
    as_read = AS_READ.get((release, kind), lambda one: one)
    told = golden(release, kind)
    assert [kept.read(one) for one in told] == [as_read(one) for one in kept.samples]


def keys(told: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every key that is part of the form."""
    if isinstance(told, dict):
        for name, inner in told.items():
            yield (*at, name)
            if name not in FREE:
                yield from keys(inner, (*at, name))
    if isinstance(told, list) and told:
        yield from keys(told[0], (*at, 0))


FREE = ("memory", "measures", "facts", "usage", "tables")
"""whose keys are data"""


def renamed(told: Any, path: tuple[Any, ...], name: str) -> Any:
    changed = sample.plain(told)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[name] = inner.pop(path[-1])
    return changed


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
        with pytest.raises(Unreadable, match=f"kept {kind}.* cannot be read: it lacks"):
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
_MOMENT = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as it asks
_DATA = st.dictionaries(
    _TEXT, st.none() | st.booleans() | st.integers() | _TEXT | st.lists(_TEXT), max_size=3
)
st.register_type_strategy(str, _TEXT)
st.register_type_strategy(datetime, _MOMENT)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


FREE_FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "condition": {"memory": _DATA},
    "manifest": {"facts": _DATA, "tables": st.dictionaries(_TEXT, st.builds(Content), max_size=3)},
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


@pytest.mark.parametrize("number", [0, 2, -1, "1", None, True, 1.5, 10**30])
def test_a_number_that_nobody_knows_is_an_error(number: Any) -> None:
    with pytest.raises(Unreadable, match="and this program knows 1 to 1"):
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


def test_letters_carry_what_they_tell_in_its_own_form() -> None:
    told = golden("0.1.0", "letter")
    assert [bodies.letter_of(one, "1") for one in told] == list(sample.letters())
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


def test_what_happened_is_kept_and_read_as_ever() -> None:
    told = golden("0.1.0", "happening")
    kept = [(one.kind, bodies.happening_body(one.kind, one.facts)) for one in sample.happenings()]
    assert sample.plain(kept) == told
    assert {kind for kind, _ in told} | {"undeliverable"} == set(bodies.HAPPENINGS)
    for kind, facts in told:
        assert bodies.facts_of(kind, facts, "") == facts
        for name in facts:
            with pytest.raises(
                Unreadable, match=f"kept line '{kind}' of now cannot be read: it lacks {name}"
            ):
                bodies.facts_of(kind, renamed(facts, (name,), "other"), "now")


def test_every_kind_has_its_golden_of_the_first_release() -> None:
    first = {kind for release, kind in goldens() if release == "0.1.0"}
    assert first == {*KINDS, "letter", "happening", "names"}


def test_a_field_more_is_one_line() -> None:
    """What docs/kept-bodies.md shows: the class has the field, the list its migration."""
    from checks.body import added

    body = Body("proof", PROOF.shape, PROOF.made, migrations=(added("fault", ""),))
    old = {name: value for name, value in written("proof")[0].items() if name != "fault"}
    assert body.read(old) == replace(sample.proofs()[0], fault="")
    new = body.numbered(asdict(sample.proofs()[1]))
    assert new["v"] == 2
    assert body.read(new) == sample.proofs()[1]
    with pytest.raises(Unreadable, match="of version 2, and this program knows 1 to 1"):
        PROOF.read(new)
