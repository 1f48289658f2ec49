"""A policy that extends another: a page of severities and a ladder decides every case, and a
shipped policy is the same under another's name.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Layer
from checks.kinds import kinds
from monitor import policies
from monitor.config.loading import load
from monitor.core.failure import Case
from monitor.core.incident import Evidence
from monitor.core.incident_transitions import opened, reclassified
from monitor.core.policy import Policy, PolicyFaults
from tests.unit.sample_analyses import NOW

PAGE = """
name = "ours"
extends = "house"
severity = [
  { id = "P1", name = "urgent", response = "15m", resolution = "4h" },
  { id = "P2", name = "soon", response = "2h", resolution = "2d" },
]
[ladders.standard]
levels = [
  { number = 1, name = "on call", role = "on-call", after = "0m" },
  { number = 2, name = "head of operations", role = "head", after = "30m" },
]
"""
SITE = """
state = "state"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
policy = "{policy}"
"""
PORTAL = """
[checks.{name}]
kind = "portal"
every = "5m"
url = "https://www.example.net/"
{more}
"""


def policy(more: str = "", page: str = PAGE) -> Policy:
    return policies.parse(tomllib.loads(page + more))


@pytest.mark.parametrize(
    ("case", "issue", "severity"),
    [
        (Case("uplink", "connect", "timeout", layer=Layer.UPLINK), "network-down", "P1"),
        (Case("sip-options", code="timeout", layer=Layer.LINE), "lines-down", "P1"),
        (Case("sip-call", "prompt", "silent", layer=Layer.PROMPT), "calls-not-served", "P1"),
        (Case("sip-call", "agent", "no-answer", layer=Layer.AGENT), "agents-not-reached", "P1"),
        (Case("portal", component="agent-portal"), "agents-not-reached", "P1"),
        (Case("portal", "connect", "refused"), "application-down", "P2"),
        (Case("webhook", code="timeout"), "integration-down", "P2"),
        (Case("host-disks", code="disk-full"), "server-down", "P1"),
        (Case("host-updates", code="outdated"), "upkeep", "P2"),  # beyond the last is the last
        (Case("virus", code="infected"), "intrusion-or-virus", "P1"),
        (Case("backup-proof", code="differs"), "backup-not-proven", "P2"),
        (Case("a-kind-of-tomorrow"), "unsorted", "P2"),
    ],
)
def test_a_page_decides(case: Case, issue: str, severity: str) -> None:
    found = policy().classify(case)
    assert (found.issue.id, found.severity.id) == (issue, severity), found.rule
    assert [level.role for level in found.ladder.levels] in (["on-call", "head"], ["operators"])


def test_every_kind_of_the_house_is_sorted_by_it() -> None:
    layers = {kind: check.LAYER for kind, check in kinds().items()}
    fallen = [
        kind
        for kind, layer in layers.items()
        if policy().classify(Case(kind, layer=layer)).issue.id == "unsorted"
    ]
    assert fallen == []


def test_ones_own_rule_is_tried_first_and_ones_own_issue_replaces_the_houses() -> None:
    found = policy(
        """
[[issue]]
id = "application-down"
title = "the shop is closed"
owner = "operations"
severity = "P1"
ladder = "standard"
[[rule]]
name = "the dialer is a convenience"
when = { kind = "outbound-dialer" }
issue = "reports-not-right"
"""
    )
    shop = found.classify(Case("portal", "connect", "refused"))
    assert (shop.issue.title, shop.severity.id) == ("the shop is closed", "P1")
    assert found.classify(Case("outbound-dialer")).issue.id == "reports-not-right"


@pytest.mark.parametrize("name", policies.shipped())
def test_a_shipped_policy_under_another_name_decides_the_same(name: str) -> None:
    theirs = policies.load(name)
    ours = policies.parse({"name": "ours", "extends": name})
    for part in ("severities", "owners", "issues", "ladders", "rules", "desks", "calendars"):
        assert getattr(ours, part) == getattr(theirs, part), part


@pytest.mark.parametrize("name", policies.shipped())
def test_ones_own_severities_take_the_ranks_of_anothers(name: str) -> None:
    """And one's own ladder takes the place of one that is called so; desks of nobody's are gone."""
    theirs = policies.load(name)
    ladders = {
        plan.name: {"levels": [{"number": 1, "name": "all", "role": "on-call", "after": "0m"}]}
        for plan in theirs.ladders
        if plan.name != "operators"
    }
    page = {**tomllib.loads(PAGE), "extends": name, "ladders": ladders}
    page |= {"formal_ladder": next(iter(ladders))} if theirs.formal else {}
    ours = policies.parse(page)
    assert ours.desks == ()
    for issue in theirs.issues:
        rank = theirs.reclassified(issue.id).severity.rank
        assert ours.reclassified(issue.id).severity.rank == min(rank, 1)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (PAGE.replace('"house"', '"hous"'), "extends: there is no policy 'hous'; did you mean"),
        (PAGE.replace('"house"', "7"), "extends: there is no policy 7"),
        (PAGE.split("[ladders")[0], "ladders: it is missing"),
        (PAGE.replace("response", "responce"), "there is no such field"),
        ('name = "x"\nextends = "house"\nissue = "none"', "write at least one [[issue]]"),
    ],
)
def test_a_page_that_will_not_do_is_refused_with_the_place(page: str, said: str) -> None:
    with pytest.raises(PolicyFaults) as refused:
        policy(page=page)
    assert any(said in str(fault) for fault in refused.value.faults), refused.value


def site(tmp_path: Path, **severities: str) -> Any:
    (tmp_path / "ours.toml").write_text(PAGE, encoding="utf-8")
    checks = (
        PORTAL.format(name=name.replace("_", "-"), more=f'severity = "{one}"' if one else "")
        for name, one in severities.items()
    )
    file = tmp_path / "reveille.toml"
    file.write_text(SITE.format(policy="ours.toml") + "".join(checks), encoding="utf-8")
    return load(file)


def test_a_check_says_how_bad_its_failures_are_at_the_least(tmp_path: Path) -> None:
    configuration = site(tmp_path, shop="P1", news="", archive="P2")
    found = {
        name: configuration.policy.classify(Case("portal", "connect", "refused", name)).severity.id
        for name in ("shop", "news", "archive")
    }
    assert found == {"shop": "P1", "news": "P2", "archive": "P2"}
    call = Case("sip-call", "prompt", "silent", "archive", layer=Layer.PROMPT)
    assert configuration.policy.classify(call).severity.id == "P1", "the least, not the most"
    ours = configuration.policy.classify(Case("reveille", code="monitor-is-blind", check="shop"))
    assert ours.severity.id == "P2", "what Reveille says of itself is no failure of the check"


def test_a_severity_that_there_is_not_is_told_at_the_check(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"checks\.shop\.severity: .* has no severity 'p1'"):
        site(tmp_path, shop="p1")


def test_a_ticket_that_no_rule_names_is_named_after_its_check() -> None:
    found, seen = policy().classify(Case("a-kind-of-tomorrow")), Evidence("front-page", "portal")
    incident = opened("Pune", found, "house 1", seen, NOW, NOW).incident
    assert incident.title == "a failure that no rule of the policy knows: front-page"
    sorted_by = reclassified(incident, policy().reclassified("server-down"), "house 1", "asha")
    assert "front-page" not in sorted_by.incident.title
