"""The call-progress tones of the countries, as facts of the list of the Operational Bulletin
("Various tones used in national networks", ITU-T E.180 Supplement 2; SIT: E.180/Q.35). Each row was
written for this table.

A tone is its frequencies in Hz (`+` together, `*` modulated by the second), then its cadence in
seconds, on/off by turns; without a cadence it does not stop. Countries that differ by less than the
tolerance of `progress` share a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["ringback", "busy", "congestion", "dial"]


@dataclass(frozen=True, slots=True)
class Tone:
    """One tone of a country. `cadence` is seconds on, off, on, off ...; () for no pause."""

    country: str
    """ISO 3166, two letters"""
    kind: Kind
    frequencies: tuple[int, ...]
    modulated: bool
    """whether the one frequency is modulated by a low one (25 Hz or so)"""
    cadence: tuple[float, ...]

    def written(self) -> str:
        """ "425 Hz 1/4 s"."""
        pitch = "+".join(map(str, self.frequencies)) + (
            " Hz, modulated" if self.modulated else " Hz"
        )
        # The words appear in a report beside a recording: an engineer compares them with the
        # national plan.
        return pitch + (
            f" {'/'.join(f'{s:g}' for s in self.cadence)} s" if self.cadence else " without a break"
        )


# ringback | busy | congestion | dial: countries
_ROWS: Mapping[str, str] = {
    # 425 Hz, the recommendation of E.180: ringback of one second
    "425 1/4 | 425 .5/.5 | 425 .25/.25 | 425": (
        "bg br de dk id ir is nl no pl pt ro rs sa sk tr ua vn"
    ),
    "425 1/4 | 425 .5/.5 | 425 .2/.2 | 425": "ch hr it kr lu lv mt si",
    "425 1/4 | 425 .3/.3 | 425 .2/.2 | 425": "ee fi gr",
    "425 1/4 | 425 .25/.25 | 425 .25/.25 | 425": "mx co ve",
    "425 1/4 | 425 .35/.35 | 425 .2/.2 | 425": "lt",
    "425 1/4 | 425 .33/.33 | 425 .165/.165 | 425": "cz",
    "425 1/3 | 425 .5/.5 | 425 .167/.167 | 425": "be",
    "425 .8/3.2 | 425 .4/.4 | 425 .2/.2 | 425": "ru by kz",
    "425 1/5 | 425 .25/.25 | 425 .25/.25 | 425": "se",
    "425 1.25/3.75 | 425 .3/.3 | 425 .3/.3 | 425": "hu",
    "425 1.5/3 | 425 .2/.2 | 425 .2/.2/.2/.2/.2/.6 | 425": "es",
    "425 1/4 | 425 .3/.2 | 425 .3/.4 | 425": "ar",
    "420 1/5 | 420 .4/.4 | 420 .2/.2 | 420": "at",
    "400 1/3 | 400 .5/.5 | 400 .2/.2 | 400": "cl",
    "414 1/3 | 414 .5/.5 | 414 .25/.25 | 414": "il",
    "440 1.5/3.5 | 440 .5/.5 | 440 .25/.25 | 440": "fr",
    "450 1/4 | 450 .35/.35 | 450 .7/.7 | 450": "cn",
    "425+480 1/4 | 480+620 .5/.5 | 480+620 .25/.25 | 425": "ph",
    "400 1/4 | 400 .5/.5 | 400 .25/.25 | 400+450": "th",
    # double ring
    "400*25 .4/.2/.4/2 | 400 .75/.75 | 400 .25/.25 | 400*25": "in pk bd lk np",
    "425*24 .4/.2/.4/2 | 425 .75/.75 | 425 .25/.25 | 425": "sg",
    "425 .4/.2/.4/2 | 425 .5/.5 | 425 .5/.5 | 425": "my",
    "440+480 .4/.2/.4/3 | 480+620 .5/.5 | 480+620 .25/.25 | 350+440": "hk",
    "400+450 .4/.2/.4/2 | 400 .375/.375 | 400 .4/.35/.225/.525 | 350+440": (
        "gb ae om qa bh kw mu ng"
    ),
    "400+450 .4/.2/.4/2 | 425 .5/.5 | 425 .25/.25 | 425": "ie",
    "400+450 .4/.2/.4/2 | 400 .5/.5 | 400 .25/.25 | 400": "nz za ke gh",
    "413+438 .4/.2/.4/2 | 425 .375/.375 | 425 .375/.375 | 413+438": "au",
    "400*16 1/2 | 400 .5/.5 | 400 .5/.5 | 400": "jp",
    # North America and those who took its plan
    "440+480 2/4 | 480+620 .5/.5 | 480+620 .25/.25 | 350+440": "us ca pr jm bs tt do",
    "440+480 1/2 | 480+620 .5/.5 | 480+620 .25/.25 | 350+440": "tw",
}
KINDS: tuple[Kind, ...] = ("ringback", "busy", "congestion", "dial")


def _tones() -> tuple[Tone, ...]:
    return tuple(
        # One row names all four tones of its countries: a country cannot lack one by oversight.
        _tone(country, kind, written)
        for row, countries in _ROWS.items()
        for kind, written in zip(KINDS, row.split(" | "), strict=True)
        for country in countries.split()
    )


def _tone(country: str, kind: Kind, written: str) -> Tone:
    pitch, _, cadence = written.partition(" ")
    carrier, star, _ = pitch.partition("*")
    frequencies = tuple(int(part) for part in carrier.split("+"))
    return Tone(
        country,
        kind,
        frequencies,
        bool(star),
        tuple(float(part) for part in cadence.split("/") if part),
    )


TONES: tuple[Tone, ...] = _tones()
COUNTRIES: tuple[str, ...] = tuple(sorted({tone.country for tone in TONES}))
