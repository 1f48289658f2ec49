"""The report portal's one report: calls of a day, counted from the centre's own records.

Faults: report-missing answers 404, as before the report has run; report-wrong leaves out every
tenth answered call.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date

from aiohttp import web

from lab.injected_faults import Faults
from lab.records import Cdr

# The account code of the monitor's own test calls, which no customer made.
OWN = "reveille"


def answer(request: web.Request, records: Iterable[Cdr], faults: Faults) -> web.Response:
    """The report of `?date=2026-11-21`, as .csv or .json."""
    try:
        day = date.fromisoformat(request.query.get("date", ""))
    except ValueError:
        return web.Response(status=400, text="say which day, as in ?date=2026-11-21\n")
    if faults.broken("report-missing"):
        return web.Response(status=404, text=f"there is no report of {day} yet\n")
    told = figures(records, day, faults.broken("report-wrong"))
    if request.match_info["form"] == "json":
        return web.json_response({"report": "calls", "date": day.isoformat(), "totals": told})
    name = f"calls-{day}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(text=_csv(day, told), content_type="text/csv", headers=headers)


def figures(records: Iterable[Cdr], day: date, wrong: bool = False) -> dict[str, int]:
    """Calls that began on a day, each with all its legs, without the monitor's own."""
    calls: dict[str, list[Cdr]] = {}
    for leg in records:
        if leg.start.startswith(day.isoformat()) and leg.accountcode != OWN:
            calls.setdefault(leg.linkedid, []).append(leg)
    answered = [
        legs for legs in calls.values() if any(leg.disposition == "ANSWERED" for leg in legs)
    ]
    if wrong:
        del answered[::10]
    talk = sum(max(leg.billsec for leg in legs) for legs in answered)
    return {"calls": len(calls), "answered": len(answered), "talk_minutes": round(talk / 60)}


def _csv(day: date, told: dict[str, int]) -> str:
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["Date", "Calls", "Answered", "Talk minutes"])
    rows.writerow([day.isoformat(), *told.values()])
    return written.getvalue()
