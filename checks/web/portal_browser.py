"""A journey through a portal, as a person makes it, in a real browser: pages are opened, fields
filled, things seen.

    { open = "/login" }                        stage open
    { fill = "User name", with = "monitor", stage = "login" }
    { fill = "Password", secret = {...} }      stage login: not-found, not-seen ...
    { click = "Sign in" }
    { see = "Signed in as" }
    { click = "Sign out", stage = "logout" }   stage logout

Faults of a step: http:NNN, not-found (nothing there to click or fill), not-seen, seen (what should
not be), timeout, too-large, and those of the network: dns, refused, unreachable, tls, expired …,
closed, redirects, bad-peer. A secret is typed into a page of a site that is named; where a page has
led elsewhere, that is redirects too. A failed journey leaves a picture of what was on the screen
and the page's console, both without secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urljoin

from pydantic import Field, model_validator

from checks.contract import Check, Layer, Trace
from checks.kind import Duty
from checks.transport.clear_text import MEANT, ClearText, is_open
from checks.web.browsing import LAUNCH_SECONDS, MEASURES, Browsing, PageAddress, revealed
from checks.web.journey_steps import Fill, JourneyStep, Open, Wait, in_stages, seconds_of, verb_of
from checks.web.own_sites import SigningIn, Sites


class PortalBrowser(SigningIn, ClearText, Browsing, Check):
    """Makes a journey through a portal in a browser."""

    KIND: ClassVar[str] = "portal-browser"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "portals"
    SAMPLE: ClassVar[str] = """
# Needs a Chromium on this host, as in: apt install chromium-headless-shell
[checks.agent-desk]
kind = "portal-browser"
every = "10m"
component = "agent-portal"
url = "https://agent.example.net/"
steps = [
  { open = "/login" },
  { fill = "User name", with = "monitor", stage = "login" },
  { fill = "Password", secret = { credential = "agent-portal" } },
  { click = "Sign in" },
  { see = "Signed in as" },
  { click = "Sign out", stage = "logout" },
]
"""

    url: PageAddress = Field(examples=["https://agent.example.net/"])
    """where the journey begins; addresses of steps count from it"""
    steps: Annotated[tuple[JourneyStep, ...], Field(min_length=1)] = Field(
        examples=[[{"open": "/login"}, {"see": "Sign in"}]]
    )
    """what is done and seen, in order: open, fill, click, press, see, not-see, wait"""

    @model_validator(mode="after")
    def _opens_first(self) -> Self:
        # A new tab shows about:blank: no other step could succeed there.
        if not isinstance(self.steps[0], Open):
            raise ValueError('a journey begins with a page; make the first step { open = "/" }')
        return self

    def clear_text(self) -> str | None:
        """A secret that is typed into a page, on http."""
        opened = [step.open for step in self.steps if isinstance(step, Open)]
        typed = any(isinstance(step, Fill) and step.secret for step in self.steps)
        if not typed or not any(map(is_open, (self.url, *opened))):
            return None
        return f"a secret is typed into a page in the clear; write https://, {MEANT}"

    def measures(self) -> Mapping[str, str]:
        """A time for each stage, and what the pages did on the side."""
        stages = dict.fromkeys(stage for stage, _ in in_stages(self.steps))
        tls = (
            {"tls_seconds": "the certificate looked at before, in seconds"}
            if self.trusted_certificates
            else {}
        )
        named = {
            f"{stage.replace('-', '_')}_seconds": f"the stage {stage}, in seconds"
            for stage in stages
        }
        return {**tls, **named, **MEASURES}

    def longest_seconds(self) -> float:
        """Every step at its slowest, and the browser's own start and end."""
        return self._within() + LAUNCH_SECONDS

    async def probe(self, trace: Trace) -> None:
        """Make the journey once. Raises Failed, CannotTell."""
        from checks.web.browser.job import perform

        order = {
            "url": self.url,
            "steps": [_told(stage, step) for stage, step in in_stages(self.steps)],
            "secrets": [
                revealed(step.secret)
                for step in self.steps
                if isinstance(step, Fill) and step.secret
            ],
            "step_within": self.step_within,
            "max_bytes": self.max_bytes,
            "authorities": str(self.trusted_certificates or ""),
            "sites": [*self._named().origins],
        }
        await perform(trace, "journey", self.program(), order, self._within())

    def _named(self) -> Sites:
        """The sites that a secret may be typed into."""
        opened = (urljoin(self.url, step.open) for step in self.steps if isinstance(step, Open))
        return Sites(self.url, *opened, *self.sign_in_at)

    def _within(self) -> float:
        return self.step_within + sum(seconds_of(step) + 5.0 for step in self.steps)


def _told(stage: str, step: Any) -> dict[str, Any]:
    """A step as the browser's process takes it."""
    verb = verb_of(step)
    secret = isinstance(step, Fill) and step.secret is not None
    return {
        "stage": stage,
        "verb": verb,
        "what": getattr(step, verb.replace("-", "_")),
        "within": step.wait + 1.0 if isinstance(step, Wait) else step.within,
        "frame": step.frame,
        "with": (revealed(step.secret) if secret else step.text) if isinstance(step, Fill) else "",
        "secret": secret,
    }
