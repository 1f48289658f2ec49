"""Performance data of a Nagios plugin, as the Monitoring Plugins Development Guidelines have it
(section 2.6).

    time=0.012s;1.000;5.000;0.000;10.000 'free on /var'=93%;20:;10: size=415B;;;0 errors=U

    label=value[unit];[warning];[critical];[minimum];[maximum], by spaces apart; a label with a
    space or an equals sign stands in single quotes, and a quote within it is doubled; U is a value
    that the plugin could not determine.

Rule: what has no such form is left out, and nothing is guessed; the rest still counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import inf

# How many data one attempt keeps. check_snmp and check_disk on a large host give a hundred; more is
# a plugin gone wild, and each datum is a column of the ledger.
MOST_DATA = 200
# Every repetition is bounded, and a datum begins after a blank only: the time stays linear in what
# a plugin prints. A comma for the decimal point is what plugins print in a German or French locale.
_DATUM = re.compile(
    r"(?<!\S)(?:'(?P<quoted>(?:[^'\n]|''){1,200})'|(?P<bare>[^\s'=]{1,200}))"
    r"=(?P<value>[-+]?(?:\d{1,40}(?:[.,]\d{0,40})?|[.,]\d{1,40})(?:[eE][-+]?\d{1,3})?|U)"
    r"(?P<unit>[^\s;\d]{0,20})"
    r"(?P<rest>(?:;[^\s;]{0,100}){0,4});?(?=\s|$)"
)
# Unit of measurement -> the last word of a measure's name, and the factor to the base unit.
# Guideline 2.6 names s, %, B and c; the Monitoring Plugins count KB and above by 1024.
_UNITS = {
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "us": ("seconds", 1e-6),
    "\N{MICRO SIGN}s": ("seconds", 1e-6),
    "\N{GREEK SMALL LETTER MU}s": ("seconds", 1e-6),
    "ns": ("seconds", 1e-9),
    "%": ("percent", 1.0),
    "B": ("bytes", 1.0),
    "KB": ("bytes", 2.0**10),
    "MB": ("bytes", 2.0**20),
    "GB": ("bytes", 2.0**30),
    "TB": ("bytes", 2.0**40),
    "c": ("count", 1.0),
    "": ("", 1.0),
}


@dataclass(frozen=True, slots=True)
class Range:
    """When it alerts: outside of low to high, both still good; or, where `inside`, within them
    (section 2.5).
    """

    low: float
    high: float
    inside: bool = False

    @classmethod
    def parse(cls, written: str) -> Range | None:
        """`10`, `10:`, `~:10`, `10:20`, `@10:20`; None for what is none of these."""
        inside, text = written.startswith("@"), written.removeprefix("@")
        start, colon, end = text.partition(":")
        # Guideline 2.5: `10` means 0 to 10, `10:` no upper end, `~` minus infinity.
        low = _number(start, {"~": -inf}) if colon else 0.0
        high = _number(end if colon else start, {"": inf} if colon else {})
        return None if low is None or high is None or low > high else cls(low, high, inside)

    def alerts(self, value: float) -> bool:
        """Whether a value is one to alert on."""
        return (self.low <= value <= self.high) is self.inside


@dataclass(frozen=True, slots=True)
class Datum:
    """One value, in the base unit of its `name`; None where the plugin could not determine it."""

    name: str
    value: float | None
    warning: Range | None = None
    critical: Range | None = None
    minimum: float | None = None
    maximum: float | None = None


def data_in(text: str) -> tuple[Datum, ...]:
    """Every datum of a plugin's performance data, in order; of two with one name the first."""
    found: dict[str, Datum] = {}
    for datum in islice(_each(text), MOST_DATA):
        found.setdefault(datum.name, datum)
    return tuple(found.values())


def _each(text: str) -> Iterator[Datum]:
    for match in _DATUM.finditer(text):
        label = match["quoted"].replace("''", "'") if match["quoted"] else match["bare"]
        word, factor = _UNITS.get(match["unit"]) or (_word(match["unit"]), 1.0)
        warning, critical, minimum, maximum = (match["rest"].split(";")[1:] + [""] * 4)[:4]
        value = None if match["value"] == "U" else _scaled(_number(match["value"]), factor)
        yield Datum(
            name=_name(label, word),
            value=value,
            warning=_range(warning, factor),
            critical=_range(critical, factor),
            minimum=_scaled(_number(minimum), factor),
            maximum=_scaled(_number(maximum), factor),
        )


def _name(label: str, unit: str) -> str:
    """`free on /var` in percent is `free_on_var_percent`; the root of a file system, `/`, is
    `root`.
    """
    word = _word(label) or "root"
    # A measure is named in expectations, where a name does not begin with a digit.
    word = f"value_{word}" if word[0].isdigit() else word
    return word if not unit or word.rpartition("_")[2] == unit else f"{word}_{unit}"


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _range(written: str, factor: float) -> Range | None:
    found = Range.parse(written) if written else None
    return found and Range(found.low * factor, found.high * factor, found.inside)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _number(written: str, words: dict[str, float] | None = None) -> float | None:
    if words and written in words:
        return words[written]
    try:
        value = float(written.replace(",", "."))
    except ValueError:
        return None
    # "1e999" is infinite to float() and can be in no report.
    return value if abs(value) < inf else None
