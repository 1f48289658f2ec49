"""The sample that `reveille init` writes: every section and key, each with its meaning, ready to be edited.

What a key means, its default and that it exists come from the models. Only what a newcomer begins with stands here.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap
from typing import Any

from monitor import policies
from monitor.config.models import OPERATORS, Rhythm
from monitor.config.schema import Catalogue, Schema
from monitor.config.schema_words import example, meaning, type_words
from monitor.config.sections import SECTIONS, Section, Top
from monitor.config.toml import key as toml_key
from monitor.config.toml import toml

_WIDTH = 110
_HEAD = """\
# Reveille. Lines that begin with '#' are explanations, or keys with their defaults: take the '#' away to change them.
# 'reveille check-config' says all that is wrong, 'reveille reference' explains every key, 'reveille once NAME' tries.
# Durations are written as 20s, 5m, 1h30m. Relative paths count from the folder of this file.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One table to begin with. What is not `live` is shown behind a '#'."""

    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    live: bool = True
    remark: str = ""
    omit: frozenset[str] = frozenset()
    """keys not to show, where they would contradict the values"""


_SITE = {"name": "Pune", "timezone": "Asia/Kolkata", "region": "india", "policy": "ozonetel"}
ENTRIES: dict[str, tuple[Entry, ...]] = {
    "site": (Entry(values=_SITE),),
    "lines": (
        Entry("trunk-a", {"registrar": "sip.example.net", "user": "monitor", "password": {"credential": "trunk-a"}}),
    ),
    "agents": (
        Entry("agent-01", {"registrar": "sip.example.net", "user": "6001", "password": {"credential": "agent-01"}}),
    ),
    "maintenance": (
        Entry(
            values={"daily": "02:00-03:00", "days": ["sun"], "reason": "weekly database work"},
            live=False,
            omit=frozenset({"start", "end"}),
        ),
        Entry(
            values={
                "checks": ["main-number"],
                "start": datetime.datetime(2026, 12, 24, 22),  # noqa: DTZ001 - site time
                "end": datetime.datetime(2026, 12, 25, 2),  # noqa: DTZ001
            },
            live=False,
            omit=frozenset({"daily", "days", "reason"}),
        ),
    ),
    "audit": (Entry(values={"to": ["operations@example.net"]}, live=False),),
}
CHECKS: dict[str, tuple[Entry, ...]] = {
    "sip-options": (Entry("trunk", {"every": "1m", "line": "trunk-a"}),),
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
                "script": [{"pause": "2s"}, {"press": "1"}, {"agent": "agent-01", "within": "20s"}, {"hang-up": True}],
            },
            remark='With a recording beside this file it proves the prompt: { hear = "welcome.wav", within = "6s" }',
        ),
    ),
    "portal": (
        Entry(
            "agent-portal",
            {"every": "5m", "component": "agent-portal", "url": "https://agent.example.net/"},
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
            remark='Of a database: { postgresql = { host = "...", database = "...", user = "...", password = {...} } }',
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
            remark="It is restored and compared at once; `reveille backup list` shows what there is.",
        ),
    ),
    "backup-proof": (
        Entry("records-proof", {"at": ["05:30"], "folder": "/var/lib/reveille/backups/asterisk"}),
    ),
    "webrtc-call": (
        Entry(
            "browser-call",
            {
                "every": "15m",
                "expect": ["certificate_days >= 14", "answer_seconds <= 4"],
                "url": "wss://edge.example.net/ws",
                "user": "6101",
                "password": {"credential": "webrtc"},
                "to": "8000",
                "script": [{"agent": "agent-01", "within": "20s"}],
                "stun": ["stun:turn.example.net:3478"],
                "turn": ["turn:turn.example.net:3478?transport=udp", "turns:turn.example.net:5349"],
                "turn_user": "agents",
                "turn_password": {"credential": "turn"},
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
            remark='What depends on it names it, diagnose = ["uplink"]: its failure is the one ticket then.',
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
                "mailbox": {"host": "imap.example.net", "user": "probe", "password": {"credential": "probe-mail"}},
            },
        ),
    ),
    "nagios-plugin": (
        Entry(
            "database-port",
            {
                "every": "5m",
                "expect": ["time_seconds <= 2"],
                "command": ["/usr/lib/nagios/plugins/check_tcp", "-H", "crm.example.net", "-p", "5432"],
                "perfdata": ["time_seconds"],
            },
        ),
    ),
}
DESKS: dict[str, tuple[Entry, ...]] = {
    "built-in": (Entry("tickets"),),
    "mail": (
        Entry(
            "mail",
            {
                "host": "mail.example.net",
                "user": "reveille",
                "password": {"credential": "mail"},
                "sender": "reveille@example.net",
            },
            live=False,
        ),
    ),
}


def sample() -> str:
    """A whole file, with a comment for every key."""
    catalogue = Catalogue()
    parts = [_HEAD, _table("", catalogue.of(Top), Entry(), catalogue)]
    for section in SECTIONS:
        parts.append(_banner(section))
        parts += _section(section, catalogue)
    return "\n".join(part.rstrip() + "\n" for part in parts if part.strip())


def write_sample(path: Path) -> None:
    """Write the sample for the daemon's user and group to read. Raises FileExistsError: nothing is overwritten."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o640)
        file.write(sample())


def _banner(section: Section) -> str:
    return f"\n# {'-' * 12} {section.heading} {'-' * (90 - len(section.heading))}\n{_comment(section.meaning)}"


def _section(section: Section, catalogue: Catalogue) -> list[str]:
    if section.name == "checks":
        return list(_by_kind(section, catalogue, CHECKS, catalogue.of(Rhythm)["properties"]))
    if section.name == "desks":
        return list(_by_kind(section, catalogue, DESKS, {}))
    schema = catalogue.of(section.model)
    known: set[str] = set(schema["properties"]) if section.like else set()
    tables = []
    for entry in _people() if section.name == "people" else ENTRIES[section.name]:
        heading = section.heading.replace("NAME", toml_key(entry.name))
        tables.append(_table(heading, schema, entry, catalogue, known))
        known |= set(schema["properties"]) - entry.omit
    return tables


def _people() -> tuple[Entry, ...]:
    """The site's own shift, and whoever the policy speaks of without publishing a desk."""
    policy = policies.load(_SITE["policy"])
    published = {desk.role for role in policy.roles for desk in policy.contacts(role, _SITE["region"]) if desk.mail}
    roles = [role for role in policy.roles if role not in (OPERATORS, *published)]
    own = Entry(values={"role": OPERATORS, "name": "Night shift", "mail": "operators@example.net"})
    return (own, *(Entry(values={"role": role, "mail": f"{role}@example.net"}) for role in roles))


def _by_kind(
    section: Section, catalogue: Catalogue, examples: Mapping[str, tuple[Entry, ...]], common: Schema
) -> Iterable[str]:
    """An example of every kind, those that newcomers begin with first; what all have in common is explained once."""
    known = catalogue.kinds if section.name == "checks" else catalogue.desks
    explained = False
    for kind in [*(kind for kind in examples if kind in known), *(kind for kind in known if kind not in examples)]:
        own = catalogue.of(known[kind])
        for entry in examples.get(kind, (Entry(kind, live=False),)):
            shown = common if not explained else {key: common[key] for key in common if key in entry.values}
            properties = {"kind": {"const": kind, "description": meaning(own)}, **own.get("properties", {}), **shown}
            schema = {**own, "properties": properties, "required": ["kind", *own.get("required", [])]}
            filled = Entry(entry.name, {"kind": kind, **entry.values}, entry.live, entry.remark)
            yield _table(f"[{section.name}.{toml_key(entry.name)}]", schema, filled, catalogue)
            explained = True


def _table(
    heading: str, schema: Schema, entry: Entry, catalogue: Catalogue, known: Collection[str] = frozenset()
) -> str:
    """One table; of the keys that are `known` from a table before it, only those that the entry fills."""
    mark = "" if entry.live else "#"
    lines = [f"{mark}{heading}"] if heading else []
    if entry.remark:
        lines.append(_comment(entry.remark))
    for name, described in schema.get("properties", {}).items():
        if name in entry.values:
            lines += [] if name in known else [_comment(meaning(described))]
            lines.append(f"{mark}{toml_key(name)} = {toml(entry.values[name])}")
        elif name not in known and name not in entry.omit:
            required = name in schema.get("required", [])
            lines += [
                _comment(meaning(described)),
                f"#{toml_key(name)} = {_suggestion(described, required, catalogue)}",
            ]
    return "\n".join(line for line in lines if line) + "\n"


def _suggestion(described: Schema, required: bool, catalogue: Catalogue) -> str:
    """The default, else an example, else its type in words."""
    if not required and described.get("default") not in (None, "", [], {}):
        return toml(described["default"])
    if written := example(described):
        return written
    if "default" in described:
        return toml(described["default"])
    return f"({type_words(described, catalogue)})"


def _comment(text: str) -> str:
    return "\n".join(f"# {line}" for line in wrap(text, _WIDTH)) if text else ""
