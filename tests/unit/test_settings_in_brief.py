"""What is kept in brief of checks and desks says what they say themselves; of any other tables than
those that the daemon found good, nothing is known.
"""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.config import (
    CheckEntry,
    Configuration,
    ConfigurationFaults,
    in_brief,
    load,
    load_sound_part,
    write_sample,
)
from monitor.ledger import Ledger
from monitor.service.standing import standing
from monitor.verbs.opening import sound_part
from tests.unit.test_sound_part import WHOLE, written

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
PLAYED = """[lines.trunk-a]
registrar = "sip.example.net"
user = "monitor"
[checks.main]
kind = "sip-call"
line = "trunk-a"
to = "8000"
at = ["08:30"]
script = [{{ hear = "welcome.wav", within = "6s" }}]
"""


def in_brief_of(file: Path) -> Configuration:
    with in_brief.enough():
        found, broken = load_sound_part(file)
    assert broken is None
    return found


def unread(found: Configuration) -> set[str]:
    """The checks and desks that nobody has read yet."""
    stand_ins = {name: entry.probe for name, entry in found.checks.items()} | dict(found.desks)
    return {
        name
        for name, one in stand_ins.items()
        if "_read" in vars(one) and not vars(one)["_read"].cache_info().currsize
    }


def kept(file: Path) -> Configuration:
    found = load(file)
    found.state.mkdir(mode=0o700, exist_ok=True)
    in_brief.keep(found)
    return found


def test_whatever_is_configured_says_the_same_in_brief(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    write_sample(tmp_path / "reveille.toml")
    whole = kept(tmp_path / "reveille.toml")
    brief = in_brief_of(tmp_path / "reveille.toml")
    assert [*brief.checks] == [*whole.checks]
    for name, entry in whole.checks.items():
        known, probe = brief.checks[name], brief.checks[name].probe
        for one in fields(CheckEntry):
            assert one.name == "probe" or getattr(known, one.name) == getattr(entry, one.name)
        for word in ("KIND", "COMPONENT", "COSTS", "PLACES_CALLS"):
            assert getattr(probe, word) == getattr(entry.probe, word)
        for word in ("target", "longest_seconds", "highest_layer", "tolls", "writes"):
            assert getattr(probe, word)() == getattr(entry.probe, word)()
    for what in ("tickets", "pages", "copies"):
        assert brief.desks_taking(what) == whole.desks_taking(what)  # type: ignore[arg-type]
    with Ledger(":memory:") as ledger:
        assert standing(ledger, brief, NOW) == standing(ledger, whole, NOW)
    # What `status` asks is known: no kind was imported for it.
    assert unread(brief) == {*whole.checks, *whole.desks}


def test_what_is_not_kept_is_asked_of_the_check_itself(tmp_path: Path) -> None:
    whole = kept(written(tmp_path, WHOLE))
    brief = in_brief_of(tmp_path / "reveille.toml")
    portal, real = brief.checks["portal"].probe, whole.checks["portal"].probe
    assert portal.measures() == real.measures()
    assert isinstance(portal, type(real))
    assert unread(brief) == {"clock", "tickets"}


@pytest.mark.parametrize(
    ("good", "other"),
    [
        ('every = "1m"', 'every = "2m"'),
        ("127.0.0.1:9", "127.0.0.1:10"),
        ("keep_evidence", "most_evidence_megabytes = 9\nkeep_evidence"),
        ("[checks.clock]", "[checks.time]"),
    ],
)
def test_of_tables_that_were_changed_since_nothing_is_known(
    tmp_path: Path, good: str, other: str
) -> None:
    kept(written(tmp_path, WHOLE))
    text = WHOLE.replace('diagnose = ["clock"]\n', "").replace('"clock", ', "")
    assert not unread(in_brief_of(written(tmp_path, text.replace(good, other, 1))))


@pytest.mark.parametrize(
    "body", ["", "[]", "{", "[" * 100_000, '{"Testville": 7}', '{"Testville": {}}']
)
def test_what_is_no_brief_is_none(tmp_path: Path, body: str) -> None:
    found = kept(written(tmp_path, WHOLE))
    (found.state / in_brief.FILE).write_text(body)
    assert not unread(in_brief_of(tmp_path / "reveille.toml"))
    kept(tmp_path / "reveille.toml")
    assert unread(in_brief_of(tmp_path / "reveille.toml"))


@pytest.mark.parametrize(
    ("fact", "wrong"),
    [
        ("KIND", 3), ("KIND", "\ud800"), ("may_take", "x"), ("may_take", float("nan")),
        ("may_take", -1), ("layer", 11), ("layer", True), ("COSTS", 1), ("dials", {}),
        ("dials", [{}]), ("dials", [{"line": 1}]), ("folders", "/"), ("folders", [None]),
        ("looks_at", None), ("looks_at", ["a"]), ("COMPONENT", {}), ("more", 1),
    ],
)  # fmt: skip
def test_of_facts_of_another_form_nothing_is_known(
    tmp_path: Path, fact: str, wrong: object
) -> None:
    """Under the right digest: a file that was changed by hand, or by a disk."""
    found = kept(written(tmp_path, WHOLE))
    sites = json.loads((found.state / in_brief.FILE).read_text())
    facts = sites[found.site.name]
    facts["checks"]["portal"][fact] = wrong
    (found.state / in_brief.FILE).write_text(json.dumps(sites))
    assert not unread(in_brief_of(tmp_path / "reveille.toml"))


@pytest.mark.parametrize(
    "part", [{"checks": []}, {"checks": {"portal": None}}, {"desks": {"tickets": {"KIND": "mail"}}},
             {"desks": None}, {"desks": {"tickets": {"KIND": "mail", "TAKES": [1]}}}]
)  # fmt: skip
def test_nor_of_parts_of_another_form(tmp_path: Path, part: dict[str, object]) -> None:
    found = kept(written(tmp_path, WHOLE))
    sites = json.loads((found.state / in_brief.FILE).read_text())
    sites[found.site.name] |= part
    (found.state / in_brief.FILE).write_text(json.dumps(sites))
    assert not unread(in_brief_of(tmp_path / "reveille.toml"))


def test_only_a_verb_that_shows_how_things_stand_takes_the_brief(tmp_path: Path) -> None:
    file = written(tmp_path, WHOLE)
    kept(file)
    assert not unread(load(file))
    for verb, takes in (("looking.status", True), ("ticketing.change_ticket", False)):
        (found,), _ = sound_part(Namespace(verb=verb, config=str(file)))
        assert bool(unread(found)) is takes


def test_a_file_that_was_taken_away_since_is_told_when_the_check_is_asked(tmp_path: Path) -> None:
    prompt = tmp_path / "welcome.wav"
    prompt.write_bytes(Path("lab/prompts/menu.wav").read_bytes())
    kept(written(tmp_path, WHOLE + PLAYED))
    prompt.unlink()
    brief = in_brief_of(tmp_path / "reveille.toml")
    assert brief.checks["main"].probe.target() == "8000 at sip.example.net"
    with pytest.raises(ConfigurationFaults, match=r"welcome\.wav"):
        brief.checks["main"].probe.measures()
