"""once, run-now, status: what is looked at, and how it stands."""

from __future__ import annotations

import os
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from monitor.clock import SystemClock
from monitor.config import CheckEntry, Configuration, ConfigurationFaults, load
from monitor.incidents import store
from monitor.incidents.correlation import AttemptResult
from monitor.incidents.fault_words import verdict_words
from monitor.incidents.ticket_view import stage_lines
from monitor.ledger import Ledger, ProposalRow
from monitor.ledger.bodies import letter_of
from monitor.ledger.server_address import begun
from monitor.service.heartbeat import heartbeat
from monitor.service.standing import standing
from monitor.terminal import colourful, complain, complain_of, say, show
from monitor.verbs.inside import INSIDE, awaited
from monitor.verbs.nagios_output import plugin_line
from monitor.verbs.opening import configuration_of, entry_of, ledger_of, sound_part_of
from reports.command_views import Once
from reports.render import render_mail
from reports.ticket import Ticket

# Whoever looks at what a look has left does so the same day.
_ONCE, _ONCE_KEPT_SECONDS = "reveille-once-", 86400.0
EXIT = {"OK": 0, "DEGRADED": 1, "FAILED": 2, "UNKNOWN": 3}


def once(arguments: Namespace) -> int:
    """One attempt: trace, observation, verdict, and what would go out. 0 OK, 1 DEGRADED, 2 FAILED,
    3 UNKNOWN.
    """
    configuration = configuration_of(arguments)
    configuration = _with(arguments.name, configuration)
    entry = entry_of(configuration, arguments.name)
    inside = INSIDE.get()
    # In the service it lies with the other evidence, and is swept with it.
    exhibits = configuration.state / "exhibits" if inside else _folder_of_its_own()
    kept = bool(inside) or arguments.keep
    try:
        looked = _looked(configuration, entry, exhibits, quiet=arguments.nagios, kept=kept)
        seen, view = awaited(looked)
    finally:
        # Recordings and pages hold what customers said; whoever wants them asks for it.
        if not kept:
            shutil.rmtree(exhibits, ignore_errors=True)
    if arguments.nagios:
        say(plugin_line(seen))
    else:
        show("once", arguments.json, view)
    return EXIT[view.state]


def run_now(arguments: Namespace) -> int:
    """Ask the daemon to run a check as soon as it can. 0; 2 when no daemon runs."""
    configuration = configuration_of(arguments)
    entry = entry_of(configuration, arguments.name)
    beat = heartbeat(configuration.state)
    if beat is None or not beat.running:
        complain(
            f"no daemon runs on {configuration.state}; `reveille once {entry.name}` looks"
            " without one"
        )
        return 2
    with ledger_of(configuration) as ledger, ledger.transaction() as t:
        condition = store.condition_of(ledger, entry.name)
        store.keep_condition(
            t, replace(condition, next_look=SystemClock().now(), purpose="recheck")
        )
    say(f"{entry.name} is run now; `reveille status` shows how it went")
    return 0


def status(arguments: Namespace) -> int:
    """How everything stands. 0 all well, 1 something is wrong, 3 the daemon does not run."""
    configuration = sound_part_of(arguments)
    with ledger_of(configuration, read_only=True) as ledger:
        view = standing(ledger, configuration, SystemClock().now())
        wrong = store.unreadable(ledger)
    show("status", arguments.json, view)
    complain_of(wrong)
    if not view.running or view.stalled or view.barrier:
        return 3
    return (
        1
        if wrong
        # What somebody asks for is nothing that is wrong.
        or any(not one.request for one in view.incidents)
        or any(line.state in ("FAILED", "UNKNOWN") or line.overdue for line in view.checks)
        else 0
    )


def _with(name: str, configuration: Configuration) -> Configuration:
    """One that has this check: what somebody has just written is tried before it is reloaded."""
    if INSIDE.get() is None or name in configuration.checks:
        return configuration
    try:
        newer = load(configuration.file, configuration.site.scope)
    except ConfigurationFaults:
        return configuration
    return newer if name in newer.checks and newer.state == configuration.state else configuration


def _folder_of_its_own() -> Path:
    """A new one; what looks of days before have left goes."""
    oldest = SystemClock().now().timestamp() - _ONCE_KEPT_SECONDS
    for left in Path(tempfile.gettempdir()).glob(f"{_ONCE}*"):
        with suppress(OSError):
            known = left.lstat()
            if known.st_uid == os.geteuid() and known.st_mtime < oldest and left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=_ONCE))


async def _looked(
    configuration: Configuration, entry: CheckEntry, exhibits: Path, quiet: bool, kept: bool
) -> tuple[AttemptResult, Once]:
    # A ledger in memory: the attempt is judged as the daemon would, and leaves nothing behind.
    with Ledger(":memory:") as ledger:
        _take_over(ledger, configuration, entry)
        seen = await _look_once(ledger, configuration, entry, exhibits, quiet)
        return seen, _once_view(ledger, configuration, seen, kept)


async def _look_once(
    ledger: Ledger, configuration: Configuration, entry: CheckEntry, exhibits: Path, quiet: bool
) -> AttemptResult:
    """A look on a scratch ledger: the same steps as the daemon's, with nothing to confirm and
    nothing sent.
    """
    # Whoever asks how things stand needs nothing of what a look is made of.
    from monitor.scheduling.rounds import Due, Rounds
    from monitor.scheduling.runner import Runner

    clock = SystemClock()

    def progress(check: str, stage: str) -> None:
        if colourful() and not quiet:
            complain(f"\x1b[2m  {check}: {stage}\x1b[0m")

    inside = INSIDE.get()
    # The daemon's own lines: a test call by hand takes no channel from another.
    lines = inside.parts.runner.lines if inside else None
    runner = Runner(clock, exhibits, lines=lines, state=configuration.state)
    rounds = Rounds(ledger, configuration, clock, runner, progress)
    # One failure is enough here: nobody waits for a confirmation at a terminal.
    seen = await rounds.look(Due(replace(entry, confirm=1), "once"))
    if seen is None:
        raise RuntimeError("a look without a slot is never somebody else's")
    return seen


def _take_over(scratch: Ledger, configuration: Configuration, entry: CheckEntry) -> None:
    """What was accepted of a check holds for this look too."""
    if entry.probe.ACCEPTS and begun(configuration.ledger_place):
        with (
            Ledger(configuration.ledger_place, read_only=True) as ledger,
            scratch.transaction() as t,
        ):
            for row in ledger.acceptances(entry.name):
                t.accept(
                    ProposalRow(row.check, row.name, row.value, row.seen_at),
                    row.accepted_by,
                    row.accepted_at,
                )


def _once_view(
    ledger: Ledger, configuration: Configuration, seen: AttemptResult, kept: bool
) -> Once:
    fault = seen.verdict.fault
    return Once(
        check=seen.name,
        kind=seen.entry.probe.KIND,
        timezone=configuration.site.timezone,
        started_at=seen.started_at,
        seconds=seen.observation.seconds,
        state=str(seen.verdict.state),
        stages=stage_lines(seen.evidence()),
        measures=seen.observation.measures,
        fault=(
            ", ".join(filter(None, (f"{fault.stage}: {fault.code}", fault.text))) if fault else ""
        ),
        said=verdict_words(seen.entry, seen.verdict) if fault else "",
        reasons=seen.verdict.reasons,
        notes=seen.observation.notes,
        exhibits=tuple((e.name, str(e.path)) for e in seen.observation.exhibits if kept),
        orders=tuple(_orders(ledger)),
    )


def _orders(ledger: Ledger) -> Iterator[str]:
    for letter in ledger.outbox():
        told = letter_of(letter.body, str(letter.id))
        mail = render_mail(letter.kind, Ticket.from_dict(told["ticket"]), told["extra"])
        yield f"{letter.desk} to {letter.recipient}: {mail.subject}"
