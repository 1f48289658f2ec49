"""run, lab, demo: what goes on until it is ended."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from checks.messages import nearest
from monitor.config import ConfigurationFaults, load_sound_sites
from monitor.delivery.at_start import tell_operators
from monitor.ledger import LedgerFault
from monitor.ledger.hosts import NameTaken
from monitor.service.daemon import Daemon
from monitor.service.heartbeat import AlreadyRunning
from monitor.service.journal import NativeJournal, priority
from monitor.service.state_folder import UnsafeFolder
from monitor.terminal import say
from monitor.verbs.opening import Stop
from monitor.verbs.serving import act

# Why it ended, and its exit status or signal.
_OF_FAILED_UNIT = ("SERVICE_RESULT", "EXIT_STATUS")


def run(arguments: Namespace) -> int:
    """The daemon, in the foreground; systemd or a terminal is its parent."""
    _log_to_journal()
    # systemd's watchdog ends a daemon that hangs with SIGABRT (systemd.service(5)): the stacks say
    # where.
    faulthandler.enable()
    file = Path(arguments.config)
    try:
        asyncio.run(_keep_running(file))
    except (AlreadyRunning, NameTaken) as other:
        raise Stop(str(other)) from None
    except UnsafeFolder as shared:
        _tell(file, str(shared))
        raise Stop(str(shared)) from None
    except (ConfigurationFaults, LedgerFault, OSError) as barred:
        _tell(file, str(barred))
        raise
    return 0


def failed(arguments: Namespace) -> int:
    """Mail the operators that the service has failed: for the unit that systemd starts then
    (OnFailure=), and at most every half hour. 0; 1 where nobody took it."""
    _log_to_journal()
    # Set for the unit's own ExecStopPost=; with MONITOR_ for one that OnFailure= of another has
    # started (systemd.exec(5)).
    result, status = (
        os.environ.get(name) or os.environ.get(f"MONITOR_{name}", "") for name in _OF_FAILED_UNIT
    )
    how = f" ({', '.join(filter(None, (result, status)))})" if result or status else ""
    return 0 if _tell(Path(arguments.config), f"the service has failed{how}") else 1


def _tell(file: Path, reason: str) -> bool:
    """Whether the operators were told; what is sound of the configuration says who they are."""
    if sys.stderr.isatty():
        # Whoever has typed it reads it.
        return False
    try:
        sites, _ = load_sound_sites(file)
    except (ConfigurationFaults, OSError) as faults:
        logging.getLogger("reveille").error("action=nobody_to_tell %s", faults)
        return False
    return tell_operators(sites, f"{reason}. Nothing is looked at until it starts again")


async def _keep_running(file: Path) -> None:
    await Daemon(file, served=act).run()


def lab(arguments: Namespace) -> int:
    """The practice contact centre, in the foreground; `--list` names what can be broken in it."""
    from lab import FAULTS
    from lab import run as run_lab

    if arguments.list or "" in (arguments.break_ or []):
        say(_listed(FAULTS))
        return 0
    for name in arguments.break_ or []:
        if name not in FAULTS:
            raise Stop(f"there is no fault {name[:60]!r}{nearest(name, FAULTS)}\n{_listed(FAULTS)}")
    if arguments.hosts:
        from monitor.demo.hosts_lab import practise

        folder = Path(arguments.folder or tempfile.mkdtemp(prefix="reveille-lab-"))
        return practise(folder, arguments.hosts, arguments.break_ or [])
    run_lab(
        Path(arguments.folder or tempfile.mkdtemp(prefix="reveille-lab-")), arguments.break_ or []
    )
    return 0


def _listed(faults: Mapping[str, str]) -> str:
    return "\n".join(f"{name:28}{seen}" for name, seen in faults.items())


def demo(arguments: Namespace) -> int:
    """A healthy call, trouble, one ticket, the repair: told in a terminal. 0 only if each step was
    really seen.
    """
    from monitor.demo import hosts_story, story

    state = Path(arguments.state) if arguments.state else None
    if arguments.hosts:
        return hosts_story.tell(arguments.hosts, state, as_json=arguments.json)
    return story.tell(state, as_json=arguments.json)


def _log_to_journal() -> None:
    """One line an event, to stderr; under systemd the journal adds time and name, and reads the
    level from <N>.
    """
    # systemd sets JOURNAL_STREAM for a service whose output goes to the journal (systemd.exec(5)).
    # A child of such a service inherits the variable, and may write elsewhere.
    kept = os.fstat(2)
    journal = os.environ.get("JOURNAL_STREAM") == f"{kept.st_dev}:{kept.st_ino}"
    form = "%(message)s" if journal else "%(asctime)s %(levelname)s %(message)s"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Journal(form) if journal else logging.Formatter(form))
    logging.basicConfig(level=logging.INFO, handlers=[_to_journal(handler) if journal else handler])


def _to_journal(otherwise: logging.Handler) -> logging.Handler:
    """The journal's own socket, for events with fields; its ear at standard error where there is
    none.
    """
    try:
        return NativeJournal(otherwise)
    except OSError:
        return otherwise


class _Journal(logging.Formatter):
    """With the priority that sd-daemon(3) knows, so that `journalctl -p err` finds errors."""

    def format(self, record: logging.LogRecord) -> str:
        level = priority(record.levelno)
        return "\n".join(f"<{level}>{line}" for line in super().format(record).splitlines())
