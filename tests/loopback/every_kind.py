"""A check of every kind that opens connections, against one place; and one attempt of each, told in
one word.

`python -m tests.loopback.every_kind` reads a job from its standard input, {"place": {...}, "kinds":
[...], "full": bool}, and writes {kind: word}: the code of the fault, "blind: why", or "fine". It is
a program so that it can be run in a network or with a resolver of its own; `full` leaves it no
descriptor to open.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from checks.contract import CannotTell, Check, Failed, Trace
from checks.kinds import kinds


@dataclass(frozen=True)
class Place:
    """Where to go; with `trusted`, over TLS."""

    host: str
    port: int
    trusted: str = ""

    @property
    def tls(self) -> bool:
        return bool(self.trusted)

    def url(self, scheme: str) -> str:
        return f"{scheme}{'s' if self.tls else ''}://{self.host}:{self.port}/"

    def trusting(self) -> dict[str, Any]:
        return {"trusted_certificates": self.trusted} if self.tls else {}


Settings = Callable[[Place, dict[str, str]], dict[str, Any]]


def _line(place: Place, secret: dict[str, str]) -> dict[str, Any]:
    account = {
        "name": "trunk",
        "user": "monitor",
        "password": secret,
        "transport": "tls" if place.tls else "tcp",
    }
    return {"line": {**account, "registrar": f"{place.host}:{place.port}", **place.trusting()}}


def _ami(place: Place, secret: dict[str, str]) -> dict[str, Any]:
    account = {"user": "monitor", "password": secret}
    return {**account, "host": f"{place.host}:{place.port}", "tls": place.tls, **place.trusting()}


def _uplink(place: Place, _: dict[str, str]) -> dict[str, Any]:
    return {"targets": [{"http": place.url("http")}], "samples": 1}


OPEN = [{"name": "open", "url": "/"}]
SETTINGS: dict[str, Settings] = {
    "sip-call": lambda place, secret: {
        **_line(place, secret), "to": "8000", "signalling_within": "5s",
    },
    "sip-options": _line,
    "sip-registration": _line,
    "portal": lambda place, _: {"url": place.url("http"), **place.trusting()},
    "api": lambda place, _: {"url": place.url("http"), "steps": OPEN, **place.trusting()},
    "webhook": lambda place, _: {
        "url": place.url("http"), "steps": [{"name": "open", "url": "/?to={callback}"}],
        "listen": "127.0.0.1:0", "callback_within": "2s", **place.trusting(),
    },
    "websocket": lambda place, _: {"url": place.url("ws"), **place.trusting()},
    "webrtc-call": lambda place, _: {
        "url": place.url("ws"), "user": "u", "to": "8000", **place.trusting(),
    },
    "tls-certificate": lambda place, _: {
        "host": place.host, "port": place.port, **place.trusting(),
    },
    "smtp": lambda place, _: {
        "host": place.host, "port": place.port, "security": "tls" if place.tls else "none",
        **place.trusting(),
    },
    "uplink": _uplink,
    "dns": lambda place, _: {
        "server": place.host, "port": place.port, "name": "portal.example.net",
    },
    "queue-state": _ami,
    "pri-ami": _ami,
    "chat": lambda place, _: {
        "url": place.url("http"), "field": "Type", "message": "ping", "answer": "pong",
        **place.trusting(),
    },
}  # fmt: skip
_DATABASE = {"database": "calls", "user": "reader"}
ALSO_OWN: dict[str, Settings] = {
    "burst": lambda place, secret: {
        "line": {**_line(place, secret)["line"], "channels": 2}, "to": "8000", "calls": 2,
    },
    "pyvoip-call": lambda place, secret: {
        "line": {**_line(place, secret)["line"], "transport": "udp"}, "to": "8000",
    },
    "pri-snmp": lambda place, secret: {"host": f"{place.host}:{place.port}", "community": secret},
    "portal-browser": lambda place, _: {
        "url": place.url("http"), "steps": [{"open": "/"}, {"see": "Sign in"}],
    },
    "webrtc-browser": lambda place, _: {"url": place.url("ws"), "user": "u", "to": "8000"},
    "host-clock": lambda place, _: {"servers": [f"{place.host}:{place.port}"]},
    "host-power": lambda place, _: {
        "ups": "main", "host": place.host, "port": place.port, "starttls": place.tls,
        **place.trusting(),
    },
    "database-health": lambda place, _: {
        "engine": "postgresql", "server": {"host": place.host, "port": place.port, **_DATABASE},
    },
}  # fmt: skip
"""kinds that do not tell each fault of a far end in the word of the table, and what is this host's
own all the same
"""
LEFT_OUT: Mapping[str, str] = {
    "pyvoip-call": "its engine speaks UDP alone, and says nothing of what a socket raised",
    "burst": "the calls of sip-call, many at once",
    "outbound-dialer": "the API step of `api` and the phone of `sip-call`",
    "pri-snmp": "SNMP over UDP, by a library that says no more than that nobody answered",
    "portal-browser": "the browser and the words of `chat`",
    "webrtc-browser": "the connection of `webrtc-call`, and the browser of `chat`",
    "ui-config": "the walk of `api`",
    "report": "the walk of `api`",
    "nagios-plugin": "a program of others: its words are its own",
    "usage": "a database: tests/loopback/test_usage_sources.py",
    "backup": "a database: tests/loopback/test_backup_faults.py",
    "backup-proof": "this host's own repository",
    "database-health": "a database: tests/loopback/test_database_health.py",
    "host-clock":
        "several servers over UDP, of which one is enough: tests/loopback/test_host_clock.py",
    "host-power": "TLS begins in the middle: tests/loopback/test_host_power.py",
    "voice-log-archive": "files",
    "hygiene": "a database, by the drivers of `usage`",
    **dict.fromkeys(
        ("host-services", "host-resources", "host-disks", "host-kernel", "host-ports",
         "host-updates", "queue-depth", "virus", "intrusion", "sip-abuse"),
        "this host itself, no connection",
    ),
}  # fmt: skip
"""kinds that are not tried, and why"""


def built(kind: str, place: Place, folder: Path) -> Check:
    """A check of this kind that goes there."""
    secret = folder / "secret"
    secret.write_text("hunter2\n", encoding="utf-8")
    secret.chmod(0o600)
    return kinds()[kind].model_validate((SETTINGS | ALSO_OWN)[kind](place, {"file": str(secret)}))


async def word(check: Check, folder: Path) -> str:
    """How one attempt ended; its exhibits go into `folder`."""
    trace = Trace(time.monotonic, folder, began_at=time.time())
    try:
        await check.probe(trace)
    except Failed as refused:
        return refused.code
    except CannotTell as blind:
        return f"blind: {blind}"
    return "fine"


async def words(place: Place, names: list[str], full: bool) -> dict[str, str]:
    """One attempt of each, one after the other; a first one is made beforehand where none can open
    anything.
    """
    folder = Path(tempfile.mkdtemp())
    checks = {name: built(name, place, folder) for name in names}
    for name in names:
        await asyncio.to_thread((folder / name).mkdir)
    if full:
        for name, check in checks.items():
            await word(check, folder / name)
        _fill()
    return {name: await word(check, folder / name) for name, check in checks.items()}


def _fill() -> None:
    """From now on there is no descriptor left: the holes are filled, and nothing is above them."""
    highest = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (highest + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    while True:
        try:
            os.dup(0)
        except OSError:
            return


def job(place: Place, names: list[str], full: bool = False) -> str:
    """What the program reads."""
    return json.dumps({"place": asdict(place), "kinds": names, "full": full})


def main() -> None:
    """The program."""
    told = json.load(sys.stdin)
    json.dump(asyncio.run(words(Place(**told["place"]), told["kinds"], told["full"])), sys.stdout)


if __name__ == "__main__":
    main()
