"""What `simulate` says is what the daemon does: the levels of made-up incidents are told at the
instants at which a real run on a moved clock writes its letters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from checks.contract import Failed, Layer
from monitor import policies
from monitor.cli import main
from monitor.core.failure import Case
from monitor.core.incident import Incident
from monitor.core.simulation import MadeUp, cases_of, life
from monitor.incidents import store
from monitor.testing.scenario import Scene, ScriptedPortal
from monitor.verbs.made_up_incidents import made_up

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DOWN = Failed("refused", "connection refused")

Make = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Make]:
    made: list[Scene] = []

    def make(policy: str, without: tuple[str, ...] = ()) -> Scene:
        roles = [one for one in policies.load(policy).roles if one not in without]
        checks = {"agent": {"every": 300.0, "of": ScriptedPortal, "component": "agent-portal"}}
        site = Scene(START, checks, folder=tmp_path, people={one: one for one in roles})
        site.stop_daemon()
        site.configuration = replace(site.configuration, policy=policies.load(policy).at("UTC"))
        site.start_daemon()
        made.append(site)
        return site

    yield make
    for one in made:
        one.stop_daemon()


def incident(site: Scene) -> Incident:
    (row,) = site.ledger.incidents(5)
    return store.incident_of(row)


def told(site: Scene) -> list[tuple[datetime, int]]:
    """The levels that letters told, with the instants at which they were written."""
    first = min(one.written_at for one in site.desk.letters if one.kind == "opened")
    opened = [one for one in site.desk.letters if one.kind == "opened"]
    ladder = opened[0].body["ticket"]["ladder"]
    levels = {(first, rung["level"]) for rung in ladder if rung["state"] == "told"}
    for letter in site.desk.letters:
        if letter.kind == "escalated":
            levels |= {
                (letter.written_at, rung["level"]) for rung in _now_told(letter.body, ladder)
            }
            ladder = letter.body["ticket"]["ladder"]
    return sorted(levels)


def _now_told(body: Mapping[str, Any], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = {rung["level"] for rung in before if rung["state"] == "told"}
    after = body["ticket"]["ladder"]
    return [rung for rung in after if rung["state"] == "told" and rung["level"] not in known]


@pytest.mark.parametrize(
    ("policy", "hours", "without"),
    [
        ("ozonetel", 0.5, ()),
        ("ozonetel", 9.0, ()),
        ("ozonetel", 9.0, ("shift-team-leader",)),
        ("xop", 10.0, ()),
        ("voxeo", 2.0, ()),
        ("exotel", 6.0, ()),
    ],
)
async def test_it_says_what_a_real_run_does(
    scene: Make, policy: str, hours: float, without: tuple[str, ...]
) -> None:
    site = scene(policy, without)
    site.world["agent"] = DOWN
    await site.run_for(hours=hours)
    site.world["agent"] = None
    await site.run_for(minutes=30)
    real = incident(site)
    assert real.recovered_at is not None
    case = Case(ScriptedPortal.KIND, "look", "refused", "agent", "agent-portal")
    roles = {person.role for person in site.configuration.people}
    said = life(
        site.configuration.policy,
        MadeUp(case, real.opened_at, real.recovered_at),
        lambda role, _severity, _at: role in roles,
    )
    assert said.found.issue.id == real.issue
    written = told(site)
    assert [level for _, level in written] == [level.number for _, level in said.told]
    for (really, _), (at, _) in zip(written, said.told, strict=True):
        # The watch turns once a second, and the clock stands on whole minutes in between.
        assert abs((really - at).total_seconds()) <= 60


@given(seed=some.integers(0, 10**6), name=some.sampled_from(policies.shipped()))
@settings(max_examples=10)
def test_made_up_lives_keep_the_ladders_rules(seed: int, name: str) -> None:
    policy = policies.load(name)
    looked_at = [Case("portal", check="a", component="agent-portal"), Case("sip-call", check="b")]
    cases = cases_of(
        policy, looked_at, lambda case: Layer.PROMPT if case.check == "b" else Layer.APPLICATION
    )
    lives = [
        life(policy, one, lambda *_: True)
        for one in made_up(cases, START, START + timedelta(days=90), len(cases) + 20, seed)
    ]
    assert {one.of.case.check for one in lives} == {"a", "b"}
    for one in lives:
        numbers = [level.number for _, level in one.told]
        moments = [at for at, _ in one.told]
        assert numbers == sorted(set(numbers)), "each once, and upwards"
        assert moments == sorted(moments)
        assert all(one.of.opened_at <= at < one.of.resolved_at for at in moments)
        assert numbers, "somebody hears at once"


def test_every_case_comes_once_before_any_comes_twice() -> None:
    cases = [Case("portal", code=str(number)) for number in range(40)]
    made = list(made_up(cases, START, START + timedelta(days=30), 40, 3))
    assert sorted(one.case.code for one in made) == sorted(one.code for one in cases)
    assert made == list(made_up(cases, START, START + timedelta(days=30), 40, 3))


SITE = """
state = "state"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
policy = "{policy}"
[[people]]
role = "operators"
mail = "ops@example.net"
[checks.agent-portal]
kind = "portal"
component = "agent-portal"
every = "5m"
url = "https://www.example.net/"
"""


@pytest.mark.parametrize("policy", policies.shipped())
def test_the_verb_shows_a_summary(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reveille.toml"
    file.write_text(SITE.format(policy=policy), encoding="utf-8")
    arguments = ["--config", str(file), "simulate", "--months", "2"]
    assert main([*arguments, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["incidents"] == sum(one["incidents"] for one in shown["severities"]) >= 60
    assert shown["rules_never_reached"], "one portal alone reaches few rules"
    assert main([*arguments, "--all"]) == 0
    page = capsys.readouterr().out
    assert "made-up incidents in 2 months" in page
    assert max(map(len, page.splitlines())) <= 100


@pytest.mark.parametrize("words", [["--months", "0"], ["--months", "999"], ["--policy", "xpo"]])
def test_nonsense_is_refused_in_a_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reveille.toml"
    file.write_text(SITE.format(policy="xop"), encoding="utf-8")
    assert main(["--config", str(file), "simulate", *words]) == 2
    said = capsys.readouterr().err
    assert words[1] in said and said.count("\n") == 1


async def test_the_tickets_that_there_were_are_judged_anew(
    scene: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = scene("ozonetel")
    site.world["agent"] = DOWN
    await site.run_for(hours=1)
    site.world["agent"] = None
    await site.run_for(minutes=30)
    site.stop_daemon()
    file = tmp_path / "reveille.toml"
    text = SITE.format(policy="ozonetel").replace('"state"', f'"{tmp_path}"')
    file.write_text(text.replace("[checks.agent-portal]", "[checks.agent]"), encoding="utf-8")
    assert main(["--config", str(file), "replay", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differing"] == []
    assert main(["--config", str(file), "replay", "--policy", "xop", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    (differing,) = shown["differing"]
    assert (differing["was"][:2], differing["would_be"][:2]) == (
        ["agent-portal-down", "P0"],
        ["application-not-working", "major"],
    )
    assert (shown["tickets"], shown["untold"]) == (1, [])


def test_explain_says_what_would_be_and_who_hears_beside_the_ladder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reveille.toml"
    file.write_text(SITE.format(policy="exotel"), encoding="utf-8")
    assert main(["--config", str(file), "explain", "agent-portal"]) == 0
    said = capsys.readouterr().out
    assert " told " not in said, "nothing has happened yet"
    assert "within 2 days of the resolution" in said
    nobody = SITE.format(policy="exotel").replace('role = "operators"', 'role = "customer"')
    file.write_text(nobody, encoding="utf-8")
    assert main(["--config", str(file), "explain", "agent-portal"]) == 0
    assert "Nobody of this site is told" in capsys.readouterr().out
