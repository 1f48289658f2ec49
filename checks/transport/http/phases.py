"""The phases of a request: dns, connect, tls, response, content. Each is a stage of the trace, or a
step's own measure.

The phase under way is told by the connection itself, never guessed from an error. A redirect makes
them begin anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from checks.contract import Trace


class Phases:
    """The phase under way. Leaving with an error breaks it."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.under_way = ""
        self._stage: AbstractContextManager[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.__exit__(kind, error, where)

    def enter(self, phase: str) -> None:
        """End the phase under way as passed, and begin this one."""
        self.leave()
        self.under_way = phase
        self._stage = self.trace.stage(phase)
        self._stage.__enter__()

    def leave(self) -> None:
        """End the phase under way as passed."""
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.__exit__(None, None, None)

    def note(self, text: str) -> None:
        """Keep a sentence of plain fact."""
        self.trace.note(text)

    def warning(self, text: str) -> None:
        """Keep what is a reason to call the far end degraded."""
        self.trace.warning(text)

    def measure(self, name: str, value: float) -> None:
        """Keep a figure of this request."""
        self.trace.measure(name, value)

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.trace.elapsed()


class StepPhases(Phases):
    """The phases of one step among several: the step is the stage, its phases are measures that
    begin with its name.
    """

    def __init__(self, trace: Trace, step: str, hide: Callable[[str], str]) -> None:
        """`hide` takes out of a text what nobody may see."""
        super().__init__(trace)
        self._hide, self._name, self.broke_in = hide, step, ""
        # Measures carry underscores, so that an expectation can name them: login_response_seconds.
        self._prefix, self._zero = f"{step.replace('-', '_')}_", trace.elapsed()
        self._began = self._zero

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if error is None:
            self.leave()
        else:
            # The step is the stage of the fault; the phase is kept apart, for the fault's text.
            self.broke_in = self.under_way

    def enter(self, phase: str) -> None:
        """End the phase under way as passed, and begin this one."""
        self.leave()
        self.under_way, self._began = phase, self.trace.elapsed()
        if self.trace.listener:
            self.trace.listener(f"{self._name}: {phase}")

    def leave(self) -> None:
        """End the phase under way as passed."""
        if self.under_way:
            self.measure(f"{self.under_way}_seconds", self.trace.elapsed() - self._began)
            self.under_way = ""

    def note(self, text: str) -> None:
        """Keep a sentence of plain fact about this step."""
        self.trace.note(f"{self._name}: {self._hide(text)}")

    def warning(self, text: str) -> None:
        """Keep what is a reason to call the far end of this step degraded."""
        self.trace.warning(f"{self._name}: {self._hide(text)}")

    def measure(self, name: str, value: float) -> None:
        """Keep a figure of this step."""
        self.trace.measure(self._prefix + name, value)

    def elapsed(self) -> float:
        """Seconds since the step's beginning."""
        return self.trace.elapsed() - self._zero
