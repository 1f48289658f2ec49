"""An example of every kind of check, those that newcomers begin with first; each stands in the
sample as it is here.
"""

from __future__ import annotations

from monitor.config.reference.example_checks_browser import BROWSED
from monitor.config.reference.example_checks_web import WALKED
from monitor.config.reference.examples import Entry

CHECKS: dict[str, tuple[Entry, ...]] = {
    "sip-options": (Entry("trunk", {"every": "1m", "line": "trunk-a"}),),
    "sip-registration": (Entry("trunk-account", {"every": "15m", "line": "trunk-a"}),),
    "pri-ami": (
        Entry(
            "pbx-spans",
            {
                "every": "1m",
                "host": "pbx.example.net",
                "user": "reveille",
                "password": {"credential": "manager"},
            },
        ),
    ),
    "queue-state": (
        Entry(
            "queues",
            {
                "every": "5m",
                "warn": ["longest_wait_seconds <= 120"],
                "host": "pbx.example.net",
                "user": "reveille",
                "password": {"credential": "manager"},
                "queues": ["support"],
            },
        ),
    ),
    "outbound-dialer": (
        Entry(
            "click-to-call",
            {
                "at": ["09:00"],
                "expect": ["ring_seconds <= 15"],
                "line": "trunk-a",
                "agent": "agent-01",
                "url": "https://dialer.example.net/",
                "steps": [
                    {
                        "name": "api",
                        "url": "/api/v1/calls",
                        "json": {"customer": "{customer}", "agent": "{agent}"},
                        "headers": {"Authorization": "Bearer {key}"},
                        "expect_status": [200, 202],
                    }
                ],
                "secrets": {"key": {"credential": "dialer"}},
                "caller_id": "8000",
            },
            remark=(
                "A campaign calls without an agent: leave `agent` out, and let the script hear its"
                " announcement."
            ),
        ),
    ),
    "pyvoip-call": (
        Entry(
            "main-number-again",
            {"at": ["12:30"], "line": "trunk-a", "to": "8000"},
            remark="A second opinion by another engine; also where there is no wheel of pjsua2.",
        ),
    ),
    "burst": (
        Entry(
            "capacity",
            {"at": ["03:00"], "line": "trunk-a", "to": "8000", "calls": 20, "at_once": 1},
            remark="As many at once as the line has channels; `log_ins` logs agents in instead.",
        ),
    ),
    "pri-snmp": (
        Entry(
            "pri-1",
            {
                "every": "1m",
                "host": "gateway.example.net",
                "community": {"credential": "gateway"},
                "spans": [{"name": "telco-a", "index": "1", "d_channel": "101"}],
            },
        ),
    ),
    "sip-call": (
        Entry(
            "main-number",
            {
                "at": ["08:30", "17:30"],
                "expect": ["answer_seconds <= 4"],
                "diagnose": ["trunk"],
                "line": "trunk-a",
                "to": "8000",
                "script": [
                    {"pause": "2s"},
                    {"press": "1"},
                    {"agent": "agent-01", "within": "20s"},
                    {"hang-up": True},
                ],
            },
            remark=(
                'With a recording beside this file it proves the prompt: { hear = "welcome.wav",'
                ' within = "6s" }'
            ),
        ),
        Entry(
            "call-control",
            {
                "at": ["08:40", "17:40"],
                "diagnose": ["trunk"],
                "line": "trunk-a",
                "to": "6001",
                "script": [
                    {"agent": "agent-01", "within": "20s"},
                    {"on-hold": "3s"},
                    {"mute": "2s"},
                    {"transfer": "supervisor-01", "within": "20s"},
                ],
            },
        ),
    ),
    "portal": (
        Entry(
            "agent-portal",
            {"every": "5m", "component": "agent-portal", "url": "https://agent.example.net/"},
        ),
        *(
            Entry(
                name,
                {
                    "every": "5m",
                    "component": name,
                    "url": f"https://{name.split('-')[0]}.example.net/",
                },
            )
            for name in ("admin-portal", "dashboard-portal", "report-portal")
        ),
    ),
    "usage": (
        Entry(
            "yesterdays-usage",
            {
                "at": ["04:00"],
                "records": {"file": "/var/log/asterisk/cdr-csv/Master.csv"},
                "queue_log": {"file": "/var/log/asterisk/queue_log"},
                "trunks": ["PJSIP/trunk-*"],
            },
            remark=(
                'Of a database: { postgresql = { host = "...", database = "...", user = "...",'
                " password = {...} } }"
            ),
        ),
    ),
    "backup": (
        Entry(
            "records-backup",
            {
                "at": ["04:00"],
                "engine": "postgresql",
                "database": "asterisk",
                "user": "backup",
                "password": {"credential": "backup"},
                "folder": "/var/lib/reveille/backups/asterisk",
                "newest_record": "SELECT max(calldate) FROM cdr",
            },
            remark=(
                "It is restored and compared at once; `reveille backup list` shows what there is."
            ),
        ),
    ),
    "backup-proof": (
        Entry("records-proof", {"at": ["05:30"], "folder": "/var/lib/reveille/backups/asterisk"}),
    ),
    "voice-log-archive": (
        Entry(
            "voice-logs",
            {
                "at": ["05:15"],
                "recordings": "/var/spool/asterisk/monitor/%Y/%m",
                "folder": "/var/lib/reveille/voice-logs",
            },
        ),
    ),
    "hygiene": (
        Entry(
            "retention",
            {
                "at": ["05:00"],
                "live": {
                    "postgresql": {
                        "host": "db.example.net",
                        "database": "asterisk",
                        "user": "hygiene",
                        "password": {"credential": "hygiene"},
                    }
                },
                "reporting": {
                    "postgresql": {
                        "host": "reports.example.net",
                        "database": "reports",
                        "user": "hygiene",
                        "password": {"credential": "hygiene"},
                    }
                },
                "time": "calldate",
                "folder": "/var/lib/reveille/hygiene",
                "proven_in": "/var/lib/reveille/backups/asterisk",
            },
            remark=(
                "It only says what could go; clean = true removes it, once it is elsewhere and"
                " proven."
            ),
        ),
    ),
    "host-services": (
        Entry("pbx-services", {"every": "1m", "units": ["asterisk", "postgresql@15-main"]}),
    ),
    "host-resources": (Entry("pbx-resources", {"every": "5m"}),),
    "host-disks": (Entry("pbx-disks", {"every": "5m", "warn": ["most_used_percent <= 80"]}),),
    "host-kernel": (Entry("pbx-kernel", {"every": "5m"}),),
    "host-clock": (
        Entry(
            "pbx-clock",
            {
                "every": "15m",
                "servers": ["a.time.example.net", "b.time.example.net", "192.0.2.123"],
            },
        ),
    ),
    "host-ports": (
        Entry(
            "open-ports",
            {"every": "15m", "expected": ["tcp *:22 sshd", "udp *:5060 asterisk"]},
            remark="What else may listen is accepted by hand: `reveille accept open-ports`.",
        ),
    ),
    "host-updates": (Entry("security-updates", {"at": ["04:00"]}),),
    "database-health": (
        Entry(
            "records-database",
            {
                "every": "5m",
                "engine": "postgresql",
                "server": {
                    "database": "asterisk",
                    "user": "reveille",
                    "password": {"credential": "records"},
                },
                "standby_names": ["standby-b"],
            },
            remark=(
                "For the account: GRANT pg_monitor TO reveille; MariaDB: GRANT PROCESS, REPLICATION"
                " CLIENT."
            ),
        ),
    ),
    "queue-depth": (Entry("mail-queue", {"every": "15m", "mail": "postfix"}),),
    "virus": (
        Entry("viruses", {"at": ["04:00"], "paths": ["/home", "/srv", "/var/spool/asterisk"]}),
    ),
    "intrusion": (
        Entry(
            "intrusion",
            {"at": ["04:00"]},
            remark=(
                "Once after installing, and after every change of yours: `reveille accept"
                " intrusion`."
            ),
        ),
    ),
    "sip-abuse": (
        Entry(
            "toll-fraud",
            {
                "at": ["04:00"],
                "logs": ["/var/log/asterisk/messages"],
                "records": {"file": "/var/log/asterisk/cdr-csv/Master.csv"},
                "country": "91",
                "countries": ["1", "44"],
            },
        ),
    ),
    "uplink": (
        Entry(
            "uplink",
            {
                "every": "1m",
                "warn": ["loss_percent <= 2"],
                "targets": [
                    {"dns": "192.0.2.53", "name": "example.net"},
                    {"tcp": "198.51.100.7:443"},
                    {"http": "http://www.example.net/"},
                ],
            },
            remark=(
                'What depends on it names it, diagnose = ["uplink"]: its failure is the one ticket'
                " then."
            ),
        ),
    ),
    "dns": (Entry("portal-name", {"every": "5m", "name": "agent.example.net"}),),
    "tls-certificate": (
        Entry(
            "portal-certificate",
            {
                "at": ["09:00"],
                "expect": ["certificate_days >= 14"],
                "component": "agent-portal",
                "host": "agent.example.net",
            },
        ),
    ),
    "smtp": (
        Entry(
            "mail-arrives",
            {
                "every": "15m",
                "host": "mail.example.net",
                "port": 587,
                "user": "probe",
                "password": {"credential": "probe-mail"},
                "sender": "probe@example.net",
                "recipient": "probe@example.net",
                "mailbox": {
                    "host": "imap.example.net",
                    "user": "probe",
                    "password": {"credential": "probe-mail"},
                },
            },
        ),
    ),
    **WALKED,
    "nagios-plugin": (
        Entry(
            "database-port",
            {
                "every": "5m",
                "expect": ["time_seconds <= 2"],
                "command": [
                    "/usr/lib/nagios/plugins/check_tcp",
                    "-H",
                    "crm.example.net",
                    "-p",
                    "5432",
                ],
                "perfdata": ["time_seconds"],
            },
        ),
    ),
    **BROWSED,
}
