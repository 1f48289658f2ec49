"""What `reveille explain` says, as data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks.contract import Layer
from monitor import policies
from monitor.config import load
from monitor.core.contacts import Recipient, audience, published
from monitor.core.explain import explained
from monitor.core.failure import Case

OPENED = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)  # 08:30 in India


@dataclass(frozen=True, slots=True)
class Person:
    role: str
    name: str | None = None
    mail: str | None = None
    phone: str | None = None
    quiet: None = None


PEOPLE = (
    Person("shift-team-leader", "night shift", "shift@example.net"),
    Person("customer-support-desk", mail="desk@example.net", phone="100"),
)
POLICY = policies.load("ozonetel")
CALL = """[site]
name = "Pune"
timezone = "Asia/Kolkata"
[lines.a]
registrar = "127.0.0.1"
[agents.ann]
registrar = "127.0.0.1"
user = "ann"
[checks.call]
kind = "sip-call"
line = "a"
to = "8000"
every = "5m"
"""


def who_hears(role: str, at: datetime) -> tuple[Recipient, ...]:
    return audience(role, PEOPLE)


def test_an_agent_who_cannot_be_reached_is_explained_with_dates_in_site_time() -> None:
    case = Case("sip-call", "agent", "not-rung", layer=Layer.AGENT)
    said = explained(POLICY, case, "india", OPENED, "Asia/Kolkata", who_hears)
    assert (said.title, said.severity, said.severity_name) == (
        "PRI is up but call not routing to agents",
        "P0",
        "urgent",
    )
    assert (said.owner, said.definition) == (
        "vendor",
        "showstopper, critical failure with no workaround",
    )
    assert [(t.name, t.due_at.isoformat()) for t in said.targets if t.due_at] == [
        ("response", "2026-05-01T09:00:00+05:30"),
        ("resolution", "2026-05-01T10:30:00+05:30"),
    ]
    assert [
        (level.number, f"{level.at:%H:%M}", [who.name for who in level.who])
        for level in said.levels
    ] == [
        (1, "08:30", ["customer-support-desk"]),
        (2, "09:30", ["night shift"]),
        (3, "12:30", []),
    ]


@pytest.mark.parametrize("region", POLICY.regions)
def test_every_region_reaches_somebody_at_level_one_of_both_ladders(region: str) -> None:
    for issue in ("agent-portal-down", "ivr-not-working"):
        first = explained(POLICY, issue, region, OPENED, "UTC").levels[0]
        assert first.at == OPENED
        assert all(who.phone for who in first.who)
        assert len(first.who) == 1


def test_an_issue_is_explained_by_its_id_with_the_ladder_of_its_own() -> None:
    said = explained(POLICY, "chat-widget-not-working", "uk", OPENED, "Europe/London")
    assert (said.rule, said.ladder) == ("reclassified", "ivr-chat-flow")
    assert [f"{level.at:%H:%M}" for level in said.levels] == ["04:00", "06:00", "08:00"]
    with pytest.raises(LookupError, match="did you mean 'reports'"):
        explained(POLICY, "report", "uk", OPENED, "UTC")


def test_it_is_plain_data_that_json_takes() -> None:
    body = json.loads(
        json.dumps(
            explained(POLICY, "reports", "usa", OPENED, "America/Chicago", who_hears).to_dict()
        )
    )
    assert body["opened_at"] == "2026-04-30T22:00:00-05:00"
    assert body["targets"][1] == {
        "name": "resolution",
        "seconds": 604800,
        "due_at": "2026-05-07T22:00:00-05:00",
        "since": "opened",
        "since_level": 0,
        "working_time": False,
    }
    assert body["levels"][0]["who"][0]["mail"] == "desk@example.net"
    assert body["levels"][2]["until"] is None


def test_nobody_is_told_but_the_sites_own_people() -> None:
    """A published desk is another company's: shown, and never a route."""
    assert audience("customer-support-desk", PEOPLE) == (
        Recipient("customer-support-desk", "desk@example.net", "100"),
    )
    assert audience("customer-support-desk", ()) == ()
    assert published(POLICY, "customer-support-desk", "uae") == (
        Recipient(
            "customer support desk, UAE",
            "uae.support@ozonetel.com",
            "+971 452 60004",
            published=True,
        ),
    )
    assert published(POLICY, "director-technical-support", "uae") == ()


@pytest.mark.parametrize(
    ("script", "layer"),
    [
        ("", Layer.MEDIA),
        ('script = [{ press = "1" }]', Layer.PROMPT),
        ('script = [{ press = "1" }, { agent = "ann" }]', Layer.AGENT),
    ],
    ids=["a call", "an IVR", "an agent"],
)
def test_a_call_speaks_of_agents_only_where_its_script_reaches_one(
    tmp_path: Path, script: str, layer: Layer
) -> None:
    file = tmp_path / "reveille.toml"
    file.write_text(CALL + script, encoding="utf-8")
    assert load(file).checks["call"].probe.highest_layer() is layer
