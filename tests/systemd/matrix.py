"""Kinds of checks that differ by rights, each with a world in a booted machine: a section, what is
broken, and what mends it. And the table of what each said, made by test_matrix.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.loopback.clamav_server import EICAR, WORM
from tests.systemd.machine import Machine

STATE = "{state}"
"""in a section: the folder of whoever looks"""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind (or one engine of it): `breaks` and `mends` are for a shell."""

    name: str
    kind: str
    settings: str
    breaks: str
    mends: str
    code: str
    """of the fault; "": it is a warning"""
    unaccepted: bool = False
    """whether it says when it is well that nothing was accepted yet"""


ROWS: Sequence[Row] = (
    Row("page", "portal", 'url = "http://127.0.0.1:8080/"', "systemctl stop site",
        "systemctl start site", "refused"),
    Row("uplink", "uplink", 'targets = [{ http = "http://127.0.0.1:8080/" }]\nsamples = 1',
        "systemctl stop site", "systemctl start site", "refused"),
    Row("relay", "smtp", 'host = "127.0.0.1"\nport = 25\nsecurity = "none"',
        "systemctl stop postfix", "systemctl start postfix", "refused"),
    Row("plugin", "nagios-plugin", 'command = ["/srv/check_file"]', "rm /srv/plugin-well",
        "touch /srv/plugin-well", "critical"),
    Row("services", "host-services", 'units = ["site"]\nany_failed = false',
        "systemctl stop site", "systemctl start site", "unit-down"),
    Row("resources", "host-resources", "most_load = 1000\nmost_stuck = 5\nleast_memory_percent = 0",
        "systemd-run --quiet --unit=dead /srv/zombies", "systemctl stop dead", "stuck"),
    Row("disks", "host-disks", 'mounts = ["/", "/srv/small"]\nmost_used_percent = 98\nsmart = false'
        '\nexclude = ["/proc/*"]',
        "head -c 3M /dev/zero > /srv/small/full || true", "rm /srv/small/full", "disk-full"),
    Row("ports", "host-ports", 'expected = ["tcp *:8080", "tcp *:25", "tcp *:5432", "tcp *:3306"]\n'
        "loopback = true",
        "systemd-run --quiet --unit=opened python3 -m http.server 8099 --bind 127.0.0.1; sleep 2",
        "systemctl stop opened", "unexpected-port"),
    Row("updates", "host-updates", 'lists_age = "52w"\npatience = "52w"',
        "touch /run/reboot-required", "rm /run/reboot-required", ""),
    Row("mails", "queue-depth", 'mail = "postfix"\nmost = 1',
        "postconf -e defer_transports=smtp,local; postfix reload; for n in 1 2 3; do echo x |"
        " sendmail ops@localhost; done; sleep 3",
        "postconf -e defer_transports=; postsuper -d ALL; postfix reload", "queue-too-long"),
    Row("server", "database-health", 'engine = "postgresql"\n'
        'server = { host = "/run/postgresql", database = "orders", user = "reveille" }',
        "systemctl stop postgresql@15-main", "systemctl start postgresql@15-main", "unreachable"),
    Row("viruses", "virus", 'paths = ["/srv/scanned"]\nsignatures = "/srv/signatures"',
        "cp /srv/worm /srv/scanned/private/", "rm /srv/scanned/private/worm", "infected"),
    Row("intrusion", "intrusion", 'areas = ["accounts", "keys"]',
        "echo 'toor:x:0:0::/root:/bin/sh' >> /etc/passwd", "sed -i /^toor/d /etc/passwd",
        "root-account", unaccepted=True),
    Row("orders", "backup", 'engine = "postgresql"\ndatabase = "orders"\nuser = "reveille"\n'
        'host = "/run/postgresql"\nfolder = "{state}/backups/orders"',
        "systemctl stop postgresql@15-main", "systemctl start postgresql@15-main", "unreachable"),
    Row("tickets-db", "backup", 'engine = "mariadb"\ndatabase = "desk"\nuser = "reveille"\n'
        'host = "/run/mysqld/mysqld.sock"\nfolder = "{state}/backups/desk"',
        "systemctl stop mariadb", "systemctl start mariadb", "unreachable"),
    Row("files", "backup", 'engine = "directory"\npath = "/srv/files"\n'
        'folder = "{state}/backups/files"', "mv /srv/files /srv/moved", "mv /srv/moved /srv/files",
        "directory-missing"),
    Row("proof", "backup-proof", 'folder = "{state}/backups/files"',
        "mv {state}/backups/files {state}/backups/away",
        "rm -rf {state}/backups/files; mv {state}/backups/away {state}/backups/files", "missing"),
    Row("usage", "usage", 'records = { file = "/srv/records/Master.csv" }',
        "mv /srv/records/Master.csv /srv/records/away",
        "mv /srv/records/away /srv/records/Master.csv", "no-such-file"),
)  # fmt: skip
"""well first, then broken, in this order: a proof after its backup"""

_PLUGIN = "#!/bin/sh\nif [ -e /srv/plugin-well ]; then echo OK; else echo GONE; exit 2; fi\n"
_ZOMBIES = """#!/usr/bin/python3
import os, time
for _ in range(30):
    if os.fork() == 0:
        os._exit(0)
time.sleep(600)
"""
_WORLD = """
touch /srv/plugin-well
mkdir -p /srv/small /srv/scanned/private /srv/signatures /srv/files/deep /srv/records
mount -t tmpfs -o size=2M small /srv/small
chmod 700 /srv/scanned/private
head -c 300k /dev/urandom > /srv/files/deep/sound
systemctl start postgresql@15-main mariadb
su postgres -c "createuser reveille; createdb orders"
su postgres -c "psql -q orders" <<'END'
CREATE TABLE calls (id int PRIMARY KEY, said text);
INSERT INTO calls SELECT n, repeat(n::text, 9) FROM generate_series(1, 1000) n;
GRANT pg_read_all_data, pg_monitor TO reveille;
END
echo 'local all reveille trust' > /tmp/hba
cat /etc/postgresql/15/main/pg_hba.conf >> /tmp/hba
cat /tmp/hba > /etc/postgresql/15/main/pg_hba.conf
systemctl reload postgresql@15-main
mariadb -e "CREATE DATABASE desk; CREATE TABLE desk.tickets (id int PRIMARY KEY, said text);
    INSERT INTO desk.tickets VALUES (1, 'a'), (2, 'b');
    CREATE USER reveille@localhost;
    GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, RELOAD ON *.* TO reveille@localhost"
"""


def laid_out(machine: Machine) -> None:
    """The world that the rows look at."""
    machine.put("/srv/check_file", _PLUGIN, 0o755)
    machine.put("/srv/zombies", _ZOMBIES, 0o755)
    machine.run("bash", "-euo", "pipefail", "-c", _WORLD)
    (machine.root / "srv/worm").write_bytes(WORM)
    own = hashlib.md5(WORM).hexdigest()
    machine.put("/srv/signatures/own.hdb", f"{own}:{len(WORM)}:Reveille.Worm-1\n")
    machine.put("/srv/signatures/own.ndb", f"Reveille.EICAR-1:0:*:{EICAR.encode().hex()}\n")


def configuration(state: str, rows: Sequence[Row] = ROWS) -> str:
    """A site that has these checks, and looks at none by itself."""
    top = "" if state == "/var/lib/reveille" else f'state = "{state}"\n'
    text = f'{top}[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\nregion = "india"\n'
    text += '[[people]]\nrole = "operators"\nmail = "ops@localhost"\n'
    text += '[desks.mail]\nkind = "mail"\nhost = "127.0.0.1"\nport = 25\ntls = "none"\n'
    text += 'sender = "reveille@localhost"\n'
    for row in rows:
        text += f'[checks.{row.name}]\nkind = "{row.kind}"\nat = ["03:00"]\n'
        text += row.settings.replace(STATE, state) + "\n"
    return text


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look said: a state, and the fault or the reason."""

    state: str
    text: str


def looked(machine: Machine, row: Row, file: str) -> Seen:
    """One look, by whoever does it for root."""
    command = f"reveille --config {file} --json once {row.name} 2>/srv/said; true"
    said = machine.run("sh", "-c", command)
    if not said.startswith("{"):
        return Seen("no answer", (said + (machine.root / "srv/said").read_text())[-300:])
    view = json.loads(said)
    return Seen(view["state"], view["fault"] or ", ".join(view["reasons"]))


def table(seen: Mapping[tuple[str, str, bool], Seen], ways: Sequence[str]) -> str:
    """A line for each kind, a column for each way, well and broken."""
    head = ["kind", *(f"{way}: {half}" for way in ways for half in ("well", "broken"))]
    lines = [head]
    for row in ROWS:
        cells = [seen.get((row.name, way, broken)) for way in ways for broken in (False, True)]
        lines.append([f"{row.kind} ({row.name})", *(_cell(cell) for cell in cells)])
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(seen: Seen | None) -> str:
    if seen is None:
        return "-"
    code = seen.text.split(",")[0][:32] if seen.state in ("FAILED", "UNKNOWN") else ""
    return f"{seen.state} {code}".strip()
