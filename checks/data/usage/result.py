"""The result as plain data: its form is `schema.json`, version 1. Only for the child process.

Counts are whole numbers; a ratio carries its hits, its n and its Wilson interval; what cannot be
said is null, never 0. Sums of seconds are whole, means are rounded to a tenth. Nothing in it is a
sentence: words are the report's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from checks.data.usage.comparison import comparison, service_level
from checks.data.usage.day import Day
from checks.data.usage.leg_rows import ODD
from checks.data.usage.queue_agent import Agent
from checks.data.usage.queue_log import QueueTally
from checks.data.usage.record_formats import FORMATS
from checks.data.usage.source_reader import Job, Read, where
from checks.data.usage.tally import Counts, Tally
from checks.data.usage.timestamps import utc
from checks.data.usage.traffic import busy_hour, call_seconds, channels_for, peak
from checks.ratio import Ratio

VERSION = 1
# What the report shows and a little more; the rest is summed up in one row.
_MOST_ROWS = 100


def result(job: Job, found: Read) -> dict[str, Any]:
    """The whole result of a reading, as plain data of `schema.json`."""
    tally, queue = found.tallies[0], found.queues[0] if found.queues else None
    waits = FORMATS[job.records["format"]].waits
    return {
        "schema": "reveille.usage",
        "version": VERSION,
        **_day(job),
        "source": _source(job, found),
        "definitions": _definitions(job, queue is not None),
        "calls": {
            **counted(tally.total(), job.service_level, waits),
            "own": tally.own,
            "longest_wait_seconds": tally.longest_wait_seconds if waits else None,
        },
        "queue": None if queue is None else _queue(job, queue),
        **_traffic(tally),
        "hours": _hours(job, tally, waits),
        "trunks": _groups(job, tally.groups("trunk", found.names), waits),
        "dids": _groups(job, tally.groups("did", found.names), waits),
        "queues": _groups(
            job, queue.queues if queue else tally.groups("queue", found.names), waits or bool(queue)
        ),
        "agents": _agents(tally, queue, found),
        "failures": _failures(tally),
        "comparison": comparison(job, found),
        "odd": {name: found.met.odd[name] + found.queue_met.odd[name] for name in ODD},
    }


def counted(counts: Counts, level: str = "A", waits: bool = True) -> dict[str, Any]:
    """Counts with the ratios and means that follow from them."""
    offered, answered = counts.offered, counts.answered
    return {
        "offered": offered,
        "answered": answered,
        "delivered": counts.delivered,
        "abandoned": counts.abandoned if waits else None,
        "short_abandoned": counts.short_abandoned if waits else None,
        "talk_seconds": counts.talk_seconds,
        "wait_seconds": counts.wait_seconds if waits else None,
        "asr": Ratio(answered, offered).told(),
        "ner": Ratio(counts.delivered, offered).told(),
        "abandonment": Ratio(counts.abandoned, offered).told() if waits else None,
        "service_level": service_level(counts, level).told() if waits else None,
        "acd_seconds": _mean(counts.talk_seconds, answered),
        "asa_seconds": _mean(counts.wait_seconds, answered) if waits else None,
    }


def _mean(total: int, count: int) -> float | None:
    return round(total / count, 1) if count else None


def _day(job: Job) -> dict[str, Any]:
    day = job.day
    return {
        "date": day.date.isoformat(),
        "zone": day.zone,
        "begin": utc(day.begin),
        "end": utc(day.end),
        "day_hours": day.seconds / 3600,
        "read_at": utc(job.now),
        # Calls that began on the day may still be going on: their records come later.
        "provisional": job.now < day.end + job.longest_seconds,
    }


def _source(job: Job, found: Read) -> dict[str, Any]:
    return {
        "format": job.records["format"],
        "where": where(job.records),
        "queue_log": None if job.queue_log is None else where(job.queue_log),
        "records_read": found.met.records,
        "first_start": None if found.met.first is None else utc(found.met.first),
    }


def _definitions(job: Job, queue: bool) -> dict[str, Any]:
    return {
        "service_level": job.service_level,
        "answer_seconds": job.rules.answer_seconds,
        "short_seconds": job.rules.short_seconds,
        "wrap_seconds": job.wrap_seconds,
        "wrap_is_estimated": True,
        "waiting_measured_by": "queue" if queue else "calls",
        # As delivered by default: clearing, busy, no response, no answer, rejected.
        "delivered_causes": sorted({16, 17, 18, 19, 21, *job.delivered}),
        "longest_call_seconds": job.longest_seconds,
        "causes_recorded": (
            job.records["format"] == "freeswitch" or "cause" in job.records["columns"]
        ),
    }


def _queue(job: Job, queue: QueueTally) -> dict[str, Any]:
    agents = queue.agents.values()
    handled = sum(agent.handled for agent in agents)
    spent = sum(agent.talk_seconds + agent.wrap_seconds for agent in agents)
    return {
        **counted(queue.total, job.service_level),
        "longest_wait_seconds": queue.longest_wait_seconds,
        "handled": handled,
        "aht_seconds": _mean(spent, handled),
        "left": dict(sorted(queue.left.items())),
        "without_entry": queue.without_entry,
    }


def _traffic(tally: Tally) -> dict[str, Any]:
    top, busiest = peak(tally.sweep), busy_hour(tally.sweep)
    return {
        "concurrency": {"peak": top.calls, **_at(top.at, tally.day), "seconds": top.seconds},
        "busy_hour": {
            **_at(busiest.begin, tally.day),
            "seconds": busiest.seconds,
            "call_seconds": busiest.call_seconds,
            "erlangs": round(busiest.erlangs, 3),
            "channels_for_1_percent": channels_for(busiest.erlangs),
        },
    }


def _at(instant: int | None, day: Day) -> dict[str, Any]:
    if instant is None:
        return {"at": None, "at_local": None}
    return {
        "at": utc(instant),
        "at_local": datetime.fromtimestamp(instant, ZoneInfo(day.zone)).isoformat(),
    }


def _hours(job: Job, tally: Tally, waits: bool) -> list[dict[str, Any]]:
    rows = []
    for hour, counts in zip(tally.day.hours(), tally.hours(), strict=True):
        seconds = call_seconds(tally.sweep, hour.begin, hour.seconds)
        rows.append(
            {
                "label": hour.label,
                "begin": utc(hour.begin),
                "seconds": hour.seconds,
                "erlangs": round(seconds / hour.seconds, 3),
                **counted(counts, job.service_level, waits),
            }
        )
    return rows


def _groups(job: Job, groups: Mapping[str, Counts], waits: bool) -> list[dict[str, Any]]:
    """The largest, and what the others come to together (name null)."""
    ordered = sorted(groups.items(), key=lambda item: (-item[1].offered, item[0]))
    rows: list[dict[str, Any]] = [
        {"name": name, **counted(counts, job.service_level, waits)}
        for name, counts in ordered[:_MOST_ROWS]
    ]
    rest = Counts()
    for _, counts in ordered[_MOST_ROWS:]:
        rest.add(counts)
    if rest.offered:
        rows.append(
            {
                "name": None,
                "names": len(ordered) - _MOST_ROWS,
                **counted(rest, job.service_level, waits),
            }
        )
    return rows


def _agents(tally: Tally, queue: QueueTally | None, found: Read) -> list[dict[str, Any]]:
    """From the queue's log where there is one; else what the call records say of whom they were put
    through to.
    """
    if queue is None:
        named = {
            name: counts
            for name, counts in tally.groups("agent", found.names).items()
            if counts.answered
        }
        ordered = sorted(named.items(), key=lambda item: (-item[1].answered, item[0]))[:_MOST_ROWS]
        return [
            {"name": name, **_worked(Agent(talk_seconds=c.talk_seconds, handled=c.answered), False)}
            for name, c in ordered
        ]
    # By work and then by name: the order must not depend on the order of the records.
    by_work = sorted(queue.agents.items(), key=lambda item: (-item[1].handled, item[0]))[
        :_MOST_ROWS
    ]
    return [{"name": name, **_worked(agent, True)} for name, agent in by_work]


def _worked(agent: Agent, known: bool) -> dict[str, Any]:
    busy, there = (
        agent.talk_seconds + agent.wrap_seconds,
        agent.logged_in_seconds - agent.paused_seconds,
    )
    return {
        "handled": agent.handled,
        "talk_seconds": agent.talk_seconds,
        "not_answered": agent.not_answered if known else None,
        "wrap_seconds": agent.wrap_seconds if known else None,
        "paused_seconds": agent.paused_seconds if known else None,
        "logged_in_seconds": agent.logged_in_seconds if known else None,
        "aht_seconds": _mean(busy, agent.handled),
        # Busy cannot be more than there: wrap-up is an estimate, and may reach into a pause.
        "occupancy_percent": (
            round(100 * min(busy, there) / there, 1) if known and there > 0 else None
        ),
    }


def _failures(tally: Tally) -> list[dict[str, Any]]:
    total = tally.total().offered
    return [
        {
            "outcome": outcome.name.lower().replace("_", "-"),
            "cause": cause or None,
            **Ratio(count, total).told(),
        }
        for outcome, cause, count in tally.failures()[:20]
    ]


def headline(told: Mapping[str, Any]) -> dict[str, float]:
    """The measures of the check: what is known of them."""
    calls, queue = told["calls"], told["queue"]
    waiting = queue or calls
    known = {
        "records": told["source"]["records_read"],
        "offered_calls": calls["offered"],
        "answered_calls": calls["answered"],
        "own_calls": calls["own"],
        "abandoned_calls": waiting["abandoned"],
        "abandonment_percent": (waiting["abandonment"] or {}).get("percent"),
        "asr_percent": calls["asr"]["percent"],
        "ner_percent": calls["ner"]["percent"],
        "acd_seconds": calls["acd_seconds"],
        "aht_seconds": queue["aht_seconds"] if queue else calls["acd_seconds"],
        "asa_seconds": waiting["asa_seconds"],
        "service_level_percent": (waiting["service_level"] or {}).get("percent"),
        "talk_minutes": round(calls["talk_seconds"] / 60, 1),
        "peak_calls": told["concurrency"]["peak"],
        "busy_hour_erlangs": told["busy_hour"]["erlangs"],
        "standouts": told["comparison"]["standouts"],
        "odd_records": sum(
            # Calls over midnight are nothing odd, only counted.
            count
            for name, count in told["odd"].items()
            if not name.startswith("crossed_")
        ),
    }
    return {name: float(value) for name, value in known.items() if value is not None}
