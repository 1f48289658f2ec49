"""How moments, spans and long lines are written. Pure; every moment is aware, every zone is named
(IANA).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

# RFC 5322 section 2.1.1: a line of a mail should have no more than 78 characters.
COLUMNS = 78
_UNITS = ("minutes", "hours", "days", "milliseconds")
# What a line may be broken at: all white space but U+00A0, which forbids it.
_WHITE = re.compile(r"[^\S\u00a0]+")
# The controls of C0 and C1 steer terminals; U+202A to U+202E and U+2066 to U+2069 turn the
# direction of what follows.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ANSI = {"good": "32", "bad": "31;1", "warn": "33", "dim": "2", "strong": "1", "cold": "36"}
# The longer codes first: `31` would otherwise be found within `31;1`, and the rest be taken for an
# intruder.
_OURS = "|".join(sorted({*_ANSI.values(), "0"}, key=len, reverse=True))
_UNPAINTED = re.compile(
    f"\x1b(?!\\[(?:{_OURS})m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def local(moment: datetime, zone: str) -> str:
    """Site time with its zone: `Sun 22 Nov 03:12 IST`."""
    # `%d` has a leading zero, and the way to leave it out differs between C libraries.
    there = moment.astimezone(ZoneInfo(zone))
    return f"{there:%a} {there.day} {there:%b} {there:%H:%M} {_zone_name(there)}"


def both(moment: datetime, zone: str) -> str:
    """Site time and UTC: `Sun 22 Nov 03:12 IST (Sat 21:42 UTC)`; UTC alone where the site
    keeps it.
    """
    there, utc = moment.astimezone(ZoneInfo(zone)), moment.astimezone(UTC)
    if not there.utcoffset():
        return local(moment, zone)
    day = "" if there.date() == utc.date() else f"{utc:%a} "
    return f"{local(moment, zone)} ({day}{utc:%H:%M} UTC)"


def clock(moment: datetime, zone: str, beside: datetime) -> str:
    """Only the time, where the day is that of another moment: `05:12 IST`."""
    there = moment.astimezone(ZoneInfo(zone))
    if there.date() == beside.astimezone(ZoneInfo(zone)).date():
        return f"{there:%H:%M} {_zone_name(there)}"
    return local(moment, zone)


def short_clock(moment: datetime, zone: str, beside: datetime) -> str:
    """The time as one says it in passing, in at most 9 signs, where the zone stands elsewhere:
    `05:12`, within a week `Sun 05:12`, else `22 Nov`.
    """
    there, here = (one.astimezone(ZoneInfo(zone)) for one in (moment, beside))
    if there.date() == here.date():
        return f"{there:%H:%M}"
    days = abs((here.date() - there.date()).days)
    return f"{there:%a %H:%M}" if days < 7 else f"{there.day} {there:%b}"


def span(seconds: float) -> str:
    """A length of time in at most two units: `2 h 30 min`, `40 s`, `7 days`."""
    left, parts = round(abs(seconds)), []
    for name, size in (("day", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {name}{'s' if name == 'day' and amount > 1 else ''}")
    return " ".join(parts[:2]) or "0 s"


def short_seconds(seconds: float) -> str:
    """A stage's own time: `0.05 s`, `6.2 s`, `41 s`."""
    return (
        f"{seconds:.2f} s"
        if seconds < 1
        else f"{seconds:.1f} s"
        if seconds < 10
        else f"{seconds:.0f} s"
    )


def number(value: float) -> str:
    """A measure, no longer than it is exact, and never with an exponent: `4.2`, `0.03`, `1800`."""
    if abs(value) >= 10000:
        return f"{value:.0f}"
    short = f"{value:.4g}"
    return f"{Decimal(short):f}" if "e" in short else short


def grouped(value: float) -> str:
    """A count with its thousands apart, which no line breaks: `41 829`."""
    return f"{value:,.0f}".replace(",", "\u00a0")


def size(octets: float) -> str:
    """A size in decimal units: `352 MB`, `1.3 GB`, `12 kB`."""
    # Decimal units, as disks are sold and as `df -H` shows them.
    for name, unit in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if octets >= unit:
            return (
                f"{octets / unit:.1f} {name}"
                if octets < 10 * unit
                else f"{octets / unit:.0f} {name}"
            )
    return f"{octets:.0f} B"


def measured(value: float | None, name: str) -> str:
    """A measure with the unit that its name carries: `99.1 %`, `50 s`, `352 MB`, `12 days`, `41
    829`.
    """
    if value is None:
        return "–"
    unit = name.rpartition("_")[2]
    if unit == "seconds":
        return (
            f"{value * 1000:.0f} ms"
            if 0 < abs(value) < 0.1
            else short_seconds(value)
            if abs(value) < 120
            else span(value)
        )
    if unit == "bytes":
        return size(value)
    if unit in ("percent", "asr", "ner", "level"):
        return f"{value:.1f} %" if value < 100 else f"{value:.0f} %"
    plain = grouped(value) if value == int(value) else number(value)
    return f"{plain} {unit}" if unit in _UNITS else plain


def spoken(name: str) -> str:
    """The name of a measure without its unit: `disk used`."""
    words = name.split("_")
    return " ".join(
        words[:-1] if words[-1] in ("percent", "seconds", "bytes", *_UNITS) and words[1:] else words
    )


def fold(text: str, indent: int = 2, first: int | None = None, columns: int = COLUMNS) -> str:
    """Wrap to the columns; the first line is taken to begin after `first` signs that stand already.
    A word that is longer than a line (a path) stays whole, so that it can be copied.
    """
    standing = indent if first is None else first
    wrapped = textwrap.wrap(
        _WHITE.sub(" ", text).strip(),
        columns,
        initial_indent=" " * standing,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(wrapped)[standing:]


def brief(text: str, longest: int = 300) -> str:
    """One line, cut with an ellipsis."""
    one = _WHITE.sub(" ", str(text)).strip()
    return one if len(one) <= longest else one[: longest - 1].rstrip() + "…"


def column(text: object, width: int) -> str:
    """Exactly so wide: padded, or cut with an ellipsis."""
    return brief(str(text), width).ljust(width)


def paint(text: str, mood: str) -> str:
    """Colour for a terminal: good, bad, warn, dim, strong, cold."""
    return f"\x1b[{_ANSI[mood]}m{text}\x1b[0m" if mood else text


def leave_plain(text: str, mood: str) -> str:  # noqa: ARG001 - stands in for `paint`
    """The text as it is, where there is no terminal with colours."""
    return text


def clean(text: str) -> str:
    """Without what a far end may have slipped in to steer a terminal or a mail reader."""
    return _CONTROL.sub("", _sound(text))


def clean_painted(text: str) -> str:
    """A text without a far end's control characters; our own colours stay."""
    return _UNPAINTED.sub("", _sound(text))


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _zone_name(there: datetime) -> str:
    name = there.tzname() or ""
    # The zone database has bare numbers, as +03, where no abbreviation is in use.
    return f"UTC{name}" if name[:1] in "+-" else name


def graded(severity: str, name: str) -> str:
    """A severity with its name, as in "P0 urgent"; once where they are the same."""
    return severity if name in ("", severity) else f"{severity} {name}"


FILTERS: Mapping[str, object] = {
    "local": local,
    "both": both,
    "clock": clock,
    "short_clock": short_clock,
    "span": span,
    "graded": graded,
    "short_seconds": short_seconds,
    "number": number,
    "grouped": grouped,
    "size": size,
    "measured": measured,
    "spoken": spoken,
    "fold": fold,
    "brief": brief,
    "column": column,
}
