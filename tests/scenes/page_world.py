"""A site to be shown on a page: a week of looks, a morning report, one ticket with a call to hear,
and the page itself in this process, on a clock moved by hand.
"""

from __future__ import annotations

import json
import math
import struct
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from checks.contract import Failed, Observation, Stage, Trace
from monitor.audit.gathering import KIND
from monitor.config import Configuration
from monitor.core.verdict import Expectation, State, Verdict
from monitor.ledger import Ledger
from monitor.ledger.bodies import report_body
from monitor.page.application import application
from monitor.page.site import Site
from monitor.service.heartbeat import Presence
from monitor.service.page_process import Job
from monitor.testing.scenario import Scene, Scripted, ScriptedPortal, ScriptedTrunk
from tests.unit.sample_report import report
from tests.unit.test_evidence_page import PICTURE

NOW = datetime(2026, 11, 25, 21, 42, tzinfo=UTC)
"""the night in which it is looked at, 03:12 at Pune"""
USERS = {"asha": "correct horse"}


class RecordedCall(Scripted):
    """A call that leaves a picture and a recording when it fails."""

    async def probe(self, trace: Trace) -> None:
        """As the world has it."""
        with trace.stage("answer"):
            trace.measure("answer_seconds", 0.4)
        if self.world[self.name] is not None:
            picture = trace.exhibit("picture.json", "application/json")
            picture.write_text(json.dumps(PICTURE), encoding="utf-8")
            tone(trace.exhibit("call.wav", "audio/wav"))
        await super().probe(trace)


def tone(path: Path, seconds: float = 1.0) -> None:
    """A second of 440 Hz, 8 kHz, mono."""
    samples = [int(9000 * math.sin(n * math.tau * 440 / 8000)) for n in range(int(8000 * seconds))]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def checks(portals: int = 3) -> dict[str, dict[str, Any]]:
    """What is looked at."""
    expect = (Expectation.parse("answer_seconds <= 2"),)
    return {
        "main-number": {"every": 300.0, "of": RecordedCall, "expect": expect},
        "trunk": {"every": 300.0, "of": ScriptedTrunk},
        **{f"portal-{n + 1}": {"every": 300.0, "of": ScriptedPortal} for n in range(portals)},
    }


async def site(folder: Path, days: float = 0.0, **more: Any) -> Scene:
    """The site, with so many days behind it and a main number that has just failed."""
    scene = Scene(NOW - timedelta(minutes=3), checks(), folder=folder, **more)
    if days:
        history(scene.ledger, NOW - timedelta(minutes=4), days)
    scene.world["main-number"] = Failed("silent", "nothing was heard within 6 s")
    await scene.run_until(NOW)
    with scene.ledger.transaction() as t:
        t.happened(None, NOW, KIND, report_body(report()))
    return scene


def history(ledger: Ledger, until: datetime, days: float) -> None:
    """A look of each check every five minutes, with an outage now and then."""
    looks = int(days * 288)
    with ledger.transaction() as t:
        for number, name in enumerate(checks()):
            kind = "portal" if name.startswith("portal") else "sip-call"
            for look in range(looks):
                at = until - timedelta(minutes=5 * (looks - look))
                state = _state(look, number, looks)
                swing = 0.4 + 0.15 * math.sin(look / 45) + (look * 7919 % 100) / 700
                seen = Observation(
                    stages=(Stage("answer", 0.0, swing, state is not State.FAILED),),
                    measures={"answer_seconds": round(swing, 3), "mos": round(4.4 - swing / 5, 2)},
                    seconds=round(swing + 6, 2),
                )
                t.record(name, kind, "scheduled", at, seen, Verdict(state))


def _state(look: int, number: int, looks: int) -> State:
    if number == 2 and looks * 0.3 < look < looks * 0.3 + 22:
        return State.FAILED
    if number == 3 and looks * 0.6 < look < looks * 0.6 + 40:
        return State.DEGRADED
    if number == 0 and looks * 0.8 < look < looks * 0.8 + 6:
        return State.UNKNOWN
    return State.FAILED if number == 1 and look % 700 == 350 else State.OK


_PRESENT: dict[Path, Presence] = {}


def beaten(scene: Scene) -> None:
    """The daemon says that it lives, now."""
    _PRESENT[scene.configuration.state].beat(scene.clock.now())


@asynccontextmanager
async def served(
    configuration: Configuration, clock: Any, beat: bool = True, **more: Any
) -> AsyncIterator[str]:
    """The page of a site, on a port of its own; its address. `more` changes its job."""
    said: list[dict[str, str]] = []
    job = Job(
        **{
            "file": str(configuration.file),
            "state": str(configuration.state),
            "listen": ("127.0.0.1", 0),
            "passwords": USERS,
            **more,
        }
    )
    presence = Presence(configuration.state) if beat else None
    if presence:
        presence.beat(clock.now())
        _PRESENT[configuration.state] = presence
    runner = web.AppRunner(
        application(Site(configuration, job, lambda **facts: said.append(facts), clock)),
        shutdown_timeout=0.5,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        if presence:
            presence.leave()
    assert not [line for line in said if line.get("level") == "error"], said
