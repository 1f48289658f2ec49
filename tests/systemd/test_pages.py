"""Every command of the pages for administrators, typed in a booted Debian where Reveille is
installed as the pages say: a test each, so that a new command is typed by itself. What is not typed
here has its reason in pages.py; blocks that are stories are typed by test_installed.py. Then the
page of messages, row by row: provoked, and mended as it says. Minutes long.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from monitor.command_line import parser
from tests.systemd.bare import PACKAGES, bare, blocks, letters
from tests.systemd.machine import Machine, until, what_is_missing
from tests.systemd.pages import ELSEWHERE, commands
from tests.systemd.remedies import NEWER, REMEDIES, Remedy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

MORE = f"{PACKAGES},sudo,procps,jq,age,bubblewrap,chromium-headless-shell,libatomic1,espeak-ng"
FILE = "/etc/reveille/reveille.toml"
# The names that the pages have for things of a site's own.
SITE = """
[lines.trunk-a]
registrar = "127.0.0.1:9"
user = "monitor"
password = { credential = "trunk-a" }
[checks.main-number]
kind = "sip-options"
line = "trunk-a"
at = ["03:00"]
[checks.agent-portal]
kind = "portal"
url = "http://127.0.0.1:8080/"
component = "agent-portal"
at = ["03:00"]
[checks.screen]
kind = "ui-config"
url = "http://127.0.0.1:8080/"
steps = [{ name = "home", url = "/" }]
looks = [{ name = "title", css = "h1" }]
at = ["03:00"]
[checks.own-ledger]
kind = "backup"
at = ["03:30"]
engine = "sqlite"
path = "/var/lib/reveille/ledger.sqlite"
folder = "/var/lib/reveille/backups/ledger"
[dead_man]
url = { credential = "dead-man-url" }
every = "30s"
"""
_ORDERS = """
createuser orders
createdb -O orders orders
psql -q orders -c 'CREATE TABLE calls (id int PRIMARY KEY);
    INSERT INTO calls SELECT generate_series(1, 1000); ALTER TABLE calls OWNER TO orders'
"""
_SECRETS = """
printf 's3cret of a trunk' > /etc/reveille/credentials/trunk-a
printf 'http://127.0.0.1:9/ping' > /etc/reveille/credentials/dead-man-url
"""
# Whoever is asked for an analysis writes one: each part gets a sentence.
_EDITOR = "#!/bin/sh\nsed -i '/^== /a The card of the span was loose.' \"$1\"\n"
_OPEN = 'reveille --json tickets open --issue ivr-not-working --text "nobody hears anything"'
_LOST = "# of a lost host"
# As on another host, on which nothing runs yet.
_LOSE = "systemctl stop reveille; mkdir /srv/lost; mv /var/lib/reveille/ledger.sqlite* /srv/lost"
_TERMINAL = "SYSTEMD_EDITOR=true script -qec {} /dev/null"

EXITS: Mapping[str, tuple[int, ...]] = {
    r"reveille status|reveille VERB": (0, 1),
    r"systemctl status": (0,),
    r"reveille audit --send": (0, 1, 2),
    r"reveille backup image": (0, 1),
    r"reveille rca$": (0, 1),
    r"check-config --try": (0, 1),
}
"""a command -> its exit codes, where they say how a thing stands; all others end with 0"""
REFUSED: Mapping[str, str] = {
    "reveille rca wait": "promises no analysis",
    "reveille rca go-on": "does not wait",
    "reveille add number": "a call needs a line: --line NAME",
}
"""what this site cannot have -> what it says of that"""


class Site:
    """What stands for the names in the pages."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.report = ""
        self.recipient = ""

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """As root in a shell, at the place of whoever has just logged in."""
        line = f'cd /root; export EDITOR=/srv/editor; {command}; echo "=$?"'
        said, _, code = self.machine.run("bash", "-c", f"({line}) 2>&1").rpartition("=")
        return subprocess.CompletedProcess(command, int(code), said)

    def whole(self, command: str) -> str:
        """With this site's names."""
        for written, meant in (
            ("RV-12", self._ticket(command) if "RV-12" in command else ""),
            ("2026-11-21", self.report),
            ("age1...", self.recipient),
            ("drill database ", "drill orders "),
            ("restore database ", "restore orders "),
            ("restore own-ledger", f"restore own-ledger {_LOST}"),
            ("site.toml", FILE),
            ("https://www.example.net/", "http://127.0.0.1:8080/again"),
            ("URL", "http://127.0.0.1:8080/more"),
            ("NUMBER", "8000"),
            ("helpdesk", "mail"),
            ("KIND", "portal"),
            ("VERB", "status"),
            ("reference NAME", "reference portal"),
            ("baseline NAME", "baseline screen --yes"),
            ("add portal", "add --yes portal"),
        ):
            command = f"{command} ".replace(written, meant).rstrip()
        person = "ops" if "usermod" in command or "--administrator" in command else "front-page"
        command = command.replace("NAME", person)
        if command.startswith("apt-get install"):
            return command.replace("install", "install -y")
        if command.endswith(_LOST):
            return f"{_LOSE}; {command.removesuffix(_LOST)} && systemctl start reveille"
        if " edit " in command:
            return _TERMINAL.format(shlex.quote(command))
        return command

    def _ticket(self, command: str) -> str:
        """One that is over where its analysis is asked for; else one that is open."""
        over = " rca " in command
        for ticket in json.loads(self.type("reveille --json tickets --all").stdout):
            if (ticket["state"] == "closed") == over:
                return str(ticket["number"])
        said = self.type(_OPEN).stdout
        [number, *_] = re.findall(r"RV-\d+", said) or [said]
        if over:
            self.type(f'reveille tickets resolve {number} "mended"')
        return str(number)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Installed by the pages; with a backup, and a report of this morning."""
    if lacking := what_is_missing():
        pytest.skip(f"no machine can be booted here: {lacking}")
    machine = bare(tmp_path_factory.mktemp("pages"), MORE)
    try:
        for block in blocks("docs/install.md"):
            machine.run("bash", "-euo", "pipefail", "-c", block)
        until(lambda: any("RV-1" in one for one in letters(machine, "ops")), 120, "a ticket's mail")
        for block in blocks("docs/install.md", "on the server, after the mail"):
            machine.run("bash", "-euo", "pipefail", "-c", block)
        yield _furnished(Site(machine))
    finally:
        machine.power_off()
        shutil.rmtree(machine.root)


def _furnished(site: Site) -> Site:
    machine = site.machine
    toml = machine.root / FILE[1:]
    toml.write_text(toml.read_text(encoding="utf-8") + SITE, encoding="utf-8")
    machine.put("/srv/editor", _EDITOR, 0o755)
    machine.put("/srv/newer", NEWER)
    machine.run("su", "postgres", "-c", _ORDERS)
    machine.run("sh", "-euc", _SECRETS)
    for block in blocks("docs/restore.md"):
        machine.run("bash", "-euo", "pipefail", "-c", block)
    for name in ("own-ledger", "screen"):
        machine.run("reveille", "run-now", name)
    done = re.compile(r"own-ledger +OK.*orders +OK", re.S)
    until(lambda: bool(done.search(site.type("reveille status").stdout)), 180, "proven backups")
    site.type("reveille audit --send")
    site.report = json.loads(site.type("reveille --json report list").stdout)["reports"][0]["day"]
    machine.run("sh", "-c", "age-keygen -o /root/key 2>/dev/null")
    site.recipient = machine.run("age-keygen", "-y", "/root/key").strip()
    return site


def is_whole(command: str) -> bool:
    """Whether it could be typed as it stands; else it only names a verb, whose help is asked."""
    words = shlex.split(command.removeprefix("sudo "))
    if words[0] != "reveille":
        return True
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            parser().parse_args(words[1:])
        except SystemExit as end:
            return not end.code
    return True


TYPED = [(page, command) for page, command in commands() if command not in ELSEWHERE]


@pytest.mark.parametrize(("page", "command"), TYPED, ids=lambda value: str(value)[:60])
def test_it_does_what_it_says(site: Site, page: str, command: str) -> None:
    typed = site.whole(command)
    done = site.type(typed if is_whole(typed) else f"{typed} --help")
    told = f"{page}: {typed}\n{done.stdout[-3000:]}"
    assert "Traceback" not in done.stdout, told
    if refusal := next((words for start, words in REFUSED.items() if start in command), ""):
        assert done.returncode in (1, 2), told
        assert refusal in " ".join(done.stdout.split()), told
        return
    codes = next((codes for like, codes in EXITS.items() if re.search(like, typed)), (0,))
    assert done.returncode in codes, told


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.row)
def test_a_message_comes_and_what_its_row_says_ends_it(site: Site, remedy: Remedy) -> None:
    found: list[re.Match[str]] = []

    def seen() -> bool:
        said = " ".join(site.type(remedy.asks).stdout.split())
        found.extend(re.finditer(remedy.says, said))
        return bool(found)

    site.type(remedy.breaks)
    try:
        until(seen, 100, remedy.says)
    finally:
        words = [*found[0].groups(), ""] if found else [""]
        mended = site.type(remedy.mends.replace("{said}", words[0]))
    until(
        lambda: site.type(f"({remedy.well})").returncode == 0, 60,
        f"all to be well after {remedy.mends}: {mended.stdout[-2000:]}",
    )  # fmt: skip
