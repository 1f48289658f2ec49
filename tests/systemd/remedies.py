"""The page of messages, row by row: what is broken so that the message comes, who says it, and what
the page has one type; each for a shell of root's, in the machine of test_pages.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FILE = "/etc/reveille/reveille.toml"
_STATE = "/var/lib/reveille"
_RUNS = "systemctl is-active reveille"
_ANEW = "systemctl reset-failed reveille; systemctl restart --no-block reveille"
_STATUS = "systemctl status reveille; journalctl -u reveille -n 30 -o cat"
_DIRECTORY = "CREDENTIALS_DIRECTORY"
# What a program of the day after tomorrow would have left.
NEWER = f"""import sqlite3
with sqlite3.connect("{_STATE}/ledger.sqlite") as ledger:
    ledger.execute("UPDATE migrations SET number = 9001"
                   " WHERE number = (SELECT max(number) FROM migrations)")
"""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A row: `row` begins its first column, without the quotes."""

    row: str
    asks: str
    says: str
    """in what is said, with single spaces; a regular expression. Its group is put into `mends`"""
    breaks: str = ":"
    mends: str = ":"
    well: str = _RUNS
    """ends with 0 once all is well"""


REMEDIES: Sequence[Remedy] = (
    Remedy("there is no ledger at", "reveille --config /srv/other.toml status",
           "there is no ledger at /srv/other/ledger.sqlite yet",
           f"(echo 'state = \"/srv/other\"'; cat {FILE}) > /srv/other.toml"),
    Remedy("another daemon runs on", "reveille run", "another daemon runs on"),
    Remedy("The daemon does not run", "reveille status", "The daemon does not run",
           "systemctl stop reveille", "systemctl start reveille"),
    Remedy("The daemon hangs", "reveille status", "The daemon hangs: it has not said",
           "systemctl kill --kill-who=main --signal=STOP reveille"),
    Remedy("… cannot be read (Permission denied)", "journalctl -u reveille -n 30 -o cat",
           r"cannot be read \(Permission denied\)",
           f"chown root:root {FILE}; chmod 0600 {FILE}; {_ANEW}", "reveille install"),
    Remedy("systemd credential", f"{_DIRECTORY}=/srv reveille check-config",
           "systemd credential 'trunk-a'.* is missing, empty or not readable",
           mends=f"{_DIRECTORY}=/etc/reveille/credentials reveille check-config"),
    Remedy("the credential NAME is missing", "reveille install",
           "the credential trunk-a is missing",
           "mv /etc/reveille/credentials/trunk-a /srv",
           "mv /srv/trunk-a /etc/reveille/credentials; reveille install"),
    Remedy("there is no kind", "reveille --config /srv/typo.toml check-config",
           "there is no kind 'portel'; did you mean 'portal'[?]",
           f"sed 's/\"portal\"/\"portel\"/' {FILE} > /srv/typo.toml", "reveille reference"),
    Remedy("none is installed", "reveille report show --format pdf --to /root/a.pdf",
           "none is installed: apt-get install chromium-headless-shell",
           "mv /usr/bin/chromium-headless-shell /srv/away",
           "mv /srv/away /usr/bin/chromium-headless-shell"),
    Remedy("203/EXEC", "systemctl status reveille", "203/EXEC",
           f"mv /opt/reveille/.venv /srv/venv; {_ANEW}",
           "/opt/reveille/reveille --version; /opt/reveille/reveille install"),
    Remedy("Outbox: … failed", "reveille status", "Outbox: .*[1-9] failed",
           f"sed -i 's/^to = .*/to = [\"nobody-there@localhost\"]/' {FILE};"
           " systemctl reload reveille; reveille audit --send || true",
           "for n in $(reveille outbox | sed -n 's/ *\\([0-9]*\\)  failed.*/\\1/p'); do"
           " reveille outbox dismiss $n 'told by phone'; done;"
           f" sed -i 's/^to = .*/to = [\"ops@localhost\"]/' {FILE}; systemctl reload reveille",
           "reveille outbox"),
    Remedy("install needs root", "su ops -s /bin/sh -c 'reveille install'",
           "install needs root: sudo reveille install", mends="sudo reveille install"),
    Remedy("the service's user could not read", "reveille install",
           "the service's user could not read /opt/reveille, where", "chmod o-x /opt/reveille",
           "chmod o+x /opt/reveille; REVEILLE_PYTHON=/usr/bin/python3 /opt/reveille/reveille"
           " --version; reveille install"),
    Remedy("host.conf", "reveille check-config", "host.conf.*not in force: without",
           f"printf '[checks.disks]\\nkind = \"host-disks\"\\nat = [\"03:00\"]\\n' >> {FILE}",
           "reveille install", "! reveille check-config 2>&1 | grep 'not in force'"),
    Remedy("there is a user reveille already", "reveille install",
           r"there is a user reveille already, who can log in.*\((usermod --shell [^)]*)\)",
           "usermod --shell /bin/bash reveille", "{said}; reveille install"),
    Remedy("… is not there: install -d", "reveille install", "(install -d -o reveille [^;,)]+)",
           "printf '[checks.put-by]\\nkind = \"backup\"\\nat = [\"03:00\"]\\nengine ="
           " \"directory\"\\npath = \"/srv/site\"\\nfolder = \"/srv/elsewhere/site\"\\n'"
           f" >> {FILE}",
           "{said}; reveille install"),
    Remedy("the service is not ready: it ended 3 times", "reveille install",
           "the service is not ready: it ended 3 times while it started",
           f"systemctl stop reveille; cd {_STATE}; mkdir aside; mv ledger.sqlite* aside;"
           " mkdir ledger.sqlite",
           f"cd {_STATE}; rmdir ledger.sqlite; mv aside/* .; rmdir aside; reveille check-config;"
           " reveille install"),
    Remedy("the service is not ready: it was not ready", "reveille install --within 10ms",
           "the service is not ready: it was not ready within", "systemctl stop reveille",
           "reveille install --within 10m"),
    Remedy("… is what runs already", "/opt/reveille/reveille upgrade",
           "is what runs already: unpack the new one in another folder"),
    Remedy("the ledger … is of version", "reveille status", r"the ledger .* is of version 900\d",
           f"systemctl stop reveille; cp -p {_STATE}/ledger.sqlite /srv/kept; python3 /srv/newer",
           f"rm -f {_STATE}/ledger.sqlite-*; cp -p /srv/kept {_STATE}/ledger.sqlite;"
           " systemctl start reveille"),
    Remedy("Failed to set up credentials", _STATUS, "Failed to set up credentials|243/CREDENTIALS",
           "mkdir -p /etc/systemd/system/reveille.service.d; printf"
           " '[Service]\\nLoadCredential=x:/srv/gone\\n' >"
           f" /etc/systemd/system/reveille.service.d/own.conf; systemctl daemon-reload; {_ANEW}",
           "rm /etc/systemd/system/reveille.service.d/own.conf; systemctl daemon-reload;"
           " systemctl reset-failed reveille; systemctl restart reveille"),
    Remedy("must be member of role", "reveille backup restore orders --to third",
           "permission denied to create database",
           "su postgres -c \"psql -qc 'ALTER ROLE reveille NOCREATEDB'\"",
           "su postgres -c \"psql -qc 'ALTER ROLE reveille CREATEDB'\"",
           "reveille backup restore orders --to third"),
    Remedy("Peer authentication failed", "psql -h /run/postgresql -U reveille orders -c ''",
           'Peer authentication failed for user "reveille"', mends="reveille run-now orders"),
)  # fmt: skip

SEEN_ELSEWHERE: Mapping[str, str] = {
    "UNKNOWN, the monitor is blind": "test_matrix.py, and tests/scenes",
    "the ledger … has not answered": "tests/unit/test_own_thread.py: no disk freezes there",
    "action=day_differs": "tests/ledger/test_retention.py",
    "another host is called": "tests/ledger/test_sharing.py: it takes two hosts",
    "action=settlement_refused": "tests/scenes/test_several_hosts.py",
    "action=ledger_not_sealed": "tests/ledger/test_sharing.py",
    "the package 'lab' would come from": "tests/house/test_mixed_environment.py",
    "UNKNOWN, Connection closed while reading from the driver": "the matrix, without browser.conf",
    "… is not let within the walls": "the matrix, without host.conf",
    "DTLS cannot call back": "the matrix, without webrtc.conf",
    "the files are those of the version before": "test_package.py",
    "… does not run here": "test_installed.py",
    "nor does the old one become ready": "test_installed.py",
    "… was taken from": "tests/loopback/test_led_elsewhere.py",
    "not read to its end": "test_attackers.py",
    "HTTPS_PROXY of the environment": "tests/field/far_ends/test_proxies.py",
    "… is of the type": "tests/loopback/test_database_owner.py",
}
"""rows that are broken and mended by other tests"""
