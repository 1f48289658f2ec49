"""A verb that somebody types beside the running service: asked of the daemon, and where none runs,
done here.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from monitor.clock import SystemClock
from monitor.service.control_client import NotAnswered, Refused, reached
from monitor.service.control_protocol import Request
from monitor.terminal import SCREEN, complain
from monitor.verbs.opening import Stop, whoami

SERVED = frozenset(
    {
        "accepting.baseline",
        "analysing.go_on",
        "analysing.list_analyses",
        "analysing.send",
        "analysing.show_analysis",
        "analysing.wait",
        "analysing.write",
        "auditing.audit",
        "backups.drill",
        "backups.list_backups",
        "backups.restore",
        "checklisting.done",
        "checklisting.show_checklist",
        "checklisting.wrong",
        "dismissing.dismiss",
        "dismissing.outbox",
        "image.image",
        "ledgers.size",
        "looking.once",
        "looking.run_now",
        "looking.status",
        "maintaining.list_maintenances",
        "maintaining.start",
        "maintaining.stop",
        "replying.take",
        "reporting.list_reports",
        "reporting.send_report",
        "reporting.show_report",
        "ticketing.change_ticket",
        "ticketing.open_ticket",
        "ticketing.show_ticket",
        "ticketing.tickets",
    }
)
"""what the daemon does for others; all else is done where it is typed"""
_ALONE = frozenset(
    {"auditing.audit", "backups.drill", "backups.restore", "image.image", "ticketing.change_ticket"}
)
"""what has other rights and credentials when it is done here, and says so"""
_WRITES = frozenset({"image.image", "reporting.show_report"})


def asked(arguments: Namespace, words: Sequence[str]) -> int | None:
    """Have the daemon do it; the exit code, or None where it is to be done here. Raises Stop."""
    if arguments.verb not in SERVED:
        return None
    try:
        line = reached(Path(arguments.config))
    except NotAnswered as why:
        complain(f"reveille: {why}")
        return None
    if line is None:
        return None
    try:
        target, meant = _meant(arguments)
        return line.ask(_request([*words, *meant]), target)
    except Refused as why:
        raise Stop(str(why)) from None
    # From here on it may have been done: here it would be done a second time.
    except NotAnswered as why:
        raise Stop(f"{why}; whether it was done is not known") from None
    finally:
        line.hang_up()


def said_alone(arguments: Namespace) -> None:
    """That no daemon was there to do it."""
    if arguments.verb in _ALONE:
        complain(
            f"reveille: no daemon runs on {arguments.config}; done by this command itself, as"
            f" {whoami()}, with what credentials this user has"
        )


def _request(words: Sequence[str]) -> Request:
    screen = SCREEN.get()
    return Request(
        words=tuple(words),
        colour=screen.colourful(),
        watched=screen.watched(),
        asked=screen.asked(),
        columns=screen.columns(),
        behind=os.environ.get("SUDO_USER", "") if os.geteuid() == 0 else "",
    )


def _meant(arguments: Namespace) -> tuple[Path | None, list[str]]:
    """The file that may come, and the words that say where it was meant: relative paths count from
    where they were typed. Raises Stop."""
    to = getattr(arguments, "to", None)
    if arguments.verb == "image.image":
        target = Path(to or image_name(arguments)).absolute()
        if target.exists():
            raise Stop(f"{target} is there already")
        return target, ["--to", str(target)]
    if arguments.verb in _WRITES and to:
        target = Path(to).absolute()
        return target, ["--to", str(target)]
    if arguments.verb == "backups.restore" and to and "/" in to:
        return None, ["--to", str(Path(to).absolute())]
    return None, []


def image_name(arguments: Namespace) -> str:
    """What an image is called that nobody named."""
    ending = ".tar.age" if arguments.recipient else ".tar"
    ending += ".iso" if arguments.medium else ""
    return f"reveille-{SystemClock().now():%Y%m%dT%H%M%SZ}{ending}"


def words_typed(written: Sequence[str] | None) -> list[str]:
    """The words after the program's name."""
    return list(sys.argv[1:] if written is None else written)
