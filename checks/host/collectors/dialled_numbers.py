"""Call records as numbers that were dialled: read from wherever they are, as far back as a day and
a half.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from checks.data.usage.drivers import open_mariadb, open_postgres, open_sqlite
from checks.data.usage.record_formats import FORMATS
from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.country_codes import PREMIUM, code_of, codes

# A round a day, and half a day for one that was late or left out; what was found before stays until
# it is accepted, so nothing is lost by looking no further back.
_HOURS = 36
# Subscriber numbers have seven digits or more with their area, extensions of an exchange six at
# most: between the two nothing has to be guessed.
_SHORTEST_NUMBER, _LONGEST_EXTENSION = 7, 6
_NAMES = ("start", "did", "talk", "length", "caller")
_OPENERS = {"sqlite": open_sqlite, "postgresql": open_postgres, "mariadb": open_mariadb}
# The end of a Master.csv that nobody rotates: a million calls or more.
_MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """An outgoing call; `nation` is its country code, and "" for one that is no international
    number.
    """

    start: datetime
    number: str
    caller: str
    seconds: float
    nation: str
    premium: bool


def calls(at: Look) -> list[Call]:
    """Outgoing calls of the last day and a half. Raises SourceFault, NotLooked."""
    since = datetime.fromtimestamp(at.now, UTC) - timedelta(hours=_HOURS)
    form = at.settings["records"]
    rows = _of_file(at, form, since) if form["kind"] == "file" else _of_database(form, since, at)
    return [call for row in rows if (call := dialled(at.settings, row))]


def nation_of(code: str) -> str:
    """The country or service that a code belongs to; "unknown" for no code."""
    return codes().get(code, "unknown")


def dialled(settings: Mapping[str, Any], row: Mapping[str, Any]) -> Call | None:
    """A record as an outgoing call; None where it is no such thing."""
    caller, number = str(row["caller"]), international(str(row["did"]), settings)
    if number is None or row["start"] is None:
        return None
    home = settings["country"].lstrip("+")
    nation = code_of(number)
    own = number.startswith(home)
    premium = number.startswith((*PREMIUM, *(prefix.lstrip("+") for prefix in settings["premium"])))
    from_here = len(re.sub(r"\D", "", caller)) <= _LONGEST_EXTENSION
    if own and not premium and not from_here:
        return None  # somebody from outside calls one of our own numbers
    return Call(
        row["start"], f"+{number}", caller or "?", row["seconds"], home if own else nation, premium
    )


def international(dialled_as: str, settings: Mapping[str, Any]) -> str | None:
    """A dialled number in international form without its +; None for an extension or a name."""
    written = re.sub(r"[\s()./-]", "", dialled_as.strip())
    outside = settings["outside_line"]
    if outside and written.startswith(outside) and not written.startswith("+"):
        written = written[len(outside) :]
    if not re.fullmatch(r"\+?\d+", written):
        return None
    for prefix in ("+", *sorted(settings["international"], key=len, reverse=True)):
        if written.startswith(prefix):
            number = written[len(prefix) :]
            return number if len(number) >= _SHORTEST_NUMBER else None
    trunk = settings["trunk_prefix"]
    national = written[len(trunk) :] if trunk and written.startswith(trunk) else written
    return settings["country"].lstrip("+") + national if len(national) >= _SHORTEST_NUMBER else None


def _of_file(at: Look, form: Mapping[str, Any], since: datetime) -> Iterator[dict[str, Any]]:
    fields = form["fields"] or FORMATS[form["format"]].fields
    path = Path(form["path"])
    files = sorted(path.parent.glob(path.name))
    if not files:
        raise NotLooked(f"there is no file {path}")
    for file in files:
        # Rotated and packed files were written before; so was one that nobody has touched since.
        if file.suffix == ".gz" or file.stat().st_mtime < since.timestamp():
            continue
        with file.open("rb") as lines:
            # The first line may be cut in its middle: it has too few fields, or no date, and falls
            # out by itself.
            lines.seek(max(0, file.stat().st_size - _MOST_BYTES))
            text = (line.decode("utf-8", "replace").replace("\0", "") for line in lines)
            for values in _each(at, csv.reader(text), file):
                named = dict(zip(fields, values, strict=False))
                row = _row(named, form["times"], at.settings["timezone"])
                if row["start"] is not None and row["start"] >= since:
                    yield row


def _each(at: Look, rows: Iterator[list[str]], file: Path) -> Iterator[list[str]]:
    """The rows; what a quote that nobody closes has swallowed is told, and the rest still read."""
    told = False
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        # The library takes no field of more than 128 kB, and begins anew behind it.
        except csv.Error:
            if not told:
                at.warning(f"{file}: a field without an end: some calls in it were not looked at")
            told = True


def _of_database(form: Mapping[str, Any], since: datetime, at: Look) -> Iterator[dict[str, Any]]:
    shape = FORMATS[form["format"]]
    columns = {**shape.columns, **form["columns"]}
    names = [name for name in _NAMES if name in columns]
    zone = at.settings["timezone"]
    with _OPENERS[form["kind"]](form) as database:
        texts = [database.text(database.quoted(columns[name])) for name in names]
        start = database.quoted(columns["start"])
        table = ".".join(map(database.quoted, (form["table"] or shape.table).split(".")))
        bound = (
            since.timestamp()
            if form["times"] == "epoch"
            else f"{since.astimezone(_zone(form, zone)):%Y-%m-%d %H:%M:%S}"
        )
        # Only names that were quoted stand in it; the bound goes as a parameter.
        question = (
            f"SELECT {', '.join(texts)} FROM {table}"  # noqa: S608 - quoted names
            f" WHERE {start} >= {database.mark()}"
        )
        for rows in database.ask(question, (bound,)):
            for values in rows:
                yield _row(dict(zip(names, map(_text, values), strict=True)), form["times"], zone)


def _row(named: Mapping[str, str], times: str, site: str) -> dict[str, Any]:
    talk = named.get("talk") or named.get("length") or "0"
    seconds = float(talk) if re.fullmatch(r"\d+(\.\d+)?", talk) else 0.0
    return {
        "start": moment(named.get("start", ""), times, site),
        "did": named.get("did", ""),
        "caller": named.get("caller", ""),
        "seconds": seconds,
    }


def moment(written: str, times: str, site: str) -> datetime | None:
    """A record's stamp as an instant; None for one that is none."""
    try:
        if times == "epoch":
            return datetime.fromtimestamp(float(written), UTC)
        stamp = datetime.fromisoformat(written.strip())
    except (ValueError, OverflowError, OSError):
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=_zone({"times": times}, site))


def _zone(form: Mapping[str, Any], site: str) -> ZoneInfo:
    return ZoneInfo({"site": site, "utc": "UTC", "epoch": "UTC"}.get(form["times"], form["times"]))


def _text(value: Any) -> str:
    return (
        value.decode("utf-8", "replace")
        if isinstance(value, bytes)
        else ""
        if value is None
        else str(value)
    )
