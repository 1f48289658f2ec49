"""The command line as people and programs use it, on a lab that is really there."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lab import Lab
from monitor.cli import main
from monitor.verbs.opening import whoami
from tests.scenes.daemon_process import Process


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = main(words)
    said = capsys.readouterr()
    return code, said.out, said.err


async def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The same beside the lab in this loop."""
    return await asyncio.to_thread(run, capsys, *words)


@pytest.fixture
def config(configuration_file: Path) -> tuple[str, str]:
    return "--config", str(configuration_file)


async def test_init_writes_what_check_config_then_finds_good(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "new.toml"
    answers = ("--site", "Pune", "--zone", "Asia/Kolkata", "--to", "ops@example.net")
    init = ("--config", str(file), "init", *answers, "--relay", "127.0.0.1")
    assert (await ran(capsys, *init))[0] == 0
    code, said, _ = await ran(capsys, "--config", str(file), "check-config")
    assert code == 0
    assert said.startswith(f"{file} is good: ")
    code, _, complaint = await ran(capsys, *init)
    assert (code, complaint) == (2, f"{file} is there already; nothing was changed\n")


async def test_check_config_says_every_fault_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(
        '[site]\nname = "Pune"\ntimezone = "Asia/Kolkatta"\npolcy = "ozonetel"\n', encoding="utf-8"
    )
    code, _, complaint = await ran(capsys, "--config", str(file), "check-config")
    assert code == 2
    assert "Asia/Kolkata" in complaint
    assert "policy" in complaint
    assert complaint.endswith("2 faults\n")
    code, said, _ = await ran(capsys, "--config", str(file), "check-config", "--json")
    assert code == 2
    assert [fault["path"] for fault in json.loads(said)["faults"]] == [
        "site.timezone",
        "site.polcy",
    ]


async def test_a_secret_is_never_printed(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str], lab: Lab
) -> None:
    password = lab.passwords["monitor"].read_text(encoding="utf-8").strip()
    _, said, _ = await ran(capsys, *config, "check-config", "--json")
    assert str(lab.passwords["monitor"]) in said
    assert password not in said


async def test_once_shows_a_good_look_and_ends_with_0(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str]
) -> None:
    code, said, _ = await ran(capsys, *config, "once", "trunk-options")
    assert code == 0
    assert "✓ answer" in said
    assert "What would go out" not in said


async def test_once_shows_what_would_go_out_and_sends_nothing(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str], lab: Lab
) -> None:
    lab.break_("agent-portal-down")
    code, said, _ = await ran(capsys, *config, "once", "agent-portal")
    assert code == 2
    assert "mail to support-desk@example.net: [P0] Pune: agent portal is down" in said
    assert lab.mailbox.messages() == []
    code, said, _ = await ran(capsys, *config, "once", "agent-portal", "--json")
    data: dict[str, Any] = json.loads(said)
    assert (code, data["state"], data["fault"][:14]) == (2, "FAILED", "open: http:503")


async def test_once_is_a_nagios_plugin(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str], lab: Lab
) -> None:
    code, said, _ = await ran(capsys, *config, "once", "agent-portal", "--nagios")
    assert code == 0
    assert re.fullmatch(
        r"PORTAL agent-portal OK - [0-9.]+ s \| \S.*total_seconds=[0-9.e-]+s.*\n", said
    )
    lab.break_("agent-portal-down")
    code, said, _ = await ran(capsys, *config, "once", "agent-portal", "--nagios")
    assert code == 2
    assert said.startswith("PORTAL agent-portal CRITICAL - The page http://127.0.0.1:")
    assert " answered with an error: 503 Service Unavailable. (http:503) | " in said


async def test_a_check_that_is_not_there_gets_the_nearest(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str]
) -> None:
    code, _, complaint = await ran(capsys, *config, "once", "agent-portl")
    assert (code, complaint) == (
        2,
        "reveille: there is no [checks.agent-portl]; did you mean 'agent-portal'?\n",
    )


async def test_explain_answers_before_anything_has_happened(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str]
) -> None:
    code, said, _ = await ran(
        capsys, *config, "explain", "main-number", "--stage", "prompt", "--code", "silent", "--json"
    )
    data = json.loads(said)
    assert code == 0
    assert (data["title"], data["severity"], data["owner"]) == (
        "PRI is up but IVR is not working",
        "P0",
        "vendor",
    )
    assert [rung["state"] for rung in data["ladder"]] == ["told", "next", "later"]
    code, said, _ = await ran(capsys, *config, "explain", "--issue", "pri-down")
    assert code == 0
    assert "PRI is down / flapping in the IDC" in said
    code, _, complaint = await ran(capsys, *config, "explain", "--issue", "pri-dwn")
    assert code == 2
    assert "pri-down" in complaint


def under(file: Path, policy: str) -> None:
    file.write_text(file.read_text().replace('policy = "ozonetel"', f'policy = "{policy}"'))


@pytest.mark.parametrize(
    ("asked", "issue", "severity"),
    [
        ("queue-state --stage agents --code too-few-agents --lost 3 --of 100", "acd", "major"),
        ("queue-state --stage agents --code too-few-agents --lost 20 --of 100", "acd", "critical"),
        ("burst --stage answer --code sip:503 --lost 81 --of 400", "ivr", "critical"),
        ("burst --stage answer --code sip:503 --lost 7 --of 400", "ivr", "minor"),
        ("sip-call --stage register --code sip:403", "ivr", "critical"),
        ("sip-call --stage agent --code not-rung", "acd", "critical"),
        ("nagios-plugin --layer agent", "acd", "critical"),
    ],
)
async def test_explain_is_asked_of_a_loss_and_goes_by_the_layer_of_the_stage(
    capsys: pytest.CaptureFixture[str],
    config: tuple[str, str],
    asked: str,
    issue: str,
    severity: str,
) -> None:
    """The examples of exotel's own guide, and the layers that the checks themselves give."""
    under(Path(config[1]), "exotel")
    code, said, _ = await ran(capsys, *config, "explain", "--kind", *asked.split(), "--json")
    found = json.loads(said)
    assert (code, found["issue"].split("-")[0], found["severity"]) == (0, issue, severity)


async def test_explain_is_asked_of_another_day_and_region(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str]
) -> None:
    without_people(Path(config[1]))
    asked = (*config, "explain", "--issue", "pri-down", "--at", "2026-11-27 16:00")
    code, said, _ = await ran(capsys, *asked, "--region", "uk", "--json")
    found = json.loads(said)
    assert (code, found["opened_at"]) == (0, "2026-11-27T10:30:00Z")
    assert "+44" in found["ladder"][0]["contact"]


async def test_explain_says_what_a_promise_counts_from_and_in_which_hours(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str]
) -> None:
    asked = (*config, "explain", "--kind", "database-health", "--code", "replication-broken")
    under(Path(config[1]), "xop")
    code, said, _ = await ran(capsys, *asked, "--at", "2026-11-27 16:00")
    assert code == 0
    assert "(8 h of working time from level 3's turn)" in " ".join(said.split())


def without_people(file: Path) -> None:
    written = file.read_text().replace('role = "customer-support-desk"', 'role = "operators"')
    file.write_text(written)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("--layer agnt", "did you mean 'agent'?"),
        ("--lost 3", "--lost 3 --of 0 does not do"),
        ("--lost -1 --of 5", "write how many were lost, of how many"),
        ("--at tomorrow", "write --at '2026-11-27 16:00'"),
        ("--region mars", "has no region 'mars'"),
    ],
)
async def test_explain_refuses_what_cannot_be(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str], asked: str, says: str
) -> None:
    code, _, complaint = await ran(capsys, *config, "explain", "--kind", "portal", *asked.split())
    assert code == 2
    assert says in complaint


async def test_status_and_tickets_before_the_daemon_ever_ran(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str]
) -> None:
    for verb in ("status", "tickets"):
        code, _, complaint = await ran(capsys, *config, verb)
        assert code == 2
        assert "`reveille run` begins one" in complaint


async def test_the_counter_of_the_built_in_helpdesk(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str], lab: Lab, daemon: Process
) -> None:
    lab.break_("admin-portal-down")
    await daemon.until(lambda: daemon.read(lambda ledger: ledger.open_incidents()))
    code, said, _ = await ran(capsys, *config, "status")
    assert code == 1
    assert "The daemon runs" in said
    assert "admin portal is down" in said

    code, said, _ = await ran(capsys, *config, "tickets", "--json")
    assert [(t["number"], t["severity"], t["state"]) for t in json.loads(said)] == [
        ("RV-1", "P1", "open")
    ]
    code, said, _ = await ran(capsys, *config, "tickets", "ack", "RV-1", "--by", "night shift")
    assert code == 0
    assert f"acknowledged by {whoami()} (night shift)" in said
    await ran(capsys, *config, "tickets", "note", "rv-1", "vendor is called", "--by", "night shift")
    code, said, _ = await ran(
        capsys, *config, "tickets", "reclassify", "1", "report-portal-down", "--by", "night shift"
    )
    assert code == 0
    code, said, _ = await ran(capsys, *config, "tickets", "show", "RV-1")
    assert "(night shift): vendor is called" in said
    assert "report portal is down" in said
    code, _, complaint = await ran(capsys, *config, "tickets", "reclassify", "1", "report-portl")
    assert code == 2
    assert "report-portal-down" in complaint

    lab.mend()
    code, said, _ = await ran(
        capsys, *config, "tickets", "resolve", "RV-1", "restarted", "--by", "night shift"
    )
    assert f"closed by {whoami()} (night shift): restarted" in said
    code, _, complaint = await ran(capsys, *config, "tickets", "ack", "RV-1")
    assert (code, complaint) == (2, "reveille: RV-1 is closed\n")
    code, said, _ = await ran(capsys, *config, "tickets")
    assert said.startswith("No open tickets; reveille tickets --all ")
    assert "RV-1" in (await ran(capsys, *config, "tickets", "--all"))[1]


async def test_a_resolved_ticket_whose_check_fails_on_is_reopened(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str], lab: Lab, daemon: Process
) -> None:
    lab.break_("admin-portal-down")
    await daemon.until(lambda: daemon.read(lambda ledger: ledger.open_incidents()))
    await ran(
        capsys, *config, "tickets", "resolve", "RV-1", "I think it is well", "--by", "night shift"
    )
    code, _, _ = await ran(capsys, *config, "run-now", "admin-portal")
    assert code == 0
    await daemon.until(lambda: daemon.read(lambda ledger: ledger.open_incidents()))
    assert [row.number for row in daemon.read(lambda ledger: ledger.incidents())] == [1]


async def test_what_is_wrong_with_a_ticket_number_is_said(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str], daemon: Process
) -> None:
    assert (await ran(capsys, *config, "tickets", "show", "seven"))[2] == (
        "reveille: 'seven' is no ticket number; write it as in 'RV-12'\n"
    )
    assert (await ran(capsys, *config, "tickets", "show", "7"))[2] == (
        "reveille: there is no ticket RV-7; reveille tickets lists those that are open, --all all\n"
    )


async def test_a_daemon_that_hangs_is_not_said_to_run(
    capsys: pytest.CaptureFixture[str], config: tuple[str, str], daemon: Process
) -> None:
    beat = daemon.state / "heartbeat.json"
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        old = datetime.now(UTC) - timedelta(minutes=2)
        beat.write_text(json.dumps({**json.loads(beat.read_text()), "at": old.isoformat()}))
        code, said, _ = await ran(capsys, *config, "status")
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert code == 3
    assert "The daemon hangs: it has not said for 2 min" in said
