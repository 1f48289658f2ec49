"""How everything stands, out of the ledger and the daemon's signs of life: for `reveille status`
and for the page.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import pairwise

from monitor.audit.call_ratios import call_windows
from monitor.config import CheckEntry, Configuration
from monitor.core.condition import Condition
from monitor.core.serving import Serving
from monitor.core.timetable import OVERDUE_AFTER_SECONDS, Every, next_after, overdue
from monitor.core.verdict import State, Verdict
from monitor.incidents import store
from monitor.incidents.analyses import Analyses
from monitor.incidents.fault_words import verdict_words
from monitor.incidents.maintenances import hides, running
from monitor.incidents.ticket_view import incident_line, ticket_name
from monitor.ledger import Ledger
from monitor.service.heartbeat import Heartbeat, heartbeat
from monitor.service.state_folder import barrier
from reports.command_views import CheckLine, Status

# The daemon writes a sign of life every five seconds at least: six that are missing are no
# coincidence.
STALLED_AFTER_SECONDS = 30.0
_DAY = timedelta(days=1)


def standing(
    ledger: Ledger, configuration: Configuration, now: datetime, calls: bool = True
) -> Status:
    """How the daemon and everything that it looks at stand; `calls`: with what the test calls of a
    week come to, which takes a while to read.
    """
    with ledger.steady():
        return _standing(ledger, configuration, now, calls)


def _standing(ledger: Ledger, configuration: Configuration, now: datetime, calls: bool) -> Status:
    beat = heartbeat(configuration.state)
    conditions = store.conditions(ledger)
    # What is well has nothing to say.
    known = {name: conditions[name] for name in configuration.checks if name in conditions}
    verdicts = ledger.newest_verdicts(
        [name for name, one in known.items() if one.state is not State.OK], now
    )
    hosts = _at_work(ledger, configuration)
    incidents = list(store.incidents_of(ledger.open_incidents()))
    # What is queued and has never failed is on its way; the rest is worth a line.
    waiting = ledger.undelivered_letters()
    counts = {**ledger.outbox_counts(), "failed": sum(row.state == "failed" for row in waiting)}
    return Status(
        site=configuration.site.name,
        timezone=configuration.site.timezone,
        now=now,
        heartbeat_at=beat.at if beat else None,
        running=bool(beat and beat.running),
        stalled=_is_stalled(beat, now),
        checks=tuple(
            check_line(
                ledger,
                configuration,
                entry,
                conditions.get(entry.name),
                verdicts.get(entry.name),
                now,
                hosts,
            )
            for entry in configuration.checks.values()
        ),
        incidents=tuple(incident_line(configuration, incident, now) for incident in incidents),
        outbox={str(state): count for state, count in counts.items()},
        calls=call_windows(ledger, configuration, now) if calls else (),
        maintenance=tuple(running(ledger, now)),
        analyses=tuple(
            one for one in Analyses(ledger, configuration, now).owed() if one.state == "overdue"
        ),
        barrier=_barred(configuration, beat),
        undelivered=tuple(
            f"{row.kind} to {row.recipient}: {row.state}, {row.last_error}" for row in waiting
        ),
    )


def _at_work(ledger: Ledger, configuration: Configuration) -> tuple[Serving, ...]:
    """The hosts at work, where several share the ledger. One that is silent counts: that is a
    ticket of its own.
    """
    if configuration.ledger.url is None or ledger.probe_host:
        return ()
    return tuple(one.serving for one in ledger.hosts() if not one.left)


def _left_to(entry: CheckEntry, site: str, hosts: Collection[Serving]) -> tuple[str, ...]:
    """What the check chooses its hosts by, where there are hosts, and none of them is one."""
    chosen = entry.places or entry.probes
    if not hosts or any(one.looks_at(site, chosen) for one in hosts):
        return ()
    return chosen if any(one.at(site) for one in hosts) else (site,)


def looks(configuration: Configuration, now: datetime) -> bool:
    """Whether the daemon runs and goes on, and can keep what it sees."""
    beat = heartbeat(configuration.state)
    running = bool(beat and beat.running)
    return running and not _is_stalled(beat, now) and not _barred(configuration, beat)


def _is_stalled(beat: Heartbeat | None, now: datetime) -> bool:
    late = beat is not None and (now - beat.at).total_seconds() > STALLED_AFTER_SECONDS
    return bool(late and beat and beat.running)


def _barred(configuration: Configuration, beat: Heartbeat | None) -> str:
    return barrier(configuration.state) or beat.stuck if beat and beat.running else ""


def check_line(
    ledger: Ledger,
    configuration: Configuration,
    entry: CheckEntry,
    condition: Condition | None,
    verdict: Verdict | None,
    now: datetime,
    hosts: Collection[Serving] = (),
) -> CheckLine:
    """Where one check stands; `verdict`: what its newest look came to; `hosts`: those at
    work, where there are several.
    """
    hidden = hides(ledger, configuration, entry.name, now)
    number = condition.incident if condition else None
    moments = [condition.next_look] if condition and condition.next_look else []
    if entry.timetable is not None:
        moments.append(next_after(entry.timetable, now))
    return CheckLine(
        name=entry.name,
        kind=entry.probe.KIND,
        left_to=_left_to(entry, configuration.site.name, hosts),
        state=str(condition.state) if condition and condition.state else "-",
        since=condition.bad_since if condition else None,
        last_at=condition.looked_at if condition else None,
        next_at=min(moments, default=None),
        cadence=cadence_words(entry),
        text=verdict_words(entry, verdict) if verdict else "",
        incident=ticket_name(configuration, number) if number else "",
        muted=hidden.reason or "maintenance" if hidden else "",
        overdue=_overdue(entry, condition, now),
    )


def _overdue(entry: CheckEntry, condition: Condition | None, now: datetime) -> bool:
    looked_at = condition.looked_at if condition else None
    return overdue(entry.timetable, looked_at, entry.limit, now)


def cadence_words(entry: CheckEntry) -> str:
    """As it was configured."""
    if entry.every:
        return f"every {entry.every:g}s" if entry.every < 60 else f"every {entry.every / 60:g}m"
    return ", ".join(f"{at:%H:%M}" for at in entry.at) or "when asked"


def holds(entry: CheckEntry) -> timedelta:
    """How long a look of this check speaks for it: until the next is overdue; a day where it has no
    timetable.
    """
    late = timedelta(seconds=entry.limit + OVERDUE_AFTER_SECONDS)
    if isinstance(entry.timetable, Every):
        return timedelta(seconds=entry.timetable.seconds) + late
    if not entry.at:
        return _DAY
    minutes = sorted(at.hour * 60 + at.minute for at in entry.at)
    # An hour more, since clocks are put back once a year.
    gaps = [after - before for before, after in pairwise([*minutes, minutes[0] + 1440])]
    return timedelta(minutes=max(gaps) + 60) + late


def hindrance(ledger: Ledger, configuration: Configuration, now: datetime) -> str:
    """Why the monitor as a whole does not do its work; "" if it does."""
    if found := barrier(configuration.state) or ledger.displaced():
        return found
    conditions = store.conditions(ledger)
    scheduled = [entry for entry in configuration.checks.values() if entry.timetable is not None]
    late = sum(_overdue(entry, conditions.get(entry.name), now) for entry in scheduled)
    whose = f" of {configuration.site.scope}" if configuration.site.scope else ""
    return f"all {late} checks{whose} are overdue" if scheduled and late == len(scheduled) else ""
