"""The daemon as a process: it starts, reloads, stops and dies, and loses no call and no mail."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys

import psutil
import pytest

from lab import Lab
from monitor.clock import SystemClock
from monitor.incidents.ticket_actions import TicketActions
from monitor.ledger import Ledger
from tests.scenes.daemon_process import Process, end_all


def calls(daemon: Process, state: str = "OK") -> list[object]:
    def read(ledger: Ledger) -> list[object]:
        return [row for row in ledger.attempts("main-number") if row.verdict.state == state]

    found: list[object] = daemon.read(read)
    return found


async def hung_up(lab: Lab) -> None:
    """The exchange has got a BYE for every call."""
    async with asyncio.timeout(10):
        while lab.pbx.legs:
            await asyncio.sleep(0.02)


@pytest.mark.engine
async def test_a_reload_keeps_a_running_call_and_takes_what_is_new(daemon: Process) -> None:
    await daemon.until(lambda: "main-number: prompt" in daemon.doing())
    written = daemon.file.read_text(encoding="utf-8")
    daemon.file.write_text(
        written.replace("checks.report-portal", "checks.other-portal"), encoding="utf-8"
    )
    daemon.process.send_signal(signal.SIGHUP)
    await daemon.until(lambda: daemon.read(lambda ledger: ledger.attempts("other-portal")))
    await daemon.until(lambda: calls(daemon))
    kinds = [row.kind for row in daemon.read(lambda ledger: ledger.history(None))]
    assert kinds == ["started", "reloaded"]


async def test_a_faulty_configuration_is_refused_and_the_old_one_goes_on(daemon: Process) -> None:
    before = daemon.file.read_text(encoding="utf-8")
    wrong = {
        "[site]\nname = 3\n": "site.name",
        f'{before}\n[probe]\nname = "another"\n': "[probe] name cannot change while running",
    }
    for number, (written, why) in enumerate(wrong.items(), 2):
        daemon.file.write_text(written, encoding="utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.until(
            lambda known=number: len(daemon.read(lambda ledger: ledger.history(None))) == known  # type: ignore[misc]
        )
        refused = daemon.read(lambda ledger: ledger.history(None))[-1]
        assert refused.kind == "reload-refused"
        assert why in refused.body["faults"]
    await daemon.until(lambda: calls(daemon))


@pytest.mark.engine
async def test_a_stop_in_the_middle_of_a_call_hangs_up_and_the_run_is_owed_again(
    daemon: Process, lab: Lab
) -> None:
    await daemon.until(lambda: "main-number: prompt" in daemon.doing())
    children = daemon.children()
    assert await daemon.stop() < 10
    assert daemon.process.returncode == 0
    assert psutil.wait_procs(children, timeout=5)[1] == []
    await hung_up(lab)
    again = Process(daemon.file)
    await again.start()
    await again.until(lambda: calls(again))
    assert len(again.read(lambda ledger: ledger.attempts("main-number"))) == 1
    await again.stop()


@pytest.mark.engine
async def test_no_call_outlives_a_killed_daemon(daemon: Process, lab: Lab) -> None:
    await daemon.until(lambda: "main-number: prompt" in daemon.doing())
    children = daemon.children()
    assert children
    await daemon.stop(signal.SIGKILL)
    assert (await asyncio.to_thread(psutil.wait_procs, children, 10))[1] == []
    await hung_up(lab)


async def test_a_daemon_that_a_failing_test_leaves_ends_with_the_test(daemon: Process) -> None:
    end_all()
    assert await daemon.process.wait() == -signal.SIGKILL


async def test_two_daemons_never_share_a_state_folder(daemon: Process) -> None:
    command = (sys.executable, "-m", "monitor.cli", "--config", str(daemon.file), "run")
    second = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await second.communicate()
    assert second.returncode == 2
    assert said.decode() == f"reveille: another daemon runs on {daemon.state}\n"


async def test_a_mail_server_that_puts_off_gets_each_mail_later_and_once(
    daemon: Process, lab: Lab
) -> None:
    lab.break_("mail-refused")
    lab.break_("agent-portal-down")
    await daemon.until(lambda: daemon.read(lambda ledger: ledger.open_incidents()))
    await daemon.until(lambda: lab.mailbox.put_off)
    assert lab.mailbox.messages() == []
    lab.mend("mail-refused")
    await daemon.until(lambda: daemon.read(lambda ledger: ledger.outbox_counts()["sent"]) == 2)
    identities = [mail["Message-ID"] for mail in lab.mailbox.messages()]
    assert len(identities) == len(set(identities)) == 2


async def test_a_human_takes_a_ticket_in_hand_and_all_who_know_of_it_hear_it(
    daemon: Process, lab: Lab
) -> None:
    lab.break_("admin-portal-down")
    await daemon.until(lambda: daemon.read(lambda ledger: ledger.open_incidents()))
    with Ledger(daemon.state / "ledger.sqlite") as ledger:
        TicketActions(ledger, daemon.configuration, SystemClock().now()).acknowledge(
            1, "night shift"
        )
    mails = lab.mailbox.messages
    await daemon.until(lambda: [m for m in mails() if m["X-Reveille-Event"] == "acknowledged"])
    assert daemon.read(lambda ledger: ledger.incident(1)).body["acknowledged_by"] == "night shift"


async def test_a_ledger_that_cannot_be_written_is_told_past_it(daemon: Process, lab: Lab) -> None:
    await daemon.until(lambda: daemon.read(lambda ledger: ledger.attempts("agent-portal")))
    held = sqlite3.connect(daemon.state / "ledger.sqlite", isolation_level=None)
    held.execute("DROP TABLE conditions")
    held.close()
    mails = lab.mailbox.messages
    await daemon.until(lambda: [m for m in mails() if m["X-Reveille-Event"] == "blind"])
    (mail,) = [m for m in mails() if m["X-Reveille-Event"] == "blind"]
    assert mail["To"] == "operators@example.net"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "conditions" in body.get_content()
