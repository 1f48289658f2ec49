"""Call control and the outbound dialer of the practice centre: a fault of theirs becomes the one
right ticket.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from checks.contract import Fault
from lab import Lab
from monitor.clock import SystemClock
from monitor.config import Configuration, load
from monitor.core.verdict import State
from monitor.incidents import store
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import Runner

_FEATURES = """\
[agents.the-desk]                 # a desk that no queue rings: calls are handed over to it
registrar = "127.0.0.1:{port}"
user = "supervisor-01"
password = {{ file = {desk} }}

[checks.call-features]            # what agents do with a call, each proven at the other side's ear
kind = "sip-call"
line = "trunk-a"
to = "6101"                       # the agent's extension
script = [
  {{ agent = "agent-01", within = "20s" }},
  {{ caller-id = "monitor" }},
  {{ collect = "4711" }},
  {{ on-hold = "3s", hears = "music" }},
  {{ mute = "2s", code = "*6" }},
  {{ transfer = "the-desk", attended = true }},
]
recording = {{ file = {recordings}, within = "10s" }}
at = ["09:00"]
confirm = 2
confirm_after = "2s"
recheck = "10s"
diagnose = ["trunk-options"]
probe_stall = "5s"                # a whole suite on two cores
probe_late = "10s"
probe_stalled_percent = 50.0
probe_wait_percent = 100.0
probe_unsent_percent = 50.0
"""

_DIALER = """\
[checks.click-to-call]            # as an agent clicks on a number in the CRM: both are called
kind = "outbound-dialer"
line = "trunk-a"                  # the customer's number is ours
agent = "agent-01"
url = "{url}/"
secrets = {{ key = {{ file = {key} }} }}
caller_id = "8000"
called_within = "10s"
at = ["09:15"]
confirm = 2
confirm_after = "2s"
recheck = "10s"
diagnose = ["trunk-options"]
probe_stall = "5s"                # a whole suite on two cores
probe_late = "10s"
probe_stalled_percent = 50.0
probe_wait_percent = 100.0
probe_unsent_percent = 50.0

[[checks.click-to-call.steps]]
name = "api"
url = "/api/v1/calls"
json = {{ customer = "{{customer}}", agent = "{{agent}}" }}
headers = {{ Authorization = "Bearer {{key}}" }}
expect_status = 202
"""
CALL_CONTROL, DIALER = "call-control-not-working", "outbound-dialer-not-working"


@pytest.fixture
def configuration(lab: Lab, tmp_path: Path) -> Configuration:
    """The practice centre's own, and these two."""
    folder, key = lab.folder / "recordings" / "*.wav", lab.passwords["api-key"]
    desk, recordings, secret = (
        json.dumps(str(path)) for path in (lab.passwords["supervisor-01"], folder, key)
    )
    features = _FEATURES.format(port=lab.pbx.port, desk=desk, recordings=recordings)
    dialer = _DIALER.format(url=lab.dialer.root, key=secret)
    file = tmp_path / "reveille.toml"
    file.write_text(
        "\n".join([lab.configuration(tmp_path / "state"), features, dialer]), encoding="utf-8"
    )
    return load(file)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("check", "fault", "stage", "code", "issue"),
    [
        ("call-features", "hold-silent", "on-hold", "no-music", CALL_CONTROL),
        ("click-to-call", "dialer-dead", "ring", "not-called", DIALER),
    ],
)
async def test_a_fault_becomes_the_vendors_ticket_of_the_published_matrix(
    lab: Lab,
    configuration: Configuration,
    tmp_path: Path,
    check: str,
    fault: str,
    stage: str,
    code: str,
    issue: str,
) -> None:
    clock = SystemClock()
    lab.break_(fault)
    with Ledger(":memory:") as ledger:
        rounds = Rounds(ledger, configuration, clock, Runner(clock, tmp_path / "exhibits"))
        seen = await rounds.look(Due(replace(configuration.checks[check], confirm=1), "once"))
        (ticket,) = [store.incident_of(row) for row in ledger.incidents()]
    assert lab.pbx.mishaps == []
    assert seen is not None
    assert seen.verdict.state is State.FAILED, seen.observation
    found = seen.verdict.fault
    assert isinstance(found, Fault)
    assert (found.stage, found.code) == (stage, code), found.text
    assert (ticket.issue, ticket.owner, ticket.severity.id) == (issue, "vendor", "P1")
    assert ticket.causes == (check,), "the trunk below it stands"
