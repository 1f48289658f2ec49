"""The rows of the matrix that look at this host and its data, and the world that they look at."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tests.loopback.clamav_server import EICAR, WORM
from tests.systemd.machine import Machine
from tests.systemd.matrix import Row

LOOKS, DRILL = "host.conf", "reveille-drill.socket"

HOST_ROWS: Sequence[Row] = (
    Row("page", "portal", 'url = "http://127.0.0.1:8080/"', "systemctl stop site",
        "systemctl start site", "refused"),
    Row("uplink", "uplink", 'targets = [{ http = "http://127.0.0.1:8080/" }]\nsamples = 1',
        "systemctl stop site", "systemctl start site", "refused"),
    Row("relay", "smtp", 'host = "127.0.0.1"\nport = 25\nsecurity = "none"',
        "systemctl stop postfix", "systemctl start postfix", "refused"),
    Row("plugin", "nagios-plugin", 'command = ["/srv/check_file"]', "rm /srv/plugin-well",
        "touch /srv/plugin-well", "critical"),
    Row("services", "host-services", 'units = ["site"]\nany_failed = false',
        "systemctl stop site", "systemctl start site", "unit-down", needs=LOOKS),
    Row("resources", "host-resources", "most_load = 1000\nmost_stuck = 5\nleast_memory_percent = 0",
        "systemd-run --quiet --unit=dead /srv/zombies", "systemctl stop dead", "stuck",
        needs=LOOKS),
    Row("disks", "host-disks", 'mounts = ["/", "/srv/small"]\nmost_used_percent = 98\nsmart = false'
        '\nexclude = ["/proc/*"]',
        "head -c 3M /dev/zero > /srv/small/full || true", "rm /srv/small/full", "disk-full",
        needs=LOOKS),
    Row("ports", "host-ports", 'expected = ["tcp *:25"]',
        "systemd-run --quiet --unit=opened python3 -m http.server 8099 --bind 0.0.0.0; sleep 2",
        "systemctl stop opened", "unexpected-port", needs=LOOKS),
    Row("updates", "host-updates", 'lists_age = "52w"\npatience = "52w"',
        "touch /run/reboot-required", "rm /run/reboot-required", "", needs=LOOKS),
    Row("mails", "queue-depth", 'mail = "postfix"\nmost = 1',
        "postconf -e defer_transports=smtp,local; postfix reload; for n in 1 2 3; do echo x |"
        " sendmail ops@localhost; done; sleep 3",
        "postconf -e defer_transports=; postsuper -d ALL; postfix reload", "queue-too-long",
        needs=LOOKS),
    Row("server", "database-health", 'engine = "postgresql"\n'
        'server = { host = "/run/postgresql", database = "orders", user = "reveille" }',
        "systemctl stop postgresql@15-main", "systemctl start postgresql@15-main", "unreachable",
        lane="data", needs=LOOKS),
    Row("viruses", "virus", 'paths = ["/srv/scanned"]\nsignatures = "/srv/signatures"',
        "cp /srv/worm /srv/scanned/private/", "rm /srv/scanned/private/worm", "infected",
        needs=LOOKS),
    Row("intrusion", "intrusion", 'areas = ["accounts", "keys"]',
        "echo 'toor:x:0:0::/root:/bin/sh' >> /etc/passwd", "sed -i /^toor/d /etc/passwd",
        "root-account", unaccepted=True, needs=LOOKS),
    Row("orders", "backup", 'engine = "postgresql"\ndatabase = "orders"\nuser = "reveille"\n'
        'host = "/run/postgresql"\nfolder = "{state}/backups/orders"',
        "systemctl stop postgresql@15-main", "systemctl start postgresql@15-main", "unreachable",
        lane="data", needs=DRILL),
    Row("tickets-db", "backup", 'engine = "mariadb"\ndatabase = "desk"\nuser = "reveille"\n'
        'host = "/run/mysqld/mysqld.sock"\nfolder = "{state}/backups/desk"',
        "systemctl stop mariadb", "systemctl start mariadb", "unreachable",
        lane="data", needs=DRILL),
    Row("files", "backup", 'engine = "directory"\npath = "/srv/files"\n'
        'folder = "{state}/backups/files"', "mv /srv/files /srv/moved", "mv /srv/moved /srv/files",
        "directory-missing", lane="data"),
    Row("proof", "backup-proof", 'folder = "{state}/backups/files"',
        "mv {state}/backups/files {state}/backups/away",
        "rm -rf {state}/backups/files; mv {state}/backups/away {state}/backups/files", "missing",
        lane="data"),
    Row("usage", "usage", 'records = { file = "/srv/records/Master.csv" }',
        "mv /srv/records/Master.csv /srv/records/away",
        "mv /srv/records/away /srv/records/Master.csv", "no-such-file", lane="data"),
    Row("kernel", "host-kernel", 'log = "/srv/logs/kern.log"',
        "echo 'Out of memory: Killed process 7 (mixer)' >> /srv/logs/kern.log",
        ": > /srv/logs/kern.log", "oom-kill", needs=LOOKS),
    Row("abuse", "sip-abuse", 'logs = ["/srv/logs/messages"]',
        "for n in $(seq 30); do cat /srv/refused >> /srv/logs/messages; done",
        ": > /srv/logs/messages", "registration-scan", needs=LOOKS),
    Row("retention", "hygiene", 'folder = "/srv/journal"\n'
        'live = { sqlite = "/srv/retention/live.db", table = "cdr" }',
        "python3 /srv/call 200", "python3 /srv/call -200", "overdue", lane="data"),
    Row("voice", "voice-log-archive", 'recordings = "/srv/voice/%Y/%m"\n'
        'folder = "{state}/voice"', "mv /srv/voice /srv/mute", "mv /srv/mute /srv/voice",
        "directory-missing", lane="data"),
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
mkdir -p /srv/logs /srv/journal /srv/retention
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

_CALL = """
import datetime, sqlite3, sys
days = int(sys.argv[1])
day = str(datetime.date.today() - datetime.timedelta(days=abs(days)))
with sqlite3.connect("/srv/retention/live.db") as database:
    database.execute("CREATE TABLE IF NOT EXISTS cdr (id INTEGER PRIMARY KEY, start TEXT)")
    if days < 0:
        database.execute("DELETE FROM cdr WHERE start < ?", (day + " 23",))
    else:
        database.execute("INSERT INTO cdr (start) VALUES (?)", (day + " 12:00:00",))
"""
_REFUSED = (
    "[Nov 29 10:00:00] NOTICE[7] res_pjsip/pjsip_distributor.c: Request 'REGISTER' from"
    " '\"1001\" <sip:1001@pbx>' failed for '203.0.113.5:5060' (callid: x) - No matching endpoint"
    " found\n"
)
# Calls of yesterday; recordings of the month before, by the site's clock.
_OLD = """
chmod 1777 /srv/journal
python3 /srv/call 1
month=/srv/voice/$(TZ=Asia/Kolkata date -d "$(TZ=Asia/Kolkata date +%Y-%m-01) -1 day" +%Y/%m)
mkdir -p $month
head -c 100k /dev/urandom > $month/call.wav
"""


def laid_out(machine: Machine) -> None:
    """The world that the rows look at."""
    machine.put("/srv/check_file", _PLUGIN, 0o755)
    machine.put("/srv/zombies", _ZOMBIES, 0o755)
    machine.run("bash", "-euo", "pipefail", "-c", _WORLD)
    machine.put("/srv/call", _CALL)
    machine.put("/srv/refused", _REFUSED)
    for log in ("kern.log", "messages"):
        machine.put(f"/srv/logs/{log}", "", 0o600)
    machine.run("bash", "-euc", _OLD)
    (machine.root / "srv/worm").write_bytes(WORM)
    own = hashlib.md5(WORM).hexdigest()
    machine.put("/srv/signatures/own.hdb", f"{own}:{len(WORM)}:Reveille.Worm-1\n")
    machine.put("/srv/signatures/own.ndb", f"Reveille.EICAR-1:0:*:{EICAR.encode().hex()}\n")
