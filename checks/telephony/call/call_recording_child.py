"""The process that finds the recording of a call and listens to it (see call_recording.py, and
process/child.py for what it tells).

A recording that is still being written is looked at again; of several that are new, ours is the one
that holds what was said in this call.
"""

from __future__ import annotations

import asyncio
import glob
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.contract import CannotTell, Failed, Trace
from checks.process.child import job, telling
from checks.telephony.audio import nonce_sound, sound
from checks.telephony.audio.recording import bound
from checks.telephony.audio.sound_file import Sound, Unreadable, read
from checks.transport.http.address import Address
from checks.transport.http.client import Manner, fetch
from checks.transport.http.message import Limits, Request
from checks.transport.http.phases import Phases

# Recorders write, then move, then convert: twice a second is soon enough to see each of them.
_LOOK_SECONDS = 0.5
# A recording that is wrong and has not changed for so long is not being written any more.
_SETTLED_SECONDS = 4.0
# An hour of 16-bit PCM at 8 kHz has 58 MB.
_LARGEST = 64_000_000
# A busy platform ends some tens of calls a minute; ours is among the newest.
_MOST_FILES = 50
# Answers that mean "not yet": 404, 409, 423, 425, 429, an empty 202 or 204, and whatever the
# server could not do (RFC 9110, RFC 4918, RFC 6585, RFC 8470).
_LATER = (
    "http:404",
    "http:202",
    "http:204",
    "http:409",
    "http:423",
    "http:425",
    "http:429",
    "http:5",
)


@dataclass(frozen=True, slots=True)
class Found:
    """A recording as it is just now: its bytes, and where they came from."""

    where: str
    content: bytes

    @property
    def name(self) -> str:
        """The file name, without its folder."""
        return self.where.rsplit("/", 1)[-1]


class Search:
    """Looks for the recording of one job; what has not changed since the last look is not read
    again.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._job = job
        self._known: dict[str, float] = dict(job["before"])
        self._fetched_before: bytes | None = None

    def look(self) -> list[Found]:
        """What is new, the newest first. Raises Failed for what will not get better."""
        return self._files() if self._job["file"] else self._fetched()

    def _files(self) -> list[Found]:
        new = list[tuple[float, str]]()
        # Path.glob takes no absolute pattern.
        for path in glob.iglob(self._job["file"], recursive=True):  # noqa: PTH207 - see above
            try:
                changed = Path(path).stat().st_mtime
            # A recorder moves its files while they are listed.
            except OSError:
                continue
            # A file that was there before may be written to again: its time tells.
            if self._known.get(path) != changed:
                new.append((changed, path))
        new.sort(reverse=True)
        self._known |= {path: changed for changed, path in new}
        return [Found(path, _content(path)) for _, path in new[:_MOST_FILES]]

    def _fetched(self) -> list[Found]:
        trusted = self._job["trusted"]
        # The body's limit holds while it is read, before anything is kept.
        manner = Manner(
            limits=Limits(body_bytes=_LARGEST), trusted=Path(trusted) if trusted else None
        )
        request = Request(
            "GET", Address.parse(self._job["url"]), private=tuple(self._job["headers"].items())
        )
        trace = Trace(time.monotonic, Path("/"))
        try:
            with Phases(trace) as phases:
                answer = asyncio.run(fetch(request, phases, manner, lambda status: status == 200))
        except Failed as refused:
            if refused.code.startswith(_LATER):
                return []
            raise
        # An address may give an unfinished recording: the same bytes need no second look.
        if answer.body == self._fetched_before:
            return []
        self._fetched_before = answer.body
        return [Found(answer.address.path, answer.body)]


def _content(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_LARGEST)
    except OSError as problem:
        raise Failed("unreadable", f"{path}: {problem.strerror}") from None


def main() -> int:
    """Do the job; the exit code is 0 also where there is no recording."""
    wanted, tell = job(), telling()
    tell(begin="recording")
    measures: dict[str, float]
    try:
        measures, note = await_it(wanted)
        last: dict[str, Any] = {"done": {}}
        tell(note=note)
    except Failed as refused:
        measures = getattr(refused, "measures", {})
        last = {"fault": refused.code, "text": refused.text}
    for name, value in measures.items():
        tell(measure=name, value=value)
    tell(**last)
    return 0


def await_it(job: Mapping[str, Any]) -> tuple[dict[str, float], str]:
    """Look again and again until it is right, or its own and settled, or time is up. Raises
    Failed, CannotTell.
    """
    search, deadline = Search(job), time.monotonic() + job["within"]
    wrong, others, ours_since = Failed("no-recording", _nowhere(job)), 0, float("inf")
    while True:
        for found in search.look():
            try:
                return judged(job, found)
            except Wrong as problem:
                # An address names the call, so that whatever comes from it is this call's.
                ours = problem.ours or not job["file"]
                # The fault of our own recording counts more than that of a stranger's.
                if ours or ours_since == float("inf"):
                    wrong = problem
                others += not ours
                ours_since = time.monotonic() if ours else ours_since
        # Time is up, or ours is wrong and will not change any more.
        if time.monotonic() >= min(deadline, ours_since + _SETTLED_SECONDS):
            break
        time.sleep(_LOOK_SECONDS)
    if others > 1 and ours_since == float("inf"):
        raise Failed(
            "no-recording", f"none of {others} new recordings holds what was said in this call"
        )
    raise wrong


def _nowhere(job: Mapping[str, Any]) -> str:
    where = job["file"] or Address.parse(job["url"]).origin
    return f"nothing new within {job['within']:g} s of the call: {where}"


class Wrong(Failed):
    """A recording that is not right, with what was measured of it; `ours` when it holds what was
    said in this call.
    """

    def __init__(
        self, code: str, text: str, measures: dict[str, float] | None = None, ours: bool = False
    ) -> None:
        super().__init__(code, text)
        self.measures, self.ours = measures or {}, ours


def judged(job: Mapping[str, Any], found: Found) -> tuple[dict[str, float], str]:
    """What was measured of a recording that is right, and a note. Raises Wrong for any other."""
    name = found.name
    try:
        heard = read(found.content, found.where)
    except Unreadable as problem:
        raise Wrong("unreadable", f"{name}: {problem}") from None
    length, call = heard.seconds, float(job["call_seconds"])
    measures = {"recording_length_seconds": length, "recording_difference_seconds": length - call}
    # Silence is told before anything else: no nonce could be found in it.
    if sound.is_silent(heard.mixed):
        raise Wrong("silent", f"{name}: {length:.1f} s of silence", measures)
    missing = [side for side, said in job["said"].items() if not holds(heard, said)]
    ours = len(missing) < len(job["said"])
    # Another call's recording holds other people's voices, and never becomes an exhibit.
    if ours:
        sound.write_wav(Path(job["exhibit"]), bound(heard.mixed))
    # The length is judged first: a recording that stopped early has lost a nonce as well.
    if abs(length - call) > job["tolerance"]:
        code = "too-short" if length < call else "too-long"
        raise Wrong(
            code,
            f"{name} is {length:.1f} s long, the call was {call:.1f} s{job['since']}",
            measures,
            ours,
        )
    if not ours:
        raise Wrong("another-call", f"{name} does not hold what was said in this call", measures)
    if missing:
        raise Wrong("one-sided", f"{name} does not hold what the {missing[0]} said", measures, ours)
    sides = " and the ".join(job["said"])
    note = (
        f"recording {name}: {length:.1f} s of a call of {call:.1f} s{job['since']}, holds what the"
        f" {sides} said"
    )
    return measures, note


def holds(heard: Sound, said: list[int]) -> bool:
    """Whether one side's nonce is in it, in any channel or in all together."""
    # A recorder keeps each side in a channel, or both in one.
    ways = [*heard.channels, *([heard.mixed] if len(heard.channels) > 1 else [])]
    return any(nonce_sound.Listener(said, 0).hear(samples) is not None for samples in ways)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotTell as problem:
        sys.exit(f"{problem}")
