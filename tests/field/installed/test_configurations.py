"""Mistakes that a stranger made in a configuration: each must be refused, or warned of, at the
place where it stands.

`told` is where the fault or the warning must stand, and `words` what it must say of it; what is
lawful stands as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor.config import ConfigurationFaults, load

PEOPLE = "".join(
    f'[[people]]\nrole = "{role}"\nmail = "ops@example.net"\n'
    for role in (
        "operators",
        "customer-support-desk",
        "change-request-desk",
        "shift-team-leader",
        "director-technical-support",
        "change-request-level-2",
        "change-request-level-3",
    )
)
MAIL = '[desks.mail]\nkind = "mail"\nhost = "127.0.0.1"\ntls = "none"\nsender = "r@example.net"\n'
BUILT_IN = '[desks.tickets]\nkind = "built-in"\n'
PORTAL = (
    '[checks.portal]\nkind = "portal"\ncomponent = "agent-portal"\n'
    'url = "http://127.0.0.1:28080/"\nevery = "1m"\n'
)
LINE = '[lines.t]\nregistrar = "{}"\n[checks.c]\nkind = "sip-options"\nline = "t"\nevery = "5m"\n'
OPTIONS = '[checks.o]\nkind = "sip-options"\nhost = "{}"\nevery = "5m"\n'
USAGE = '[checks.u]\nkind = "usage"\nrecords = {{ file = "{}" }}\nat = ["04:00"]\n'


@dataclass(frozen=True, slots=True)
class Mistake:
    """What was written instead, and what must be said of it."""

    name: str
    told: str
    words: tuple[str, ...] = ()
    more: str = ""
    wrong: str = ""
    zone: str = "Europe/Berlin"
    region: str = "uk"
    portal: str = PORTAL
    desks: str = MAIL
    people: str = PEOPLE

    @property
    def text(self) -> str:
        """The configuration."""
        site = f'[site]\nname = "Testville"\ntimezone = "{self.zone}"\nregion = "{self.region}"\n'
        return site + self.people + self.portal + self.desks + self.more


def portal(*more: str, url: str = "http://127.0.0.1:28080/") -> str:
    """The portal with more settings, or with others in their place."""
    written = PORTAL.replace("http://127.0.0.1:28080/", url)
    if any(line.startswith("component") for line in more):
        written = written.replace('component = "agent-portal"\n', "")
    return written + "".join(f"{line}\n" for line in more)


def maintenance(*lines: str) -> str:
    """A window."""
    return "[[maintenance]]\n" + "".join(f"{line}\n" for line in lines)


CERTIFICATE = (
    '[checks.cert]\nkind = "tls-certificate"\nhost = "localhost"\nat = ["09:00"]\n'
    'expect = ["certificate_days >= 14"]\ncomponent = "agent-portal"\n'
)
PLUGIN = (
    '[checks.n]\nkind = "nagios-plugin"\ncommand = ["/nonexistent/check_nope", "-H", "x"]\nevery ='
    ' "5m"\n'
)
CALL = (
    '[lines.t]\nregistrar = "127.0.0.1:25060"\n[checks.c]\nkind = "sip-call"\nline = "t"\nto ='
    ' "8000"\nevery = "5m"\n'
)
BACKUP = (
    '[checks.b]\nkind = "backup"\nfolder = "bk"\nengine = "{}"\ndatabase = "x"\nat = ["04:00"]\n'
)
INSIDE = (
    '[checks.b]\nkind = "backup"\nengine = "directory"\npath = "/srv/d"\nfolder ='
    ' "/srv/d/backups"\nat = ["04:00"]\n'
)
AUDIT = '[audit]\nto = ["x@example.net"]\nchecks = ["portal"]\n'
SECOND = MAIL.replace("desks.mail", "desks.second")

MISTAKES = (
    Mistake("nobody-mails-the-people", "desks", ("mail",), desks=BUILT_IN),
    Mistake("nobody-mails-the-audit", "audit", ("mail",), AUDIT, desks=BUILT_IN),
    Mistake("two-mail-desks", "desks.second", (), SECOND),
    Mistake(
        "strangers-are-mailed",
        "people",
        ("'customer-support-desk'", "support@getkookoo.com", "never told", "operators"),
        people=PEOPLE.replace("customer-support-desk", "operators"),
    ),
    Mistake(
        "unknown-component",
        "checks.portal.component",
        ("agent-portal",),
        portal=portal('component = "agents-portal"'),
    ),
    Mistake(
        "a-certificate-is-no-portal",
        "checks.cert.expect[0]",
        ("P0", "agent portal is down", "leave 'component' out"),
        CERTIFICATE,
    ),
    Mistake("port-99999", "lines.t.registrar", ("65535",), LINE.format("127.0.0.1:99999")),
    Mistake(
        "registrar-is-an-address-of-sip",
        "lines.t.registrar",
        ("sip:",),
        LINE.format("sip:127.0.0.1:25060"),
    ),
    Mistake(
        "a-shells-variable",
        "checks.portal.url",
        (),
        portal=portal(url="http://${PORTAL_HOST}/"),
    ),
    Mistake(
        "desk-with-port",
        "desks.mail.host",
        ("port",),
        desks=MAIL.replace("127.0.0.1", "127.0.0.1:2525"),
    ),
    Mistake("plugin-is-not-there", "checks.n.command", ("/nonexistent/check_nope",), PLUGIN),
    Mistake(
        "records-are-not-there",
        "checks.u.records",
        ("/nonexistent/Master.csv",),
        USAGE.format("/nonexistent/Master.csv"),
    ),
    Mistake(
        "limit-longer-than-rhythm",
        "checks.c",
        ("every",),
        LINE.format("127.0.0.1").replace('"5m"', '"30s"\nwithin = "60s"'),
    ),
    Mistake(
        "zone-est",
        "site.timezone",
        ("America/",),
        zone="EST",
    ),
    Mistake(
        "zone-with-the-other-sign",
        "site.timezone",
        ("sign",),
        zone="Etc/GMT+5",
    ),
    Mistake("zone-ist", "site.timezone", ("Asia/Kolkata",), zone="IST"),
    Mistake("zone-cst", "site.timezone", ("America/Chicago", "Asia/Shanghai"), zone="CST"),
    Mistake("zone-hst", "site.timezone", ("Pacific/Honolulu",), zone="HST"),
    Mistake("zone-gmt-minus", "site.timezone", ("ahead of UTC",), zone="Etc/GMT-5"),
    Mistake(
        "component-of-another-monitor",
        "checks.portal.component",
        ("makes no difference", "crm-frontend"),
        portal=portal('component = "crm-frontend"'),
    ),
    Mistake(
        "manager-with-scheme",
        "checks.q.host",
        ("without 'tcp:'",),
        '[checks.q]\nkind = "pri-ami"\nhost = "tcp:127.0.0.1:5038"\nuser = "x"\n'
        'password = { environment = "HOME" }\nevery = "5m"\n',
    ),
    Mistake("port-0", "checks.o.host", ("1 to 65535",), OPTIONS.format("pbx.example.net:0")),
    Mistake("port-as-a-word", "checks.o.host", ("'sip'",), OPTIONS.format("pbx.example.net:sip")),
    Mistake(
        "mailbox-with-port",
        "checks.m.host",
        ("port = 143",),
        '[checks.m]\nkind = "tls-certificate"\nhost = "imap.example.net:143"\nat = ["09:00"]\n',
    ),
    Mistake(
        "a-shells-variable-in-a-host",
        "checks.o.host",
        ("variable",),
        OPTIONS.format("$PBX_HOST"),
    ),
    Mistake(
        "a-shells-variable-in-a-socket",
        "checks.w.url",
        ("variable",),
        '[checks.w]\nkind = "websocket"\nurl = "wss://${EDGE}/ws"\nevery = "5m"\n',
    ),
    Mistake(
        "plugin-that-is-no-program",
        "checks.n.command",
        ("no program", "/etc/passwd"),
        PLUGIN.replace("/nonexistent/check_nope", "/etc/passwd"),
    ),
    Mistake(
        "records-by-a-pattern",
        "checks.u.records",
        ("/nonexistent/*.csv",),
        USAGE.format("/nonexistent/*.csv"),
    ),
    Mistake(
        "portal-slower-than-its-rhythm",
        "checks.portal.within",
        ("every", "5m"),
        portal=portal('within = "5m"'),
    ),
    *(
        Mistake(
            f"kind-{word}",
            "checks.portal.kind",
            (f"'{kind}'",),
            portal=portal().replace('"portal"', f'"{word}"'),
        )
        for word, kind in (
            ("http", "portal"),
            ("HTTPS", "portal"),
            ("ssl", "tls-certificate"),
            ("ping", "uplink"),
            ("nrpe", "nagios-plugin"),
        )
    ),
    Mistake(
        "dots-in-a-name",
        "checks.www",
        ('[checks."www.example.com"]', "quotes"),
        portal=portal().replace("checks.portal", "checks.www.example.com"),
    ),
    Mistake(
        "dots-in-two-names",
        "checks.www",
        ('[checks."www.example.org"]',),
        portal=portal().replace("checks.portal", "checks.www.example.com")
        + portal().replace("checks.portal", "checks.www.example.org"),
    ),
    Mistake(
        "dots-in-a-line-s-name",
        "lines.pbx",
        ('[lines."pbx.example.net"]',),
        '[lines.pbx.example.net]\nregistrar = "127.0.0.1"\n',
    ),
    *(
        Mistake(f"sign-{ord(sign):04x}", "", (f"U+{ord(sign):04X}", "plain"), f"x{sign}= 1\n")
        for sign in "\u00a0\u2009\u200b\u3000"
    ),
    Mistake("typographic-quotes", "", ("U+201C", "plain quote"), "x = \u201cy\u201d\n"),
    Mistake(
        "backups-inside-what-is-backed-up",
        "checks.b",
        ("/srv/d/backups",),
        INSIDE,
    ),
    Mistake("region-nobody-serves", "site.region", (), region="germany"),
    Mistake(
        "unknown-measure",
        "checks.portal.expect",
        ("anser_seconds",),
        portal=portal('expect = ["anser_seconds <= 4"]'),
    ),
    Mistake(
        "plugin-as-text",
        "checks.n.command",
        (),
        PLUGIN.replace('["/nonexistent/check_nope", "-H", "x"]', '"/bin/true -H x"'),
    ),
    Mistake(
        "window-of-an-unknown-check",
        "maintenance",
        ("porta",),
        maintenance('checks = ["porta"]', 'daily = "02:00-03:00"'),
    ),
    Mistake(
        "window-with-an-offset",
        "maintenance",
        (),
        maintenance(
            'checks = ["portal"]', "start = 2026-12-24T22:00:00Z", "end = 2026-12-24T23:00:00Z"
        ),
    ),
    Mistake(
        "sender-is-no-address",
        "desks.mail.sender",
        (),
        desks=MAIL.replace("r@example.net", "reveille"),
    ),
    Mistake(
        "unknown-desk",
        "desks.chat.kind",
        ("slack",),
        '[desks.chat]\nkind = "slack"\nurl = "https://hooks.example.net/"\n',
    ),
    Mistake("engine-misspelt", "checks.b.engine", ("postgresql",), BACKUP.format("postgres")),
    Mistake(
        "step-misspelt",
        "checks.c.script",
        ("pres",),
        CALL + 'script = [{ hear = "welcome.wav" }, { pres = "1" }]\n',
    ),
    Mistake(
        "steps-as-texts", "checks.c.script", (), CALL + 'script = ["hear welcome.wav", "press 1"]\n'
    ),
    Mistake("truth-as-text", "checks.portal", (), portal=portal('follow_redirects = "no"')),
    Mistake(
        "list-as-text", "checks.portal.must_contain", (), portal=portal('must_contain = "Sign in"')
    ),
    Mistake(
        "name-in-other-letters",
        "checks",
        ("Überwachung",),
        portal=PORTAL.replace("checks.portal", '"checks"."Überwachung"'),
    ),
    Mistake(
        "circle",
        "diagnose",
        ("portal",),
        portal().replace("checks.portal", "checks.b") + 'diagnose = ["portal"]\n',
        portal=portal('diagnose = ["b"]'),
    ),
)


def rows() -> list[Any]:
    return [
        pytest.param(
            row,
            id=row.name,
            marks=(
                [pytest.mark.xfail(strict=True, raises=AssertionError, reason=row.wrong)]
                if row.wrong
                else []
            ),
        )
        for row in MISTAKES
    ]


def said(folder: Path, text: str) -> list[str]:
    """Every fault, or every warning, as check-config prints it."""
    file = folder / "reveille.toml"
    file.write_text(f'state = "{folder}/state"\n{text}', encoding="utf-8")
    try:
        return [str(warning) for warning in load(file).warnings]
    except ConfigurationFaults as faults:
        return [str(fault) for fault in faults.faults]


@pytest.mark.parametrize("row", rows())
def test_a_mistake_is_told_where_it_stands(tmp_path: Path, row: Mistake) -> None:
    found = said(tmp_path, row.text)
    assert any(
        row.told in one.partition(": ")[0] and all(word in one for word in row.words)
        for one in found
    ), found


def test_the_configuration_that_is_changed_here_is_good(tmp_path: Path) -> None:
    """So that a mistake is told for itself."""
    assert said(tmp_path, Mistake("good", "").text) == []
