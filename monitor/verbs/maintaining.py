"""maintenance: a person says that failures of some checks are expected for a while."""

from __future__ import annotations

from argparse import Namespace

from monitor.clock import SystemClock
from monitor.incidents import maintenance_requests, maintenances
from monitor.incidents.maintenances import line
from monitor.incidents.ticket_actions import NotPossible
from monitor.terminal import say, show, show_json
from monitor.verbs.opening import Stop, acting, ledger_of, sound_part_of
from reports.formats import both, span
from reports.maintenance import MaintenanceLines
from reports.ticket import plain


def start(arguments: Namespace) -> int:
    """Hide checks from now on for a while: they are looked at and judged as ever, nobody is told,
    and no promise counts. It ends by itself, which the operators are told; what is bad then is
    looked at again, and is a ticket if it still is. 0."""
    configuration = sound_part_of(arguments)
    try:
        wanted = maintenance_requests.wanted(
            configuration, arguments.checks, arguments.all, arguments.duration, arguments.why
        )
    except NotPossible as refusal:
        raise Stop(str(refusal)) from None
    checks, seconds, why = wanted.checks, wanted.seconds, wanted.why
    with ledger_of(configuration) as ledger, ledger.transaction() as t:
        by, now = acting(arguments), SystemClock().now()
        begun = maintenances.begin(ledger, t, checks, seconds, why, by, now)
    if arguments.json:
        show_json(plain(line(begun, begun.since)))
        return 0
    hidden = ", ".join(maintenances.covered(configuration, checks))
    until = both(begun.until, configuration.site.timezone)
    say(f"maintenance {begun.number}, by {begun.by}, until {until}: {hidden}")
    say(f"`reveille maintenance stop {begun.number}` ends it before")
    return 0


def stop(arguments: Namespace) -> int:
    """End one before its time; without NUMBER the only one that runs. 0."""
    configuration = sound_part_of(arguments)
    with ledger_of(configuration) as ledger, ledger.transaction() as t:
        now = SystemClock().now()
        try:
            one = maintenance_requests.running_one(ledger, arguments.number, now)
        except NotPossible as refusal:
            raise Stop(str(refusal)) from None
        stopped = maintenances.stop(t, one, acting(arguments), now)
    if arguments.json:
        show_json(plain(line(stopped, now)))
        return 0
    lasted = span((now - one.since).total_seconds())
    say(f"maintenance {one.number} is over after {lasted}, stopped by {stopped.stopped_by}")
    return 0


def list_maintenances(arguments: Namespace) -> int:
    """What is hidden now and until when, what the configuration plans, and what was. 0."""
    configuration = sound_part_of(arguments)
    now, everything = SystemClock().now(), bool(getattr(arguments, "all", False))
    with ledger_of(configuration, read_only=True) as ledger:
        lines = maintenance_requests.lines(ledger, configuration, now, everything)
    show("maintenances", arguments.json, MaintenanceLines(configuration.site.timezone, now, lines))
    return 0
