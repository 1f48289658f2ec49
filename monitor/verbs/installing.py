"""install, upgrade, uninstall: the program as a service of this host, by its administrator."""

from __future__ import annotations

import os
import sys
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from checks.durations import parse_duration
from monitor.clock import SystemClock
from monitor.config import Configuration, load_sites, together
from monitor.installing import needs, plan, removal, service
from monitor.installing.layout import CREDENTIALS, UNIT, USER, Program, this_program
from monitor.installing.program import ProgramFault
from monitor.installing.steps import Barred, Step, left
from monitor.installing.upgrade import NotUpgraded, installed_command
from monitor.installing.upgrade import upgrade as upgrade_to
from monitor.terminal import complain, say, show_json
from monitor.verbs.opening import Stop
from monitor.verbs.refusal import in_words

# Every line is meant for a terminal of 72 columns, a serial console's too.
_COLUMNS = 72
# A timer or a socket has nothing to do while it starts.
_BESIDE_SECONDS = 15.0


def install(arguments: Namespace) -> int:
    """Lay the service down on this host: user, rights, units, credentials, drop-ins as the
    configuration needs them, command, manual page; then start it and see that it is ready. May be
    typed again after each change. 0; 1 something is missing still, or the service is not ready.
    """
    # First: what is to be looked at is not for everybody to read.
    if not arguments.dry_run:
        _as_root("install")
    program = this_program()
    configuration = _configuration(Path(arguments.config))
    _fit(program)
    try:
        steps = plan.steps(program, configuration, arguments.administrator or ())
        todo = left(steps)
    except Barred as barred:
        raise Stop(str(barred)) from None
    if arguments.dry_run:
        return _shown(steps, todo, arguments.json)
    _taken(todo)
    say(f"{len(todo)} steps were taken, {len(steps) - len(todo)} were so already")
    lacking = _remarks(configuration)
    return max(lacking, _started(arguments, configuration, bool(todo)))


def upgrade(arguments: Namespace) -> int:
    """Put this program in the place of the one that is installed: type it with the new one's own
    launcher. The ledger is backed up and migrated; the old program and ledger come back when the
    new one is not ready in time. 0; 1 the old one runs again.
    """
    program = this_program()
    configuration = together(load_sites(arguments.config))
    _fit(program)
    within = _within(arguments.within)
    try:
        if arguments.dry_run:
            say(f"from {installed_command()} to {program.command}, within {within:g} s")
            return _shown(*_both(plan.steps(program, configuration)), arguments.json)
        _as_root("upgrade")
        _need_systemd("upgrade")
        moment = f"{SystemClock().now():%Y%m%dT%H%M%SZ}"
        upgrade_to(program, configuration, moment, within, _told)
    except (NotUpgraded, ProgramFault, Barred) as problem:
        complain(f"reveille: {problem}")
        return 1
    say(f"upgraded: {service.state().status or 'the service is ready'}")
    return 0


def uninstall(arguments: Namespace) -> int:
    """Stop the service and take away what `install` laid down. Configuration, secrets and tickets
    stay; with --purge they go too.
    """
    program = this_program()
    if program.packaged:
        verb = "purge" if arguments.purge else "remove"
        raise Stop(f"this one came as a package: apt-get {verb} {USER}")
    steps = removal.steps(program, arguments.purge)
    if arguments.dry_run:
        return _shown(steps, left(steps), arguments.json)
    _as_root("uninstall")
    if arguments.purge and not (arguments.yes or _agreed()):
        raise Stop("nothing was removed; --yes says that configuration and tickets may go")
    if service.booted():
        _off()
    _taken(left(steps))
    if service.booted():
        service.reread()
    say("removed; left on this host:")
    for line in removal.stays(program, arguments.purge):
        _told(f"  {line}")
    return 0


def _configuration(path: Path) -> Configuration | None:
    """None where none is written yet. Raises ConfigurationFaults: nothing is laid down then."""
    return together(load_sites(path)) if path.exists() else None


def _fit(program: Program) -> None:
    if (barred := plan.unreachable(program)) is not None:
        raise Stop(
            f"the service's user could not read {barred}, where the program or its Python lies: put"
            " the program where everybody may read it (/opt/reveille), made with a Python that is"
            " there for everybody (REVEILLE_PYTHON=/usr/bin/python3)"
        )


def _as_root(verb: str) -> None:
    if os.geteuid() != 0:
        raise Stop(f"{verb} needs root: sudo reveille {verb} (--dry-run shows what it would do)")


def _need_systemd(verb: str) -> None:
    if not service.booted():
        raise Stop(f"no systemd runs this host: there is no service to {verb}")


def _within(written: str) -> float:
    try:
        return parse_duration(written)
    except ValueError as wrong:
        raise Stop(f"--within: {wrong}") from None


def _both(steps: list[Step]) -> tuple[list[Step], list[Step]]:
    return steps, left(steps)


def _shown(steps: Sequence[Step], todo: Sequence[Step], as_json: bool) -> int:
    """Every step, and which are left to do."""
    if as_json:
        show_json([{"step": str(step), "left": step in todo} for step in steps])
        return 0
    for step in steps:
        _told(f"{'to do ' if step in todo else 'is so '} {step}", "       ")
    say(f"{len(todo)} of {len(steps)} steps are left to do; nothing was changed")
    return 0


def _taken(todo: Sequence[Step]) -> None:
    """Raises Stop with the step that could not be taken; those before it hold."""
    for step in todo:
        try:
            step.take()
        except ProgramFault as problem:
            raise Stop(f"{step}: {problem}") from None
        except OSError as problem:
            raise Stop(f"{step}: {in_words(problem)}") from None
        _told(str(step), "    ")


def _remarks(configuration: Configuration | None) -> int:
    """What an administrator has to see to; 1 when there is something."""
    if configuration is None:
        return 0
    lacking = plan.missing(configuration)
    for name in lacking:
        _warn(
            f"the credential {name} is missing: put the secret into {CREDENTIALS / name}, and type"
            " this again"
        )
    for need, names in needs.needed(configuration).items():
        if need.drop_in and need.path.exists():
            _told(f"{need.file} is in force, for {', '.join(names)}", "    ")
        elif need.drop_in:
            _warn(f"{', '.join(names)} would need {need.file}, which this program has not")
    absent = [folder for folder in needs.folders(configuration) if not folder.is_dir()]
    for folder in absent:
        _warn(f"{folder} is not there: install -d -o {USER} -g {USER} -m 0700 {folder}")
    return int(bool(lacking or absent))


def _started(arguments: Namespace, configuration: Configuration | None, changed: bool) -> int:
    """The service, ready; or what has to be done before it can be. The exit code."""
    if not service.booted():
        say("no systemd runs this host: nothing was started; `reveille run` is the daemon")
        return 1
    service.reread()
    if configuration is None:
        _told(f"there is no {arguments.config} yet: reveille init, then reveille install again")
        return 0
    beside = 0
    for need in needs.needed(configuration):
        if need.starts:
            service.enable(need.file)
            # Before the service, which has their sockets bound into its own view.
            beside = max(beside, _beside(need.file, changed))
    seen = service.state()
    secrets = (needs.credential_file(name) for name in needs.credentials(configuration))
    old = service.stale(needs.folders(configuration), [path for path in secrets if path])
    if seen.ready and not changed and not old:
        wrong = service.reload()
    else:
        wrong = service.start(_within(arguments.within))
    if wrong:
        _warn(f"the service is not ready: {wrong}")
        for line in service.last_words():
            complain(f"    {line}")
        return 1
    _told(f"ready: {service.state().status}", "    ")
    return beside


def _beside(unit: str, changed: bool) -> int:
    """A timer or a socket beside the service, started where it is not, or anew where its unit may
    have changed; 1 where it will not.
    """
    if unit == UNIT or (service.state(unit).ready and not changed):
        return 0
    if wrong := service.start(_BESIDE_SECONDS, unit):
        _warn(f"{unit} is not ready: {wrong}")
    return int(bool(wrong))


def _off() -> None:
    """Stopped, and not started at the next boot; what is not known to systemd is off already."""
    for action in ("stop", "disable"):
        for unit in (need.file for need in needs.TABLE if need.starts):
            try:
                service.ended(action, unit)
            except ProgramFault as problem:
                complain(f"reveille: {problem}")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stderr.write("configuration, secrets, tickets and evidence will be gone. Type purge: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "purge"


def _told(line: str, indent: str = "") -> None:
    say(_wrapped(line, indent))


def _warn(line: str) -> None:
    complain(_wrapped(f"reveille: {line}", "    "))


def _wrapped(line: str, indent: str) -> str:
    first = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line, _COLUMNS, subsequent_indent=first + indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
