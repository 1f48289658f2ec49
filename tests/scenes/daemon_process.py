"""The real daemon as a process of its own; what it did is read from its ledger."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from monitor.clock import SystemClock
from monitor.config import load_sites
from monitor.incidents import store
from monitor.ledger import Ledger
from monitor.service.heartbeat import heartbeat

SITE = """[site]
name = "Testville"
timezone = "Europe/Berlin"
region = "uk"
[[people]]
role = "operators"
mail = "ops@example.net"
"""
"""a site with its operators"""
MAIL_DESK = """[desks.mail]
kind = "mail"
host = "127.0.0.1"
port = {port}
tls = "none"
sender = "r@example.net"
"""
"""their mail server, to be told its port"""
_started: list[int] = []


def end_all() -> None:
    """End every daemon that was started here and still runs, its children with it: those of a test
    that failed before it stopped them.
    """
    left = [psutil.Process(pid) for pid in _started if psutil.pid_exists(pid)]
    _started.clear()
    # A number may have been given to a stranger since: a daemon of ours is a child of ours.
    ours = [one for one in left if one.ppid() == os.getpid()]
    family = [process for one in ours for process in (*one.children(recursive=True), one)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()


class Process:
    """`reveille run` on a configuration; what it did is read from its ledger."""

    def __init__(self, file: Path, program: Sequence[str] = ("-m", "monitor.cli")) -> None:
        """`program`: what Python is told to run."""
        self.file, self.configuration = file, load_sites(file)[0]
        self.program = program
        self.log = file.with_suffix(".log")

    async def begin(self) -> None:
        """Start it, without waiting for anything."""
        with self.log.open("ab") as log:
            command = (sys.executable, *self.program, "--config", str(self.file), "run")
            self.process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        _started.append(self.process.pid)

    async def start(self) -> None:
        """Start it, and wait until it is there."""
        await self.begin()
        try:
            await self.until(
                lambda: (
                    (beat := heartbeat(self.state))
                    and beat.running
                    and beat.pid == self.process.pid
                )
            )
        except AssertionError:
            await self.stop()
            raise

    def look(self, check: str) -> None:
        """What `reveille run-now` does."""
        with Ledger(self.configuration.ledger_place) as ledger, ledger.transaction() as t:
            condition = replace(
                store.condition_of(ledger, check), next_look=SystemClock().now(), purpose="recheck"
            )
            store.keep_condition(t, condition)

    @property
    def state(self) -> Path:
        return self.configuration.state

    def ledger(self) -> Ledger:
        return Ledger(self.configuration.ledger_place, read_only=True)

    def read(self, what: Callable[[Ledger], Any]) -> Any:
        with self.ledger() as ledger:
            return what(ledger)

    def doing(self) -> str:
        beat = heartbeat(self.state)
        return beat.doing if beat else ""

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    async def until(self, seen: Callable[[], Any], within: float = 60.0) -> Any:
        end = time.monotonic() + within
        while not (found := seen()):
            assert time.monotonic() < end, (
                f"not seen within {within} s; log:\n{self.log.read_text()[-3000:]}"
            )
            assert self.process.returncode is None, (
                f"the daemon ended:\n{self.log.read_text()[-3000:]}"
            )
            await asyncio.sleep(0.05)
        return found

    async def stop(self, number: int = signal.SIGTERM) -> float:
        """Signal it and wait; returns how long it took."""
        began = time.monotonic()
        if self.process.returncode is None:
            self.process.send_signal(number)
        try:
            await asyncio.wait_for(self.process.wait(), 30)
        except TimeoutError:
            self.process.kill()  # its children end with it
            await self.process.wait()
            raise
        return time.monotonic() - began
