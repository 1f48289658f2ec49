"""A machine to attack: Reveille as installed, with secrets in it; a database, recordings and a
portal that belong to others; people who have no rights, or none but over their own.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.systemd.bare import PACKAGES as BARE
from tests.systemd.machine import Machine, until

PACKAGES = (
    f"{BARE},mariadb-server,clamav,chromium-headless-shell,libatomic1,libpam-systemd,polkitd,sudo"
)
MARKS = {
    "portal": "MARKER-portal-9f3a",
    "plugin": "MARKER-plugin-41cc",
    "payroll": "7777012",
    "inner": "MARKER-inner-77b2",
}
"""what nobody may get at who is not meant to: two credentials, a table of another's, a page of
another's on this host"""
STATE = "/var/lib/private/reveille"
_WORLD = f"""
for one in mallory rec web; do useradd --create-home --shell /bin/bash $one; done
install -d -m 0700 /etc/reveille /etc/reveille/credentials
chmod 0755 /etc/reveille
echo {MARKS["portal"]} > /etc/reveille/credentials/portal
echo {MARKS["plugin"]} > /etc/reveille/credentials/plugin
chmod 0600 /etc/reveille/credentials/*
install -d -o rec -g rec /srv/recordings /srv/scanned
install -d -o web -g web /srv/portal
install -d /srv/signatures
echo 'Own.Test:0:*:6465616462656566' > /srv/signatures/own.ndb
month=$(TZ=Asia/Kolkata date -d "$(TZ=Asia/Kolkata date +%Y-%m-01) -1 day" +%Y/%m)
month=/srv/recordings/$month
su rec -c "mkdir -p $month && head -c 30k /dev/urandom > $month/a.wav"
systemctl start postgresql@15-main mariadb portal inner
su postgres -c psql <<'END'
CREATE ROLE reveille LOGIN;
CREATE ROLE app LOGIN PASSWORD 'app';
CREATE DATABASE calls OWNER app;
GRANT pg_read_all_data, pg_monitor TO reveille;
\\c calls
CREATE SCHEMA payroll;
CREATE TABLE payroll.salaries AS SELECT {MARKS["payroll"]} AS much;
SET ROLE app;
CREATE TABLE cdr (id serial PRIMARY KEY, start timestamptz, duration int);
INSERT INTO cdr (start, duration)
SELECT now() - n * interval '1 hour', n FROM generate_series(1, 50) n;
END
mariadb -e "
CREATE DATABASE desk; CREATE TABLE desk.tickets (id int PRIMARY KEY, said text);
INSERT INTO desk.tickets VALUES (1, 'a'), (2, 'b');
CREATE DATABASE payroll; CREATE TABLE payroll.salaries AS SELECT {MARKS["payroll"]} AS much;
CREATE USER reveille@localhost IDENTIFIED VIA unix_socket;
CREATE USER app@localhost IDENTIFIED BY 'app';
GRANT ALL ON desk.* TO app@localhost;
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, RELOAD ON *.* TO reveille@localhost"
git clone -q https://your.git.server/reveille /opt/reveille
/opt/reveille/reveille install
"""
_PORTAL = """
import http.server, json, pathlib, sys
BEHAVES, SEEN = pathlib.Path("/srv/portal/behaves"), pathlib.Path("/srv/portal/seen")
class Portal(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        with SEEN.open("a") as seen:
            seen.write(self.requestline + " " + json.dumps(dict(self.headers)) + "\\n")
        behaves = BEHAVES.read_text().strip() if BEHAVES.exists() else ""
        word, _, rest = behaves.partition(" ")
        if word == "leads":
            return self.say(302, b"", Location=rest)
        if word == "echoes":
            told = self.requestline + repr(dict(self.headers))
            return self.say(500, told.encode(), str(self.headers.get("Authorization")))
        if word == "floods":
            self.wfile.write(b"HTTP/1.1 200 OK\\r\\nX: " + b"a" * 30_000_000 + b"\\r\\n\\r\\n")
            return None
        page = pathlib.Path("/srv/portal/page.html")
        self.say(200, page.read_bytes() if page.exists() else b"<h1>Welcome</h1>")
    do_POST = do_GET
    def say(self, status, body, reason=None, **more):
        self.send_response(status, reason)
        more = {"Content-Type": "text/html", "Content-Length": len(body), **more}
        for name, value in more.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", 8090), Portal).serve_forever()
"""
_INNER = f"""
import http.server, pathlib
class Inner(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with pathlib.Path("/srv/inner.seen").open("a") as seen:
            seen.write(self.requestline + " " + str(self.headers.get("Authorization")) + "\\n")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<h1>Inner</h1><input name=token value={MARKS["inner"]}>")
    do_POST = do_GET
http.server.ThreadingHTTPServer(("127.0.0.1", 8091), Inner).serve_forever()
"""
_WHO = """#!/bin/sh
said="$(id -un) $(id -Gn) $(grep CapEff /proc/self/status | cut -f2)"
said="$said $(grep NoNewPrivs /proc/self/status | cut -f2)"
for path in /var/lib/private/reveille/ledger.sqlite /var/lib/reveille/ledger.sqlite \
    /etc/reveille/credentials/portal /run/credentials/reveille.service/portal \
    /run/reveille/control.socket /etc/shadow; do
    if cat $path > /dev/null 2>&1; then said="$said READ $path"; fi
done
for path in /srv /opt/reveille /etc/reveille /var/lib/reveille /usr/local/bin; do
    if touch $path/written 2>/dev/null; then said="$said WROTE $path"; fi
done
echo "$said"
test "$said" = "reveille-plugins reveille-plugins 0000000000000000 1" || exit 2
"""
_CHECKS = """
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
policy = "ozonetel"
[[people]]
role = "operators"
mail = "ops@localhost"
[desks.mail]
kind = "mail"
host = "127.0.0.1"
port = 25
tls = "none"
sender = "reveille@localhost"
[checks.front-page]
kind = "portal"
url = "http://127.0.0.1:8090/"
user = "monitor"
password = { credential = "portal" }
at = ["03:00"]
[checks.steps]
kind = "api"
url = "http://127.0.0.1:8090/"
secrets = { portal = { credential = "portal" } }
steps = [
    { name = "look", url = "http://127.0.0.1:8090/", remember = { token = { field = "token" } } },
    { name = "again", url = "http://127.0.0.1:8090/again?t={token}" },
]
at = ["03:00"]
[checks.browser]
kind = "portal-browser"
url = "http://127.0.0.1:8090/"
steps = [{ open = "/" }, { see = "Welcome" }, { wait = "2s" }]
at = ["03:00"]
[checks.apart]
kind = "nagios-plugin"
command = ["/srv/who"]
run_as = "reveille-plugins"
secret_environment = { PASSWORD = { credential = "plugin" } }
at = ["03:00"]
[checks.services]
kind = "host-services"
units = ["portal"]
any_failed = false
at = ["03:00"]
[checks.intrusion]
kind = "intrusion"
areas = ["accounts", "keys", "schedules", "temporary"]
at = ["03:00"]
[checks.viruses]
kind = "virus"
paths = ["/srv/scanned"]
signatures = "/srv/signatures"
at = ["03:00"]
[checks.calls]
kind = "backup"
engine = "postgresql"
database = "calls"
user = "reveille"
host = "/run/postgresql"
folder = "/var/lib/reveille/backups/calls"
at = ["03:00"]
[checks.desk]
kind = "backup"
engine = "mariadb"
database = "desk"
user = "reveille"
host = "/run/mysqld/mysqld.sock"
folder = "/var/lib/reveille/backups/desk"
at = ["03:00"]
[checks.recordings]
kind = "backup"
engine = "directory"
path = "/srv/recordings"
folder = "/var/lib/reveille/backups/recordings"
at = ["03:00"]
[checks.voice]
kind = "voice-log-archive"
recordings = "/srv/recordings/%Y/%m"
folder = "/var/lib/reveille/voice"
at = ["03:00"]
[checks.usage]
kind = "usage"
records = { postgresql = { host = "/run/postgresql", database = "calls", user = "reveille" }, \
table = "cdr", columns = { start = "start", length = "duration" }, format = "own" }
at = ["03:00"]
"""


def laid_out(machine: Machine) -> None:
    """All of it, with the service running."""
    for name, program, user in (("portal", _PORTAL, "web"), ("inner", _INNER, "root")):
        machine.put(f"/srv/{name}.py", program)
        unit = f"[Service]\nUser={user}\nExecStart=/usr/bin/python3 /srv/{name}.py\n"
        machine.put(f"/etc/systemd/system/{name}.service", unit)
    machine.put("/srv/who", _WHO, 0o755)
    machine.put("/etc/reveille/reveille.toml", _CHECKS)
    machine.run("systemctl", "daemon-reload")
    machine.run("bash", "-euo", "pipefail", "-c", _WORLD)


def person(machine: Machine, who: str, *command: str) -> str:
    """What a command says that somebody types who has logged in, whatever came of it."""
    session = ("systemd-run", "--quiet", "--pipe", "--wait", "--collect")
    own = (f"User={who}", "PAMName=login", "WorkingDirectory=/tmp")
    settings = [word for one in own for word in ("-p", one)]
    try:
        return machine.run(*session, *settings, "-E", f"HOME=/home/{who}", "--", *command)
    except subprocess.CalledProcessError as error:
        return f"{error.stdout}{error.stderr}"


def standing(machine: Machine, check: str) -> tuple[str, str, str]:
    """A check's state, what is said of it, and when it was looked at."""
    said = machine.run("sh", "-c", "reveille --json status || true")
    [row] = [row for row in json.loads(said)["checks"] if row["name"] == check]
    return str(row["state"]), str(row["text"]), str(row["last_at"])


def looked(machine: Machine, check: str, within: float = 120) -> tuple[str, str]:
    """Have the daemon look; what came of it."""
    before = standing(machine, check)[2]
    machine.run("reveille", "run-now", check)
    until(lambda: standing(machine, check)[2] != before, within, f"{check} to be looked at")
    state, said, _ = standing(machine, check)
    return state, said


def kept(machine: Machine, mark: str) -> str:
    """Where a mark stands in what the monitor keeps, tells and sends: files, a line each."""
    places = f"{STATE} /var/mail /var/log/journal"
    machine.run("journalctl", "--flush")
    return machine.run("sh", "-c", f"grep -rlaF -e '{mark}' {places} || true")


def portal(machine: Machine, behaves: str, page: str = "") -> None:
    """How the portal answers from now on."""
    folder = Path("/srv/portal")
    machine.put(str(folder / "behaves"), behaves)
    if page:
        machine.put(str(folder / "page.html"), page)
    machine.run("sh", "-c", "rm -f /srv/portal/seen /srv/inner.seen")
