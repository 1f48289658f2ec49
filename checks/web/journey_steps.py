"""The steps of a journey through a portal, as written in the configuration: each has exactly one
verb.

A field is named by its label, a button by what is written on it; "css=..." is a selector for what
has no name. A step may begin a stage of the journey (`stage = "login"`), to which the steps after
it belong too.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from checks.settings import Duration, Secret, Settings
from checks.step_tables import Verbs

Words = Annotated[str, Field(min_length=1, max_length=500)]
StageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
FIRST_STAGE = "open"


class _Step(Settings):
    stage: StageName | None = None
    """the part of the journey that begins here, as a fault names it: login, search, logout"""
    within: Duration = Field(default=10.0, gt=0)
    """how soon it must be done"""
    frame: str | None = None
    """CSS selector of the frame that it happens in"""


class Open(_Step):
    """A page is opened."""

    open: Words
    """its address, or what comes after the check's own"""


class Fill(_Step):
    """Something is written into a field."""

    fill: Words
    """the field's label, placeholder or name"""
    text: str | None = Field(default=None, alias="with")
    """what is written"""
    secret: Secret | None = None
    """what is written, by reference; it is never shown"""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.text is None) == (self.secret is None):
            raise ValueError("write either 'with' or 'secret'")
        return self


class Click(_Step):
    """Something is clicked."""

    click: Words
    """what is written on the button or link"""


class PressKey(_Step):
    """A key is pressed."""

    # The names of UI Events (KeyboardEvent.key) as Playwright takes them, with + between a modifier
    # and its key.
    press: Annotated[str, Field(pattern=r"^[A-Za-z0-9+]{1,30}$")]
    """its name, as in "Enter" or "Control+A\""""


class See(_Step):
    """Something is to be seen."""

    see: Words
    """the text"""


class NotSee(_Step):
    """Something is not to be seen, or no longer."""

    not_see: Words = Field(alias="not-see")
    """the text"""


class Wait(_Step):
    """Nothing is done for a while."""

    wait: Duration
    """how long"""


VERBS = Verbs(
    {
        "open": Open,
        "fill": Fill,
        "click": Click,
        "press": PressKey,
        "see": See,
        "not-see": NotSee,
        "wait": Wait,
    },
    example='{ click = "Sign in" }',
)

JourneyStep = Annotated[
    Annotated[Open, Tag("open")]
    | Annotated[Fill, Tag("fill")]
    | Annotated[Click, Tag("click")]
    | Annotated[PressKey, Tag("press")]
    | Annotated[See, Tag("see")]
    | Annotated[NotSee, Tag("not-see")]
    | Annotated[Wait, Tag("wait")],
    Discriminator(VERBS.of),
    BeforeValidator(VERBS.exactly_one),
]


def verb_of(step: _Step) -> str:
    """The verb of a step, as the configuration writes it."""
    return str(VERBS.of(step))


def seconds_of(step: _Step) -> float:
    """The longest that a step may take, in seconds."""
    return step.within + (step.wait if isinstance(step, Wait) else 0.0)


def in_stages(steps: tuple[Any, ...]) -> list[tuple[str, _Step]]:
    """Each step with the stage that it belongs to."""
    stage, found = FIRST_STAGE, []
    for step in steps:
        stage = step.stage or stage
        found.append((stage, step))
    return found
