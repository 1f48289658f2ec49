"""What an attempt writes as it works: a `Trace`, which is closed into an `Observation`.

The rules stand in contract.py, which names all of this too: who writes a check imports it from
there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from checks import masking

Origin = Literal["far", "local"]
# Names of measures are of 40 letters at most, media types of 127 (RFC 6838 section 4.2).
_LONGEST_NAME = 200


class Failed(Exception):
    """The far end answered, and the answer was no (or never came in time)."""

    def __init__(self, code: str, text: str = "", origin: Origin = "far") -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code, self.text, self.origin = code, text, origin


# The name of before 0.2.0, for kinds that others have written.
Refused = Failed


class CannotTell(Exception):
    """The probe itself could not run: nothing is known about the far end."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What failed: the stage that was under way, a code ("sip:503", "no-rtp", "timeout") and the
    far end's words.
    """

    stage: str
    code: str
    text: str = ""
    origin: Origin = "far"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of an attempt; both times in seconds, `began` counted from the attempt's start."""

    name: str
    began: float
    seconds: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A piece of evidence on disk: a recording, a SIP ladder, a screenshot."""

    name: str
    media_type: str
    path: Path


@dataclass(frozen=True, slots=True)
class Observation:
    """The facts of one attempt. `blind` says why nothing is known; then `fault` is None and no
    measure counts.
    """

    stages: tuple[Stage, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    fault: Fault | None = None
    blind: str | None = None
    notes: tuple[str, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    """what the far end itself called a warning, in its words"""
    memory: Mapping[str, Any] = field(default_factory=dict)
    """what the next attempt of this check is to know (plain JSON); a blind one leaves nothing"""
    proposals: Mapping[str, Any] = field(default_factory=dict)
    """what a person may accept as right (plain JSON), blind or not"""


class Trace:
    """What a probe writes as it works. What was written before a break is kept.

    Whatever leaves it has gone through the mask of the attempt (masking.py): printable, bounded,
    without the secrets that were revealed in it.
    """

    def __init__(
        self,
        stopwatch: Callable[[], float],
        exhibits: Path | Callable[[], Path],
        memory: Mapping[str, Any] | None = None,
        accepted: Mapping[str, Any] | None = None,
        began_at: float | None = None,
    ) -> None:
        """`stopwatch` gives monotonic seconds; `exhibits` is this attempt's own, existing folder,
        or what makes one when it is first needed; `memory` is what the last attempt that could tell
        has remembered; `accepted` is what a person has taken for right, by name; `began_at` is when
        this one began, in seconds since 1970.
        """
        self._mask = masking.current()
        self._exhibits_in = exhibits
        self._began_at = began_at
        self.recalled: Mapping[str, Any] = memory or {}
        self.accepted: Mapping[str, Any] = accepted or {}
        self._memory: dict[str, Any] = {}
        self._proposals: dict[str, Any] = {}
        self._stopwatch = stopwatch
        self._zero = stopwatch()
        # The innermost stage breaks first, and is the one that a fault names.
        self._broke_in: str | None = None
        self._stages: list[Stage] = []
        self._measures: dict[str, float] = {}
        self._notes: list[str] = []
        self._warnings: list[str] = []
        self._exhibits: list[Exhibit] = []
        self._unread: list[Exhibit] = []
        self.listener: Callable[[str], None] | None = (
            None  # told of each stage as it begins, for a terminal
        )

    @property
    def exhibits_folder(self) -> Path:
        """This attempt's own folder; made now, if it is needed for the first time. Raises
        CannotTell.
        """
        if not isinstance(self._exhibits_in, Path):
            try:
                self._exhibits_in = self._exhibits_in()
            except OSError as full:
                raise CannotTell(f"no folder for the exhibits: {full}") from full
        return self._exhibits_in

    @property
    def began_at(self) -> float:
        """When the attempt began, in seconds since 1970: what dates are counted from."""
        if self._began_at is None:
            self._began_at = self.exhibits_folder.stat().st_mtime
        return self._began_at

    def elapsed(self) -> float:
        """Seconds since the attempt began."""
        return self._stopwatch() - self._zero

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Time a stage as the measure `name_seconds` (dashes become underscores), and name it if it
        breaks.
        """
        return _UnderWay(self, name)

    def begun(self, name: str) -> float:
        """A stage begins; returns when, in seconds since the attempt began."""
        if self.listener:
            self.listener(name)
        return self.elapsed()

    def broke(self, name: str) -> None:
        """A stage has broken; the first one names the fault."""
        self._broke_in = self._broke_in or name

    def another_way(self, since: float) -> None:
        """What broke is tried by another way: the stages that began at or after `since` (seconds
        since the attempt began) are those of a way that was given up, and name no fault.
        """
        self._broke_in = None
        self._stages = [stage for stage in self._stages if stage.began < since]

    def staged(self, name: str, began: float, seconds: float, passed: bool = True) -> None:
        """Record a stage that was timed elsewhere (in a call's own process)."""
        self._stages.append(Stage(name, began, seconds, passed))
        # A stage that broke off gives no time: an expectation on it would be met by a quick
        # failure.
        if passed:
            self._measures[f"{name.replace('-', '_')}_seconds"] = seconds

    def measure(self, name: str, value: float) -> None:
        """Keep a number; its name carries the unit (`rx_loss_percent`)."""
        self._measures[name[:_LONGEST_NAME]] = value

    def note(self, text: str) -> None:
        """Keep a sentence of plain fact."""
        self._notes.append(self._mask.text(text))

    def warning(self, text: str) -> None:
        """Keep what the far end itself called a warning."""
        self._warnings.append(self._mask.text(text))

    def remember(self, name: str, value: Any) -> None:
        """Leave a small piece of plain JSON to the next attempt, which finds it in `recalled`; what
        is not remembered anew is forgotten. Raises TypeError for what is no JSON.
        """
        # Through JSON at once: what the ledger could not keep is refused here, where its author
        # sees it, and a later change of the value does not reach what is kept.
        self._memory[name] = self._mask.json(json.loads(json.dumps(value)))

    def propose(self, name: str, value: Any) -> None:
        """Say what was seen (plain JSON, no secret), for `reveille baseline` to take as
        `accepted[name]`. Only of a kind with ACCEPTS. Raises TypeError for what is no JSON.
        """
        self._proposals[name] = self._mask.json(json.loads(json.dumps(value)))

    def exhibit(
        self, name: str, media_type: str, content: bytes | None = None, ours: bool = False
    ) -> Path:
        """Register evidence called `name` in this attempt's folder, writing `content` if given;
        returns its path. Content is masked, and bounded unless it is `ours`, figures that a far end
        cannot make longer; what a child writes is masked when the trace is closed.
        """
        path = self.exhibits_folder / name
        kept = Exhibit(name, self._mask.text(media_type, _LONGEST_NAME), path)
        if content is None:
            self._unread.append(kept)
        else:
            path.write_bytes(
                self._mask.document(content, media_type) if ours else self._mask.evidence(content)
            )
        self._exhibits.append(kept)
        return path

    def observation(
        self, ended_by: BaseException | None = None, blind: str | None = None
    ) -> Observation:
        """Close the trace into an observation; `ended_by` is what broke the attempt, if anything
        did.
        """
        fault, said = None, self._mask.text
        if isinstance(ended_by, Failed):
            # The head of a code is a word of the house: policies go by it, also where somebody's
            # password is "silent". What follows a colon may be a far end's.
            head, colon, tail = ended_by.code.partition(":")
            code, text = f"{head}{colon}{said(tail, _LONGEST_NAME)}", said(ended_by.text)
            fault = Fault(self._broke_in or "probe", code, text, ended_by.origin)
        elif ended_by is not None and blind is None:
            blind = str(ended_by) or type(ended_by).__name__
        for exhibit in self._unread:
            self._mask.file(exhibit.path, exhibit.media_type)
        return Observation(
            stages=tuple(self._stages),
            measures=dict(self._measures),
            fault=fault,
            blind=None if blind is None else said(blind),
            notes=tuple(self._notes),
            # An engine that was killed has registered a recording that it never wrote.
            exhibits=tuple(e for e in self._exhibits if e.path.exists()),
            seconds=self.elapsed(),
            # A blind attempt knows nothing: the memory of the last one that could tell stays.
            memory={} if blind else dict(self._memory),
            proposals=dict(self._proposals),
            warnings=tuple(self._warnings),
        )


class _UnderWay(AbstractContextManager[None]):
    """A stage for as long as its block runs."""

    __slots__ = ("_began", "_name", "_trace")

    def __init__(self, trace: Trace, name: str) -> None:
        self._trace, self._name = trace, name

    def __enter__(self) -> None:
        self._began = self._trace.begun(self._name)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if error is not None:
            self._trace.broke(self._name)
        self._trace.staged(
            self._name, self._began, self._trace.elapsed() - self._began, error is None
        )
