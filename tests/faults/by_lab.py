"""Faults of the practice centre, one centre for each row, watched by the configuration that it
writes itself.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from checks.settings import Settings
from lab import Lab
from monitor.config import load
from tests.faults.matrix import AGENTS, IVR, PRI, Look, Looked, Row
from tests.loopback.sipp.peer import BEFORE, attempt, begun, running


@asynccontextmanager
async def centre(folder: Path, *faults: str) -> AsyncIterator[Path]:
    """A practice centre with these broken; its configuration. Where far ends go before all else
    (BEFORE) it has a process of its own: in this one it stands still while a child is started.
    """
    if not BEFORE.get():
        async with Lab(folder / "lab") as lab:
            file = folder / "reveille.toml"
            file.write_text(lab.configuration(folder / "state"), encoding="utf-8")
            for fault in faults:
                lab.break_(fault)
            yield file
        return
    words = [word for fault in faults for word in ("--break", fault)]
    log = folder / "centre.log"
    command = (sys.executable, "-P", "-m", "lab", str(folder / "lab"), *words)
    async with running(*command, log=log) as process:
        # It says all of its places at once, the configuration's last, when they are open.
        await begun(process, lambda: "\nconfiguration " in log.read_text(encoding="utf-8"))
        yield folder / "lab" / "reveille.toml"


def broken(*faults: str, check: str = "main-number", expect: tuple[str, ...] = ()) -> Look:
    """Break these, and look by the configured check."""

    async def look(folder: Path) -> Looked:
        async with centre(folder, *faults) as file:
            entry = load(file).checks[check]
            return Looked(entry.probe, await attempt(entry.probe, folder / "seen"), expect)

    return look


def wrong_password(of: str) -> Look:
    """The account of `of` has another password than its file says."""

    async def look(folder: Path) -> Looked:
        async with centre(folder) as file:
            probe: Settings = load(file).checks["main-number"].probe
            password = folder / "lab" / "passwords" / of
            password.write_text("another\n", encoding="utf-8")
            return Looked(probe, await attempt(probe, folder / "seen"))  # type: ignore[arg-type]

    return look


def _row(name: str, stage: str, code: str, issue: str, *faults: str, **more: object) -> Row:
    look = broken(*(faults or (name,)), **more)  # type: ignore[arg-type]
    return Row(name, "lab", stage, code, issue, look)


ROWS: tuple[Row, ...] = (
    _row("trunk-refuses", "answer", "sip:503/34", PRI),
    _row("trunk-down", "register", "timeout", PRI),
    _row("busy", "answer", "sip:486/17", IVR),
    _row("rings-for-ever", "answer", "timeout", IVR),
    _row("answers-late", "answer", "expected:answer_seconds", IVR, expect=("answer_seconds <= 4",)),
    _row("early-hang-up", "media|prompt", "early-hang-up", IVR),
    _row("no-rtp", "media", "no-rtp", IVR),
    _row("ivr-silent", "prompt", "silent", IVR),
    _row("wrong-prompt", "prompt", "unknown-prompt", IVR),
    _row("false-answer-ringback", "media", "false-answer:ringback", IVR),
    _row("false-answer-busy", "media", "false-answer:busy", IVR),
    _row("false-answer-congestion", "media", "false-answer:congestion", PRI),
    _row("false-answer-sit", "media", "false-answer:sit", PRI),
    _row("voicemail", "prompt", "voicemail", IVR),
    _row("fax", "prompt", "fax", IVR),
    _row("frozen", "prompt", "frozen", IVR),
    _row("choppy", "media", "choppy", IVR),
    _row("clipped", "media", "clipped", IVR),
    _row("echo", "echo_loss_db", "expected:echo_loss_db", PRI, expect=("echo_loss_db >= 25",)),
    _row("dtmf-ignored", "prompt", "dtmf-ignored", IVR),
    _row("agent-not-reachable", "agent", "not-rung", AGENTS),
    _row("one-way-to-agent", "talk", "one-way-to-agent", AGENTS),
    _row("one-way-to-caller", "talk", "one-way-to-caller", AGENTS),
    _row("one way, both", "talk", "dead-air", AGENTS, "one-way-to-agent", "one-way-to-caller"),
    _row(
        "OPTIONS, trunk refuses",
        "answer",
        "sip:503/34",
        PRI,
        "trunk-refuses",
        check="trunk-options",
    ),
    _row("OPTIONS, trunk dead", "answer", "timeout", PRI, "trunk-down", check="trunk-options"),
    Row(
        "wrong password, line", "lab", "register", "sip:403|sip:401", PRI, wrong_password("monitor")
    ),
    Row(
        "wrong password, agent",
        "lab",
        "agent",
        "not-registered",
        AGENTS,
        wrong_password("agent-01"),
    ),
)
