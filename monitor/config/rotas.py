"""[rotas.ROLE] as it is written; what a rota means is in `monitor.core.rota`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from itertools import pairwise
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from checks.settings import Settings, shown
from monitor.config.day_span import clock_time
from monitor.config.errors.explanation import Found, offer
from monitor.config.fault_list import Place
from monitor.config.maintenance import SiteTime
from monitor.config.section_models import Person, Text
from monitor.core.rota import Override, Rota

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class HandOver(NamedTuple):
    """Once a week."""

    weekday: int
    at: time

    def __str__(self) -> str:
        return f"{_DAYS[self.weekday]} {self.at:%H:%M}"


def _hand_over(written: object) -> HandOver:
    if isinstance(written, HandOver):
        return written
    parts = re.fullmatch(r"([a-z]{3}) ([0-9:]{5})", written) if isinstance(written, str) else None
    if parts is None or parts[1] not in _DAYS:
        raise ValueError(
            f"{shown(written)} is no time of the week; write day and time, as in 'mon 09:00'"
        )
    return HandOver(_DAYS.index(parts[1]), clock_time(parts[2]))


WeeklyTime = Annotated[
    HandOver,
    BeforeValidator(_hand_over),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "weekly-time",
            "pattern": f"^({'|'.join(_DAYS)}) ([01][0-9]|2[0-3]):[0-5][0-9]$",
        }
    ),
]


class StandIn(Settings):
    """Somebody is on call out of turn."""

    who: Text
    """the name of the person, of [[people]] with this role"""
    start: SiteTime
    """from when, in site time"""
    end: SiteTime
    """until when, in site time"""

    @model_validator(mode="after")
    def _ends_later(self) -> StandIn:
        if self.end <= self.start:
            raise ValueError("ends before it begins; write an 'end' after its 'start'")
        return self


class RotaSettings(Settings):
    """The people of one role, on call in turn for a week each. Without a rota all of a role are."""

    turn: tuple[Text, ...] = Field(min_length=1, examples=[["Asha", "Ravi"]])
    """the names of the people, of [[people]] with this role, in their order"""
    hand_over: WeeklyTime = HandOver(0, time(9))
    """when a week begins, in site time"""
    since: date = Field(examples=["2026-11-30"])
    """a day in the first week of the first in turn"""
    overrides: tuple[StandIn, ...] = ()
    """who stands in, and from when to when"""

    def rota(self, role: str, zone: str) -> Rota:
        """The rota itself, in the site's time zone."""
        overrides = tuple(Override(one.start, one.end, one.who) for one in self.overrides)
        weekday, at = self.hand_over
        return Rota(role, self.turn, weekday, at, self.since, zone, overrides)


def uncovered(rotas: Mapping[str, RotaSettings], people: Sequence[Person]) -> Iterator[Found]:
    """What leaves a role without anybody for a while, or does not say who it is."""
    for role, rota in rotas.items():
        place = ("rotas", role)
        known = Counter(one.name or one.role for one in people if one.role == role)
        if not known:
            roles = sorted({one.role for one in people})
            wrong = f"nobody in [[people]] has the role {shown(role)}{offer(role, roles)}"
            yield Found.said(place, wrong)
            continue
        named: list[tuple[Place, str]] = [
            (("turn", number), who) for number, who in enumerate(rota.turn)
        ]
        named += [(("overrides", n, "who"), one.who) for n, one in enumerate(rota.overrides)]
        for where, who in named:
            if who not in known:
                wrong = f"nobody with the role {role!r} is called {shown(who)}"
                said = f"{wrong}, so that nobody would be on call{offer(who, list(known))}"
                yield Found.said((*place, *where), said)
            elif known[who] > 1:
                wrong = f"{known[who]} people with the role {role!r} are called {shown(who)}"
                yield Found((*place, *where), wrong, "give each a name of their own")
        yield from _at_once(role, rota)


def _at_once(role: str, rota: RotaSettings) -> Iterator[Found]:
    numbered = sorted(enumerate(rota.overrides), key=lambda one: one[1].start)
    for (_, first), (number, second) in pairwise(numbered):
        if second.start < first.end:
            wrong = f"begins at {second.start}, while {first.who} stands in until {first.end}"
            right = "let one end when the other begins"
            yield Found(("rotas", role, "overrides", number), wrong, right)
