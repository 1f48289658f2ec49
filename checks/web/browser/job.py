"""One job in the browser, from the daemon's side: sends the order, and writes what is told into the
trace.

Events: began, passed (seconds, facts) and failed (code, text, origin) of a stage; note, measure,
exhibit; ready (the browser is there, and the clock starts); done; broken (text), after which
nothing is known.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from checks.contract import CannotTell, Failed, Trace
from checks.web.browser.shared_browser import START_SECONDS, SharedBrowser, open_job

Told = dict[str, Any]
# A job that has failed still proves that the browser lives, takes its picture and closes its
# context: each of these has a limit of its own, and together they stay below this.
_AFTERWARDS_SECONDS = 20.0


async def perform(
    trace: Trace, job: str, browser: str, order: Mapping[str, Any], within: float
) -> None:
    """Do a job; its stages take `within` seconds together at most. Raises Failed, CannotTell."""
    shared_browser, (reader, writer) = await open_job(job, browser)
    running = Job(trace, reader)
    try:
        writer.write(json.dumps({**order, "folder": str(trace.exhibits_folder)}).encode() + b"\n")
        await _in_time(shared_browser, running.until("ready"), START_SECONDS, "is not ready")
        await _in_time(shared_browser, running.run(), within + _AFTERWARDS_SECONDS, "does not end")
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _in_time(shared_browser: SharedBrowser, waiting: Any, seconds: float, wrong: str) -> None:
    """A job that is not through in time has a browser that is stuck: both go."""
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        # Not asked to end: a frozen browser would not hear it, and every later job would wait for
        # the same one.
        shared_browser.put_down()
        raise CannotTell(f"engine error: the browser {wrong} within {seconds:g} s") from None


class Job:
    """Reads what one job tells."""

    def __init__(self, trace: Trace, reader: asyncio.StreamReader) -> None:
        self._trace, self._reader = trace, reader

    async def until(self, event: str) -> Told:
        """The next event of this name; what comes before it is kept. Raises CannotTell."""
        while (told := await self._next())["event"] != event:
            self._keep(told)
        return told

    async def run(self) -> None:
        """Follow the job to its end. Raises Failed, CannotTell."""
        while (told := await self._next())["event"] != "done":
            if told["event"] == "began":
                await self._stage(told["stage"])
            else:
                self._keep(told)

    async def _stage(self, name: str) -> None:
        with self._trace.stage(name):
            while (told := await self._next())["event"] not in ("passed", "failed"):
                self._keep(told)
            if told["event"] == "failed":
                await self.until("done")
                raise Failed(told["code"], told["text"], told["origin"])
        self._trace.measure(f"{name.replace('-', '_')}_seconds", told["seconds"])

    async def _next(self) -> Told:
        try:
            line = await self._reader.readline()
            told: Told = (
                json.loads(line)
                if line
                else {"event": "broken", "text": "the browser's process died"}
            )
        except (ValueError, ConnectionError) as problem:
            told = {"event": "broken", "text": f"the browser's process broke off: {problem}"}
        if told["event"] == "broken":
            raise CannotTell(f"engine error: {told['text']}")
        return told

    def _keep(self, told: Told) -> None:
        match told:
            case {"event": "note", "text": text}:
                self._trace.note(text)
            case {"event": "measure", "name": name, "value": value}:
                self._trace.measure(name, value)
            case {"event": "exhibit", "name": name, "media_type": media_type}:
                # Only the name: what the browser's process says is held to this attempt's own
                # folder.
                self._trace.exhibit(Path(name).name, media_type)
