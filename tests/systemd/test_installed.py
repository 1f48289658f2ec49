"""From a bare Debian to the first ticket, and to the last line of `uninstall`: what docs/ says to
type, typed in a booted machine, in its order, with nothing edited by hand beside it. Minutes long.

Each test goes on where the one before ended.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.house.source import ROOT
from tests.systemd.bare import bare, blocks, letters, subject
from tests.systemd.machine import Machine, until, what_is_missing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

FIRST_TICKET_SECONDS = 600
"""from a bare Debian to the first mail of a ticket of one's own, by docs/install.md"""
NEXT, BROKEN = "/opt/reveille-next", "/opt/reveille-broken"
UNIT = "reveille.service"
# A release that migrates the ledger, and whose daemon then never gets ready.
_BREAK = f"""
cp -a {NEXT} {BROKEN}
echo "ALTER TABLE incidents ADD COLUMN colour TEXT;" > {BROKEN}/monitor/ledger/migrations/$1
sed -i 's/self._manager.ready(await self._status())/raise RuntimeError("broken")/' \\
    {BROKEN}/monitor/service/daemon.py
"""
_MIGRATIONS = ROOT / "monitor" / "ledger" / "migrations"
BY_THE_DAEMON = (ROOT / "monitor" / "service" / "control_client.py").exists()
"""whether a verb that is typed beside the service is done by it"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if lacking := what_is_missing():
        pytest.skip(f"no machine can be booted here: {lacking}")
    folder = tmp_path_factory.mktemp("bare")
    machine = bare(folder)
    try:
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(machine.root)


def typed(machine: Machine, page: str, reason: str = "on the server") -> str:
    """Every such block of a page, one after the other."""
    found = blocks(page, reason)
    assert found, f"{page} has nothing to type {reason}"
    return "".join(machine.run("bash", "-euo", "pipefail", "-c", block) for block in found)


def refused(machine: Machine, *command: str) -> str:
    """What a command says that ends with 1."""
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        machine.run(*command)
    assert refusal.value.returncode == 1, refusal.value.stdout + refusal.value.stderr
    return str(refusal.value.stdout) + str(refusal.value.stderr)


def mailed(machine: Machine, *words: str) -> bool:
    """Whether a mail has come that says all of this."""
    return any(all(word in letter for word in words) for letter in letters(machine, "ops"))


def status(machine: Machine) -> str:
    return machine.run("sh", "-c", "reveille status || true")


def test_the_first_ticket_is_mailed_within_ten_minutes(machine: Machine) -> None:
    began = time.monotonic()
    said = typed(machine, "docs/install.md")
    assert "ready: Pune" in said
    until(lambda: mailed(machine, "RV-1", "127.0.0.1:9"), FIRST_TICKET_SECONDS, "a ticket's mail")
    assert time.monotonic() - began < FIRST_TICKET_SECONDS
    typed(machine, "docs/install.md", "on the server, after the mail")
    assert "try-a-ticket" not in machine.run("systemctl", "show", "-p", "StatusText", UNIT)


def test_it_is_a_user_of_its_own_and_the_command_is_on_the_path(machine: Machine) -> None:
    pid = machine.show(UNIT, "MainPID")
    assert machine.run("stat", "-c", "%U:%G", f"/proc/{pid}").strip() == "reveille:reveille"
    assert machine.show(UNIT, "UnitFileState") == "enabled"
    assert machine.run("reveille", "--version").startswith("reveille ")
    assert "reveille" in machine.run("man", "--where", "reveille")
    assert machine.run("stat", "-c", "%a %U", "/etc/reveille/credentials").strip() == "700 root"


def test_typed_again_nothing_is_left_to_do(machine: Machine) -> None:
    pid = machine.show(UNIT, "MainPID")
    assert re.search(
        r"^0 of \d+ steps are left", machine.run("reveille", "install", "--dry-run"), re.M
    )
    assert "0 steps were taken" in machine.run("reveille", "install")
    assert machine.show(UNIT, "MainPID") == pid


def test_a_file_that_root_alone_may_read_is_given_to_the_service(machine: Machine) -> None:
    machine.run("chmod", "0600", "/etc/reveille/reveille.toml")
    assert "0640 root:reveille" in machine.run("reveille", "install")
    machine.run("systemctl", "restart", UNIT)
    assert machine.show(UNIT, "ActiveState") == "active"


def test_secrets_reach_the_service_alone(machine: Machine) -> None:
    line = '\n[lines.trunk-a]\nregistrar = "127.0.0.1"\nuser = "m"\n'
    line += 'password = { credential = "smtp" }\n'
    toml = machine.root / "etc/reveille/reveille.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + line, encoding="utf-8")
    said = refused(machine, "reveille", "install")
    assert "the credential smtp is missing" in said
    assert "/etc/reveille/credentials/smtp" in said
    typed(machine, "docs/credentials.md")
    pid = machine.show(UNIT, "MainPID")
    handed = machine.run("cat", f"/proc/{pid}/root/run/credentials/{UNIT}/smtp")
    assert handed.strip() == "the password"
    assert "the password" not in machine.run("journalctl", "--no-pager", "-u", UNIT)


def test_a_fault_is_mailed_acknowledged_and_its_recovery_mailed(machine: Machine) -> None:
    """The trial's ticket is opened again, or another: the mail says which."""
    machine.run("systemctl", "stop", "site.service")
    until(lambda: mailed(machine, "127.0.0.1:8080"), 120, "the ticket's mail")
    [opened, *_] = [one for one in letters(machine, "ops") if "127.0.0.1:8080" in one]
    [number] = re.findall(r"\((RV-\d+)\)$", subject(opened))
    machine.run("reveille", "tickets", "ack", number, "--by", "Carla")
    assert "Carla" in machine.run("reveille", "tickets", "show", number)
    machine.run("systemctl", "start", "site.service")
    until(lambda: number not in machine.run("reveille", "tickets"), 120, "the recovery")
    closed = re.compile(rf"\[closed\] Pune.*\({number}\)$")

    def told() -> bool:
        return any(closed.match(subject(one)) for one in letters(machine, "ops"))

    until(told, 60, "the recovery's mail")


def test_the_morning_report_is_mailed(machine: Machine) -> None:
    before = len(letters(machine, "ops"))
    machine.run("sh", "-c", "reveille audit --send || test $? -le 2")
    until(lambda: len(letters(machine, "ops")) > before, 60, "the report's mail")


def test_a_database_is_backed_up_by_the_service_and_comes_back(machine: Machine) -> None:
    setup = (
        "createuser orders; createdb -O orders orders;"
        " psql -q orders -c 'CREATE TABLE calls (id int PRIMARY KEY);"
        " INSERT INTO calls SELECT generate_series(1, 1000); ALTER TABLE calls OWNER TO orders'"
    )
    machine.run("su", "postgres", "-c", setup)
    typed(machine, "docs/restore.md")
    until(lambda: re.search(r"orders +OK", status(machine)) is not None, 120, "a proven backup")
    assert "orders" in machine.run("reveille", "backup", "list")
    if not BY_THE_DAEMON:
        return
    typed(machine, "docs/restore.md", "on the server, once there is a backup")
    count = "psql -Atc 'SELECT count(*) FROM calls' orders_rescue"
    assert machine.run("su", "postgres", "-c", count).strip() == "1000"


def test_its_own_backup_is_one_file(machine: Machine) -> None:
    names = typed(machine, "docs/own-backup.md").split()
    assert "configuration/reveille.toml" in names
    assert any(name.startswith("ledger/") for name in names)
    assert not any("etc/reveille/credentials" in name for name in names)


def test_an_upgrade_keeps_the_tickets_and_runs_the_new_program(machine: Machine) -> None:
    said = typed(machine, "docs/upgrade.md")
    assert "upgraded: Pune" in said
    assert NEXT in machine.run("systemctl", "show", "-p", "ExecStart", UNIT)
    assert "RV-1" in machine.run("reveille", "tickets", "--all")
    assert machine.run("readlink", "/usr/local/bin/reveille").startswith(NEXT)


def test_a_broken_upgrade_goes_back_with_program_and_ledger(machine: Machine) -> None:
    number = len(list(_MIGRATIONS.glob("0*.sql"))) + 1
    machine.run("bash", "-euc", _BREAK, "break", f"{number:04d}_next.sql")
    machine.run(f"{BROKEN}/reveille", "--version")
    assert f"{BROKEN}/.venv" in machine.run(f"{BROKEN}/reveille", "upgrade", "--dry-run")
    said = refused(machine, f"{BROKEN}/reveille", "upgrade")
    assert f"{number - 1} becomes {number}" in said
    assert 'RuntimeError("broken")' in said
    assert f"{NEXT} runs again" in " ".join(said.split())
    assert NEXT in machine.run("systemctl", "show", "-p", "ExecStart", UNIT)
    assert "RV-1" in machine.run("reveille", "tickets", "--all")
    until(lambda: machine.show(UNIT, "ActiveState") == "active", 30, "the old one to run")


def test_where_the_old_one_does_not_run_either_it_says_so_and_what_is_kept(
    machine: Machine,
) -> None:
    """Something else on this host is broken as well: here the one that runs, on the disk."""
    daemon = f"{NEXT}/monitor/service/daemon.py"
    machine.run("cp", "-p", daemon, "/srv/daemon.py")
    machine.run("cp", f"{BROKEN}/monitor/service/daemon.py", daemon)
    said = " ".join(refused(machine, f"{BROKEN}/reveille", "upgrade", "--within", "30s").split())
    assert "nor does the old one become ready" in said
    [kept] = re.findall(r"lies in (/var/backups/reveille/upgrade-\S+)", said)
    assert "ledger.sqlite" in machine.run("ls", kept)
    machine.run("cp", "-p", "/srv/daemon.py", daemon)
    machine.run("sh", "-c", "systemctl reset-failed reveille; systemctl restart reveille")
    assert "RV-1" in machine.run("reveille", "tickets", "--all")


@pytest.mark.parametrize("purge", [(), ("--purge",)], ids=["kept", "purged"])
def test_what_uninstall_will_remove_is_said_once_each(
    machine: Machine, purge: tuple[str, ...]
) -> None:
    said = machine.run("reveille", "uninstall", "--dry-run", *purge)
    paths = re.findall(r"remove (/\S+)", said)
    assert "/etc/systemd/system/reveille.service.d" in paths
    within = [one for one in paths for other in paths if one.startswith(f"{other}/")]
    assert (within, len(set(paths))) == ([], len(paths))


def test_uninstall_leaves_what_is_the_sites_own(machine: Machine) -> None:
    typed(machine, "docs/upgrade.md", "on the server, to remove it")
    there = machine.run("sh", "-c", "ls /etc/reveille /var/lib/private/reveille; id reveille")
    assert "reveille.toml" in there
    assert "ledger.sqlite" in there
    units = machine.run("sh", "-c", "ls /etc/systemd/system /usr/local/bin")
    assert "reveille" not in units


def test_after_a_purge_nothing_is_left(machine: Machine) -> None:
    typed(machine, "docs/upgrade.md", "on the server, to purge it")
    machine.run("rm", "-r", "/opt/reveille", BROKEN)
    found = machine.run(
        "sh",
        "-c",
        "find /etc /usr /opt /var/lib /var/backups /run -name '*reveille*' -not -path '/run/*'",
    )
    assert found.split() == []
    assert machine.run("sh", "-c", "getent passwd reveille; getent group reveille; true") == ""
