"""The marker test: a secret of its own in every place where one can stand, far ends that say back
all they were told, and then every byte that came of it is searched in every spelling.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from checks.kinds import kinds
from monitor.clock import SystemClock
from monitor.desks.desk import Letter, Never, TryLater
from monitor.desks.list import desk_kinds
from monitor.scheduling.runner import Runner
from tests.field.security.echo import Echoes, echoes
from tests.field.security.places import Place, of_desks, of_kinds
from tests.spellings import SPELLINGS, found

Base = Callable[[Echoes], dict[str, Any]]
STEPS = [{"name": "in", "url": "/", "form": {"p": "{mark}"}, "headers": {"X-Key": "{mark}"}}]


def _line(far: Echoes, **more: Any) -> dict[str, Any]:
    account = {"name": "trunk", "user": "monitor", "registrar": f"127.0.0.1:{far.sip}"}
    return {"line": {**account, "transport": "udp"}, **more}


def _walk(far: Echoes, **more: Any) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:{far.http}/", "user": "monitor", "steps": STEPS, **more}


def _server(far: Echoes) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": far.postgresql, "database": "calls", "user": "reader"}


def _ami(far: Echoes) -> dict[str, Any]:
    return {"host": f"127.0.0.1:{far.ami}", "user": "monitor"}


def _smtp(far: Echoes) -> dict[str, Any]:
    same = {"host": "127.0.0.1", "security": "tls", "user": "monitor"}
    same |= {"trusted_certificates": far.trusted}
    box = {**same, "port": far.imap}
    return {**same, "port": far.smtp, "recipient": "p@example.net", "mailbox": box}


SAYS = "echo CRITICAL - $mark and $(cat); env | base64; env | od -An -tx1 | tr -d ' '; exit 2"
BASES: Mapping[str, Base] = {
    "sip-options": _line,
    "sip-registration": lambda far: _line(far, within="2s"),
    "pri-snmp": lambda far: {"host": f"127.0.0.1:{far.snmp}", "within": "1s"},
    "pri-snmp v3": lambda far: {"host": f"127.0.0.1:{far.snmp}", "within": "1s", "user": "m"},
    "pri-ami": _ami,
    "queue-state": _ami,
    "portal": _walk,
    "api": _walk,
    "ui-config": lambda far: _walk(far, looks=[{"name": "a", "css": "p"}]),
    "webhook": lambda far: _walk(
        far, listen="127.0.0.1:0", callback_within="1s",
        steps=[{"name": "in", "url": "/?{mark}={callback}&r={reference}"}],
    ),
    "report": lambda far: _walk(
        far, figures=[{"name": "calls", "column": "Calls", "records": "offered_calls"}],
        records={"postgresql": {**_server(far)}},
    ),
    "websocket": lambda far: {"url": f"ws://127.0.0.1:{far.http}/"},
    "smtp": _smtp,
    "nagios-plugin": lambda _: {"command": ["/bin/sh", "-c", SAYS]},
    "usage": lambda far: {"records": {"postgresql": {**_server(far)}}},
    "database-health": lambda far: {"engine": "postgresql", "server": _server(far)},
    "sip-abuse": lambda far: {"records": {"postgresql": {**_server(far)}}},
}  # fmt: skip
"""kind -> settings of a look that goes to these far ends, without its secrets"""
SLOW: Mapping[str, Base] = {
    "sip-call": lambda far: _line(far, to="8000", signalling_within="5s"),
    "burst": lambda far: {"line": {**_line(far)["line"], "channels": 2}, "to": "8000", "calls": 2},
    "pyvoip-call": lambda far: _line(far, to="8000"),
    "webrtc-call": lambda far: {"url": f"ws://127.0.0.1:{far.http}/", "user": "u", "to": "8000"},
    "backup": lambda far: {"engine": "postgresql", **_server(far), "folder": "/tmp/none"},
    "outbound-dialer": lambda far: _walk(
        far,
        line=_line(far)["line"],
        steps=[{"name": "in", "url": "/?{mark}", "json": {"to": "{customer}", "by": "{mark}"}}],
    ),
}  # fmt: skip
"""the same, of those whose engine takes seconds to start"""
WELL = ("sip-options",)
"""to which any answer is one: a 401 says that the far end is there (RFC 3261 section 11.2)"""
ON_A_PHONE = ("sip-call", "burst", "outbound-dialer")
"""those of them that need the engine of calls"""
ELSEWHERE: Mapping[str, str] = {
    "portal-browser": "tests/loopback/test_browser_pages.py: pictures and console without secrets",
    "webrtc-browser": "the account of webrtc-call, in the browser of portal-browser",
    "backup-proof": "an identity that is read by the worker of `backup`, and sent nowhere",
    "voice-log-archive": "the same identity, for files",
    "hygiene": "the drivers and servers of `usage`",
}
"""kinds that go to none of these far ends, and why that is enough"""


def test_every_kind_with_a_secret_is_looked_at() -> None:
    named = {name.split()[0] for name in BASES} | SLOW.keys() | ELSEWHERE.keys()
    assert of_kinds().keys() <= named, "a new kind: say in BASES how it goes to the far ends"
    assert named <= of_kinds().keys()


def marker(kind: str, place: Place) -> str:
    """Unlike every other, and with signs that each spelling writes in its own way."""
    return "MARK&" + base64.b32encode(f"{kind} {place}".encode()).decode()[-24:].strip("=") + '"é+9'


def filled(kind: str, base: dict[str, Any], folder: Path) -> tuple[Any, list[str]]:
    """The check with a marker at each place whose table is there, and the markers."""
    settings, marks = written(kind, base, folder)
    return kinds()[kind.partition(" ")[0]].model_validate(settings), marks


def written(kind: str, base: dict[str, Any], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The same, as its settings are written."""
    marks, settings = list[str](), json.loads(json.dumps(base))
    kind, _, variant = kind.partition(" ")
    for number, place in enumerate(of_kinds()[kind]):
        # SNMP has a community, or users with two passwords (RFC 3414).
        if kind == "pri-snmp" and (place == ("community",)) == bool(variant):
            continue
        mark, file = marker(kind, place), folder / f"secret-{kind}-{number}"
        if _put(settings, place, {"file": str(file)}):
            file.write_text(mark + "\n", encoding="utf-8")
            marks.append(mark)
    return settings, marks


def _put(settings: Any, place: Place, secret: dict[str, str]) -> bool:
    *way, last = place
    for number, step in enumerate(way):
        if last == "*" and number == len(way) - 1 and isinstance(settings, dict):
            settings.setdefault(step, {})
        settings = settings.get(step) if isinstance(settings, dict) else None
    if isinstance(settings, dict):
        settings["mark" if last == "*" else last] = secret
    return isinstance(settings, dict)


class Everything:
    """What was written, told, logged and shown in /proc, as bytes by where it stood."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, dict[str, bytes]()
        self._over = threading.Event()
        self._seen: set[bytes] = set()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """The arguments of every child, for as long as the block runs."""
        watch = threading.Thread(target=self._watch)
        watch.start()
        try:
            yield
        finally:
            self._over.set()
            watch.join()
            self.told["/proc"] = b"\n".join(self._seen)

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(OSError, psutil.Error):
                    self._seen.add(Path(f"/proc/{child.pid}/cmdline").read_bytes())

    def leaks(self, marks: list[str]) -> list[str]:
        """Where a marker stands, and in which spelling."""
        files = {
            str(file.relative_to(self.folder)): file.read_bytes()
            for file in sorted(self.folder.rglob("*"))
            if file.is_file()
        }
        return [
            f"{mark} stands in {where} as {', '.join(how)}"
            for where, content in (files | self.told).items()
            for mark in marks
            if (how := found(_unquoted(content), mark))
        ]


def _unquoted(content: bytes) -> bytes:
    """Once more as a person would read it, so that two codes on one another are found too."""
    return content + b"\n" + re.sub(rb"\\(.)", rb"\1", content)


async def _looked(
    kind: str, base: dict[str, Any], tmp_path: Path, log: Any
) -> tuple[str, list[str], list[str]]:
    """How the look ended, the markers, and the leaks."""
    secrets, out = tmp_path / "secrets", tmp_path / "out"
    secrets.mkdir()
    out.mkdir()
    check, marks = filled(kind, base, secrets)
    everything, clock = Everything(out), SystemClock()
    with everything.watched(), log.at_level(logging.INFO):
        seen = await Runner(clock, out / "exhibits", spare_bytes=0).attempt(kind, check)
    everything.told["observation"] = repr(seen).encode() + json.dumps(repr(seen)).encode()
    everything.told["log"] = log.text.encode()
    ended = repr(seen.fault or seen.blind) if seen.fault or seen.blind else ""
    return ended, marks, everything.leaks(marks)


@pytest.mark.parametrize("kind", BASES)
async def test_no_secret_leaves_a_look(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with echoes(tmp_path) as far:
        ended, marks, leaks = await _looked(kind, BASES[kind](far), tmp_path, caplog)
    assert marks and (ended or kind in WELL), f"{kind} has to be told its secrets, and to fail"
    assert leaks == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.engine] * (kind in ON_A_PHONE)) for kind in SLOW],
)
async def test_nor_one_that_has_an_engine(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with echoes(tmp_path) as far:
        ended, marks, leaks = await _looked(kind, SLOW[kind](far), tmp_path, caplog)
    assert marks and ended and leaks == []


async def test_nor_a_desk(tmp_path: Path) -> None:
    assert "mail" in of_desks(), "helpdesks are told off by an echo in tests/desks"
    (tmp_path / "secret").write_text(mark := marker("mail", ()), encoding="utf-8")
    from checks import masking

    async with echoes(tmp_path) as far:
        settings = {
            "host": "127.0.0.1", "port": far.smtp, "tls": "tls", "user": "monitor",
            "trusted_certificates": far.trusted, "sender": "r@example.net",
            "password": {"file": str(tmp_path / "secret")},
        }  # fmt: skip
        desk = desk_kinds()["mail"].model_validate(settings).desk("mail")
        letter = Letter(
            "k", "t", None, None, "report", "a@example.net", datetime.now().astimezone(), {}
        )
        with masking.attempt() as mask:
            try:
                told = await desk.deliver(letter)
            except (Never, TryLater, KeyError, ValueError) as refusal:
                told = mask.text(str(refusal))
    assert found(told.encode(), mark) == []


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("road", ["exhibit", "observation", "log", "/proc"])
def test_a_leak_that_is_planted_is_found(road: str, spelling: str, tmp_path: Path) -> None:
    """The search finds its own leak in each road; else its silence says nothing."""
    mark = marker("planted", (road,))
    said, everything = SPELLINGS[spelling](mark), Everything(tmp_path)
    if road == "exhibit":
        (tmp_path / "page.html").write_bytes(b"<pre>" + said.encode() + b"</pre>")
    elif road == "/proc":
        with everything.watched():
            command = ["/bin/sh", "-c", "sleep 5", said]
            with subprocess.Popen(command) as child:
                until = time.monotonic() + 5
                while not any(b"sleep 5" in one for one in everything._seen):
                    assert time.monotonic() < until
                    time.sleep(0.005)  # until the watcher has seen it
                child.kill()
    else:
        everything.told[road] = f"note: {said}".encode()
    assert everything.leaks([mark]) != []
