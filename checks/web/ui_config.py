"""Is what agents are shown still what was agreed on? Chosen elements of a page, or a
configuration's API, are compared with what a person has accepted.

    each step    a walk to the page, with a login if it takes one   faults:  as for a portal
    read         #toolbar button -> ["Hold", "Mute", "Transfer"]    fault:   missing (nothing there)
    compare      accepted: ["Hold", "Mute", "Transfer"]             fault:   differs ("1 removed …")
                                                                    unknown: nothing was accepted

Rules: what is seen is proposed each time; `reveille baseline NAME` shows the difference and takes
it. A page is read in a process of its own, and as it was sent: what a script builds is
portal-browser's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.json_diff import difference
from checks.kind import Duty
from checks.settings import Settings
from checks.transport.http.message import Answer
from checks.web.expected import at_paths
from checks.web.json_path import JsonPath
from checks.web.step_kinds import AFTERWARDS_SECONDS, Walked

# A new release of a portal changes everything: two screens of difference say that.
_MOST_LINES = 60


class Look(Settings):
    """Something that is shown."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
    """what it is called in a difference"""
    css: str | None = Field(default=None, min_length=1, max_length=500)
    """CSS selector of elements of the page; their texts are compared"""
    attributes: tuple[str, ...] = Field(default=(), examples=[["href", "disabled"]])
    """attributes of these elements that are compared too"""
    json_path: JsonPath | None = Field(default=None, alias="json")
    """where it stands in a JSON document"""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.css is None) == (self.json_path is None):
            raise ValueError(
                "what is looked at stands on a page (css) or in JSON (json); write one of them"
            )
        if self.attributes and self.css is None:
            raise ValueError("only elements of a page have attributes")
        return self


class UiConfig(Walked, Check):
    """Compares what a user interface shows with what was accepted."""

    KIND: ClassVar[str] = "ui-config"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    ACCEPTS: ClassVar[bool] = True
    DUTY: ClassVar[Duty] = "portals"
    SAMPLE: ClassVar[str] = """
# `reveille baseline agents-toolbar` takes what is shown for right.
[checks.agents-toolbar]
kind = "ui-config"
every = "15m"
url = "https://agent.example.net/"
secrets = { password = { credential = "agent-portal" } }
looks = [{ name = "toolbar", css = "#toolbar button" }]

[[checks.agents-toolbar.steps]]
name = "login"
url = "/login"
form = { user = "watcher", password = "{password}" }
lands_on = "/home"
"""

    looks: tuple[Look, ...] = Field(min_length=1, max_length=50)
    """what of the last step's answer is compared"""

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        names = [look.name for look in self.looks]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two looks are called {twice[0]!r}")
        return self

    def measures(self) -> Mapping[str, str]:
        """The walk, and how much differs."""
        return {
            **self.walk_measures(),
            "read_seconds": "reading what is shown, in seconds",
            "compare_seconds": "comparing it, in seconds",
            "added_lines": "what is shown and was not accepted, in lines",
            "removed_lines": "what was accepted and is shown no more, in lines",
            "total_seconds": "everything, in seconds",
        }

    def longest_seconds(self) -> float:
        """The time limits of the walk and of reading the page, in seconds."""
        return self.within + AFTERWARDS_SECONDS + 22.0

    async def probe(self, trace: Trace) -> None:
        """Go to the page once, and compare what it shows with what was accepted."""
        answer = await self.last_answer(trace)
        with trace.stage("read"):
            seen = await self._seen(answer)
        trace.propose("shown", seen)
        with trace.stage("compare"):
            self._compared(trace, seen)
        trace.measure("total_seconds", trace.elapsed())

    async def _seen(self, answer: Answer) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        if looks := [
            (look.name, look.json_path) for look in self.looks if look.json_path is not None
        ]:
            found = await at_paths(answer.text, [path for _, path in looks])
            seen = {name: there for (name, _), there in zip(looks, found, strict=True)}
        chosen = [
            look.model_dump(include={"name", "css", "attributes"})
            for look in self.looks
            if look.css is not None
        ]
        if chosen:
            from checks.web.sandbox.reader import elements

            seen |= await elements(answer.text, chosen)
        # Nothing at all means the wrong page or a selector that fits no more: that is another fault
        # than a button that has gone.
        if not any(seen.values()):
            raise Failed("missing", f"nothing of {', '.join(seen)} is there")
        return seen

    def _compared(self, trace: Trace, seen: Mapping[str, Any]) -> None:
        if "shown" not in trace.accepted:
            raise CannotTell(
                "nothing was accepted yet; `reveille baseline` takes what is shown now for right"
            )
        told = difference(trace.accepted["shown"], seen)
        trace.measure("added_lines", len(told.added))
        trace.measure("removed_lines", len(told.removed))
        if told:
            trace.exhibit(
                "difference.txt", "text/plain", "\n".join(told.unified[:_MOST_LINES]).encode()
            )
            raise Failed("differs", told.words())
