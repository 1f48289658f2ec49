"""The voice logger: after the call its recording must be there, be as long as the call, and hold
what was said in it.

    in the call    our caller, then our agent, say a nonce each               stage recording
    after it       a file that was not there before, or a GET until it is there
                   > GET /recordings/CALL-ID.wav     < 200 OK, audio/wav      stage recording

fault codes of the stage recording: no-recording, http:NNN (and the codes of a fetch), unreadable,
silent, too-short, too-long (than the call, or than what is left of it from the agent's answer on,
where the logger `begins` there), another-call (neither nonce is in it), one-sided (only one is)

The file is read, or fetched, in a process of its own (call_recording_child.py).
"""

from __future__ import annotations

import asyncio
import glob
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, Field, model_validator

from checks.contract import CannotTell, Trace
from checks.process.events import concluded, followed
from checks.process.parent import python
from checks.settings import Duration, ReadableFile, Secret
from checks.telephony.call.commands import in_time
from checks.telephony.call.leg import Phone
from checks.telephony.call.two_way_audio import Hearing
from checks.transport.clear_text import MEANT, ClearText, is_open

WORDS = ("call_id", "agent_call_id", "caller", "callee")
"""what may stand in braces in a file's or an address's name"""
MEASURES: Mapping[str, str] = {
    "recording_seconds": "after the call: until its recording was there and looked at",
    "recording_length_seconds": "how long the recording is, seconds",
    "recording_difference_seconds": (
        "by how much it is longer (shorter: less than 0) than the call, or its part from the"
        " agent's answer on, seconds"
    ),
}
_CHILD = "checks.telephony.call.call_recording_child"
# Two rounds of the nonce and their edges: enough for a recorder that drops the first packets.
_MARK_SECONDS = 2.0
# The child imports numpy, which takes seconds on a small machine.
_START_SECONDS = 30.0
# A spool of a year holds more: the pattern must name a folder of a day.
_MOST_FILES = 20_000


def _template(written: str) -> str:
    """Refuses a word in braces that has no meaning. Raises ValueError."""
    try:
        # str.format would fail in the middle of the night, after the call: the template is tried
        # when it is read.
        words = [name for _, name, _, _ in string.Formatter().parse(written) if name is not None]
    except ValueError as problem:
        raise ValueError(f"{written!r}: {problem}; a brace of its own is written twice") from None
    if strange := [word for word in words if word not in WORDS]:
        raise ValueError(
            f"{{{strange[0]}}} means nothing here; there are"
            f" {', '.join(f'{{{word}}}' for word in WORDS)}"
        )
    return written


Template = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_template)]


class VoiceLog(ClearText):
    """Where the recording of a call is to be found, and how soon."""

    file: Template | None = Field(
        default=None, examples=["/var/spool/asterisk/monitor/*/*-{caller}-*.wav"]
    )
    """path with * and **; of the files that match, those that were not there before the call.
    {call_id} (SIP Call-ID of the caller's leg), {agent_call_id}, {caller} and {callee} have a
    meaning
    """
    url: Template | None = Field(
        default=None, examples=["https://recorder.example.net/calls/{call_id}.wav"]
    )
    """or the address to fetch it from, with the same words"""
    headers: Mapping[str, Secret] = Field(default_factory=dict)
    """headers of the fetch, by reference: Authorization and the like"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust on https; without it the system's"""
    within: Duration = Field(default=60.0, gt=0)
    """how soon after the call it must be there"""
    begins: Literal["call", "agent"] = "call"
    """with what the logger begins: with the call's answer, or with the agent's, as those of queues
    do; the recording is held to the time from then on
    """
    tolerance: Duration = 3.0
    """by how much it may be longer or shorter than that"""
    both_sides: bool = True
    """whether the agent must be in it too, not only the caller"""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError("say where the recording is to be found: file = ... or url = ...")
        if self.file is not None and not Path(self.file).is_absolute():
            raise ValueError(f"{self.file!r} is no absolute path")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError(
                f"{self.url!r} is no address to fetch; write it as in"
                " 'https://recorder.example.net/...'"
            )
        return self

    def clear_text(self) -> str | None:
        """A header with a secret in it, on http."""
        if not self.headers or self.url is None or not is_open(self.url):
            return None
        return f"its headers go over the network in the clear; write https://, {MEANT}"

    def longest_seconds(self) -> float:
        """The time for both marks, the wait and the reading, in seconds."""
        return 2 * _MARK_SECONDS + self.within + _START_SECONDS


class Logged:
    """A call whose recording is looked for afterwards."""

    def __init__(self, trace: Trace, settings: VoiceLog, caller: str, callee: str) -> None:
        self._trace, self._settings = trace, settings
        self._words = {"call_id": "", "agent_call_id": "", "caller": caller, "callee": callee}
        self._before: dict[str, float] = {}
        self._said: dict[str, list[int]] = {}

    async def look_before(self) -> None:
        """Note the files that are there before the call."""
        if self._settings.file is not None:
            # Words that are known only after the call match anything before it.
            pattern = self._settings.file.format(**{**dict.fromkeys(WORDS, "*"), **self._known()})
            self._before = await asyncio.to_thread(_files, pattern)

    async def mark(self, hearing: Hearing, call: Phone, agent: Phone | None) -> None:
        """Say something that no other recording holds: each side by itself, since recorders mix.
        Raises Failed.
        """
        with self._trace.stage("recording"):
            since = len(call.events)
            call.order("control", what="identify")
            named = await in_time(call, "dialog", "no-call", since=since)
            self._words["call_id"] = str(named.facts.get("call_id", ""))
            if agent is not None and (rung := agent.seen("incoming")) is not None:
                self._words["agent_call_id"] = str(rung["identities"].get("call-id", [""])[0])
            for name, phone in (("caller", call), ("agent", agent)):
                if phone is not None:
                    # Each side by itself: recorders mix both into one channel, and two nonces at
                    # once hide each other.
                    await hearing.speak(phone, within=_MARK_SECONDS)
                    self._said[name] = list(hearing.said[-1])

    async def judge(self, call: Phone, agent: Phone | None) -> None:
        """After the call: find it and listen to it. Raises Failed, CannotTell."""
        by_agent = self._settings.begins == "agent"
        first = agent if by_agent else call
        answered = first.seen("answered") if first else None
        over = call.seen("hung-up", "far-bye")
        if answered is None or over is None:
            raise CannotTell("the call has no length")
        # The recording ends when the call does, not when our BYE was answered.
        job = self._job(float(over.facts.get("began", over.at)) - answered.at)
        job["since"] = " from the agent's answer on" if by_agent else ""
        # The child writes it only where it is found to be this call's.
        self._trace.exhibit("recording.wav", "audio/wav")
        within = self._settings.within + _START_SECONDS
        concluded(await followed(python(_CHILD), job, self._trace, within), self._trace)

    def _job(self, call_seconds: float) -> dict[str, Any]:
        settings = self._settings
        try:
            headers = {name: secret.reveal() for name, secret in settings.headers.items()}
        except LookupError as missing:
            raise CannotTell(f"a header of the recorder: {missing}") from None
        return {
            "file": (
                settings.file
                and settings.file.format(**{**dict.fromkeys(WORDS, "*"), **self._known()})
            ),
            "url": (
                settings.url
                # A Call-ID may hold "@" and "/", which would change the address.
                and settings.url.format(**{k: quote(v, safe="") for k, v in self._words.items()})
            ),
            "headers": headers,
            "trusted": settings.trusted_certificates and str(settings.trusted_certificates),
            "before": self._before,
            "within": settings.within,
            "tolerance": settings.tolerance,
            "call_seconds": call_seconds,
            "said": self._said if settings.both_sides else {"caller": self._said["caller"]},
            "exhibit": str(self._trace.exhibits_folder / "recording.wav"),
        }

    def _known(self) -> dict[str, str]:
        # A caller ID of "*" would match every file.
        return {word: glob.escape(value) for word, value in self._words.items() if value}


def _files(pattern: str) -> dict[str, float]:
    """The files of a pattern with their times; a folder of too many is no place to look for one."""
    found: dict[str, float] = {}
    # Path.glob takes no absolute pattern.
    for path in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - see above
        if len(found) >= _MOST_FILES:
            break
        try:
            found[path] = Path(path).stat().st_mtime
        # A recorder moves its files while they are listed.
        except OSError:
            continue
    return found
