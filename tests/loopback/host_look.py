"""Looks at a host one after the other, as the daemon makes them: what one remembers the next one
knows, and a person may accept what was proposed.

    host = Watch(tmp_path, Intrusion(root=str(root)))
    await host.look()
    host.accept()
    seen = await host.look()
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from checks.contract import CannotTell, Check, Failed, Observation, Trace
from checks.host.check import HostCheck
from monitor import policies
from monitor.core.failure import Case
from monitor.core.verdict import State, judge

SHIPPED = [
    name
    for name in ("xop", "ozonetel")
    if (Path(policies.__file__).parent / f"{name}.toml").is_file()
]

Facts = list[dict[str, Any]]


class Watch:
    """A check of a host, and what its looks leave."""

    def __init__(self, folder: Path, check: Check) -> None:
        self.check = check
        self.memory: Mapping[str, Any] = {}
        self.accepted: dict[str, Any] = {}
        self.seen = Observation()
        self._folder, self._looks = folder, 0

    async def look(self, at: float | None = None) -> Observation:
        """Look once; `at` is the time that the attempt's folder says (seconds since 1970)."""
        self._looks += 1
        folder = self._folder / f"look-{self._looks}"
        folder.mkdir()
        if at is not None:
            os.utime(folder, (at, at))
        trace = Trace(time.monotonic, folder, self.memory, self.accepted)
        ended: Exception | None = None
        try:
            await self.check.probe(trace)
        except (Failed, CannotTell) as how:
            ended = how
        self.seen = trace.observation(ended)
        if self.seen.blind is None:
            self.memory = self.seen.memory
        return self.seen

    def accept(self, *names: str) -> None:
        """What a person does with `reveille baseline`."""
        self.accepted |= {name: self.seen.proposals[name] for name in names or self.seen.proposals}


def fault(seen: Observation) -> tuple[str, str, str]:
    """Stage, code and text of the fault."""
    assert seen.fault is not None, seen
    return seen.fault.stage, seen.fault.code, seen.fault.text


def tells(seen: Observation, *words: str) -> bool:
    """Whether one of its notes or warnings has all these words."""
    return any(all(word in line for word in words) for line in (*seen.notes, *seen.warnings))


def severities(kind: str, seen: Observation) -> dict[str, str]:
    """The severity of the ticket that it becomes, under every policy that ships and speaks of
    hosts.
    """
    verdict = judge(seen)
    assert verdict.state is State.FAILED
    assert verdict.fault is not None
    case = Case(kind, verdict.fault.stage, verdict.fault.code)
    return {name: policies.load(name).classify(case).severity.id for name in SHIPPED}


def in_a_sandbox(check: HostCheck, script: str, *arguments: str) -> Facts:
    """What the look's own process says in a mount namespace of its own: `script` gets it ready, and
    executes what is left of its arguments.
    """
    job = {
        "look": check.LOOK,
        "heavy": False,
        "settings": check.plain(),
        "recalled": {},
        "accepted": {},
        "now": time.time(),
        "seconds": 60,
        "monitor": os.getpid(),
    }
    command = ["unshare", "-m", "sh", "-ec", script, "sh", *arguments]
    command += [sys.executable, "-m", "checks.host.child"]
    done = subprocess.run(
        command, input=json.dumps(job), capture_output=True, text=True, check=False
    )
    if done.returncode and not done.stdout:
        pytest.skip(f"no mount namespace here: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def of(said: Facts, *events: str) -> str:
    """The texts of these events, a line each."""
    texts = [one.get("text", one[event]) for one in said for event in events if event in one]
    return "\n".join(map(str, texts))
