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
from monitor.service.daemon import Daemon
from monitor.service.heartbeat import AlreadyRunning
from monitor.service.state_folder import UnsafeFolder
from monitor.terminal import say
from monitor.verbs.opening import Stop
from monitor.verbs.serving import act


def run(arguments: Namespace) -> int:
    """The daemon, in the foreground; systemd or a terminal is its parent."""
    _log_to_journal()
    # systemd's watchdog ends a daemon that hangs with SIGABRT (systemd.service(5)): the stacks say
    # where.
    faulthandler.enable()
    try:
        asyncio.run(_keep_running(Path(arguments.config)))
    except (AlreadyRunning, UnsafeFolder) as other:
        raise Stop(str(other)) from None
    return 0


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
    from monitor.demo.story import tell

    return tell(Path(arguments.state) if arguments.state else None, as_json=arguments.json)


def _log_to_journal() -> None:
    """One line an event, to stderr; under systemd the journal adds time and name, and reads the
    level from <N>.
    """
    # systemd sets JOURNAL_STREAM for a service whose output goes to the journal (systemd.exec(5)).
    journal = "JOURNAL_STREAM" in os.environ
    form = "%(message)s" if journal else "%(asctime)s %(levelname)s %(message)s"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Journal(form) if journal else logging.Formatter(form))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class _Journal(logging.Formatter):
    """With the priority that sd-daemon(3) knows, so that `journalctl -p err` finds errors."""

    # The numbers of syslog(3): 3 is an error, 4 a warning, 6 information, 7 debugging.
    _LEVELS = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))

    def format(self, record: logging.LogRecord) -> str:
        level = next((number for least, number in self._LEVELS if record.levelno >= least), 7)
        return "\n".join(f"<{level}>{line}" for line in super().format(record).splitlines())
