"""The marker test of the whole daemon: a secret of its own in every place of a configuration, far
ends that say back what they were told, tickets and mails of it; then every road out of the daemon
is searched. A leak planted in each road has to be found, or the silence would say nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.injected_faults import Faults
from lab.mail_server import Mailbox
from monitor.clock import SystemClock
from monitor.ledger import Ledger, keepsake
from tests.field.security.daemon_roads import Roads
from tests.field.security.echo import Echoes, echoes
from tests.field.security.test_markers import BASES, ON_A_PHONE, SLOW, WELL, Base, marker, written
from tests.loopback.certificates import Authority
from tests.scenes.daemon_process import Process
from tests.spellings import SPELLINGS, found

ROLES = ("operators", "customer-support-desk", "shift-team-leader", "director-technical-support")
FAST = ("portal", "nagios-plugin")
"""a far end over a socket, and a child with an output"""


def toml(value: Any) -> str:
    """A value as TOML: JSON's, but for tables."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def configuration(
    folder: Path, far: Echoes, names: Sequence[str], desk: Mapping[str, Any]
) -> tuple[str, list[str]]:
    """The configuration that looks at them, and its markers."""
    tables: dict[str, Any] = {"desks": {"mail": desk}, "lines": {}, "checks": {}}
    marks = list[str]()
    for kind in names:
        name = re.sub(r"\W", "-", kind)
        settings, its = written(kind, {**BASES, **SLOW}[kind](far), folder)
        if isinstance(line := settings.get("line"), dict):
            line.pop("name")
            tables["lines"][name], settings["line"] = line, name
        own = {"every": "10s", "confirm_after": "50ms", "recheck": "5s"}
        tables["checks"][name] = {"kind": kind.split()[0], **own, **settings}
        marks += its
    lines = [
        f"state = {toml(str(folder.parent / 'state'))}",
        *("[site]", 'name = "Pune"', 'timezone = "Asia/Kolkata"', 'region = "india"'),
        'policy = "ozonetel"',
    ]
    for role in (*ROLES, "change-request-desk"):
        lines += ["[[people]]", f'role = "{role}"', f'mail = "{role}@example.net"']
    for room, entries in tables.items():
        for name, settings in entries.items():
            lines += [f"[{room}.{name}]", *(f"{k} = {toml(v)}" for k, v in settings.items())]
    return "\n".join(lines) + "\n", marks


async def searched(folder: Path, names: Sequence[str]) -> None:
    """Run a daemon that looks at them until each has failed and the desk was told; search."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    password = marker("desk", ("password",))
    (mail := secrets / "mail").write_text(password + "\n", encoding="utf-8")
    authority = Authority(folder, "Mail authority")
    tls = authority.issue("127.0.0.1")
    mailbox = Mailbox(folder / "mails", Faults(), tls, ("m", password))
    await mailbox.open("127.0.0.1")
    try:
        async with echoes(folder) as far:
            desk = {
                "kind": "mail", "host": "127.0.0.1", "port": mailbox.port, "tls": "starttls",
                "trusted_certificates": str(authority.file), "user": "m",
                "password": {"file": str(mail)}, "sender": "r@example.net",
            }  # fmt: skip
            text, marks = configuration(secrets, far, names, desk)
            (file := folder / "reveille.toml").write_text(text, encoding="utf-8")
            roads = Roads(daemon := Process(file), mailbox)
            with roads.watched():
                try:
                    await daemon.start()
                    checks = daemon.configuration.checks
                    await daemon.until(
                        lambda: not daemon.read(lambda kept: unlooked(kept, checks)), 120
                    )
                    await daemon.until(lambda: mailbox.messages(), 30)
                finally:
                    await daemon.stop()
        # As the daemon does ten seconds after it has told somebody something.
        keepsake.keep(daemon.state / "ledger.sqlite", SystemClock().now())
        marks.append(password)
        assert all(found(f"said: {mark}".encode(), mark) for mark in marks)
        assert leaks(roads, marks) == []
        held_to_its_own_leaks(roads)
    finally:
        await mailbox.close()


def unlooked(ledger: Ledger, checks: Iterable[str]) -> list[str]:
    """Those of the checks that nobody has looked at yet. Fails for one that is well, and should
    not be.
    """
    seen = {name: {row.verdict.state for row in ledger.attempts(name)} for name in checks}
    assert {name for name, states in seen.items() if "OK" in states} <= set(WELL)
    return [name for name, states in seen.items() if not states]


def leaks(roads: Roads, marks: Sequence[str]) -> list[str]:
    """Where a marker stands, and in which spelling."""
    return [
        f"{mark} stands in {road} as {', '.join(how)}"
        for road, content in roads.all().items()
        for mark in marks
        if (how := found(content + b"\n" + re.sub(rb"\\(.)", rb"\1", content), mark))
    ]


def held_to_its_own_leaks(roads: Roads) -> None:
    """One text with every spelling of a secret leaves by each road, and is found in each."""
    mark = marker("planted", ("everywhere",))
    said = " | ".join(spell(mark) for spell in SPELLINGS.values())
    planted = [*roads.plant(said), roads.mail(said)]
    seen = " ".join(leaks(roads, [mark]))
    assert [road for road in planted if f"stands in {road} as " not in seen] == []


async def test_no_secret_leaves_the_daemon_by_any_road(tmp_path: Path) -> None:
    await searched(tmp_path, FAST)


@pytest.mark.slow
@pytest.mark.engine
async def test_nor_with_every_kind_that_has_one(tmp_path: Path) -> None:
    every: Mapping[str, Base] = {**BASES, **SLOW}
    assert set(ON_A_PHONE) < every.keys()
    await searched(tmp_path, tuple(every))
