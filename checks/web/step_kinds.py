"""What the kinds have in common that walk through an API or a portal to something that they look
at: the steps, the way out, the time limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from checks.contract import Failed, Trace
from checks.settings import Duration
from checks.transport.http.address import web_address
from checks.transport.http.message import Answer
from checks.web.steps.step import Step, Walking, checked

# For a logout (5 s at most, LOGOUT_SECONDS of the runner) and for the closing of its connections.
AFTERWARDS_SECONDS = 8.0


class Walked(Walking):
    """A walk whose last answer is looked at: a mixin beside Check."""

    WORDS: ClassVar[tuple[str, ...]] = ()
    """the words in braces that the kind itself gives to its steps"""

    url: Annotated[str, AfterValidator(web_address)]
    """what the addresses of the steps count from"""
    steps: tuple[Step, ...] = Field(min_length=1)
    """what is done one after the other, cookies and all"""
    logout: Step | None = None
    """the step at the end that is always made, whatever went wrong before it"""
    within: Duration = Field(default=15.0, gt=0)
    """time limit for all steps together"""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if taken := [name for name in self.WORDS if name in self.secrets]:
            raise ValueError(
                f"a secret cannot be called {taken[0]!r}: {{{taken[0]}}} has a meaning of its own"
                " here"
            )
        known = dict.fromkeys(self.WORDS)
        checked(self.steps, self.logout, {**known, **self.secrets})  # type: ignore[dict-item]
        return self

    def walk_measures(self) -> dict[str, str]:
        """The phases of every step."""
        steps = (*self.steps, *([self.logout] if self.logout else ()))
        return {name: said for step in steps for name, said in step.measures().items()}

    def fault_of(self, step: Step, refused: Failed) -> Failed:  # noqa: ARG002 - kinds look at it
        """What a failed step says, in the kind's own words."""
        return refused

    async def last_answer(self, trace: Trace, words: Mapping[str, str] | None = None) -> Answer:
        """Go through the steps; `words` stand for what is written in braces. Raises Failed,
        CannotTell.
        """
        from checks.web.steps.step_runner import walk

        try:
            async with walk(trace, self.url, self, logout=self.logout) as walker:
                for name, value in (words or {}).items():
                    walker.words.remember(name, value)
                async with asyncio.timeout(self.within):
                    for step in self.steps:
                        try:
                            answer = await walker.take(step)
                        except Failed as refused:
                            raise self.fault_of(step, refused) from None
        except TimeoutError:
            raise Failed("timeout", f"not through within {self.within:g} s") from None
        return answer
