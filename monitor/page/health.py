"""Whether the monitor is well, and what is stuck: for whoever watches the watcher."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from monitor.config import Configuration
from monitor.incidents import store
from monitor.ledger import Ledger
from monitor.service.standing import standing
from reports.command_views import Status
from reports.ticket import plain

# All of them are counted; as many are named.
_MOST_NAMED = 50


def health(ledger: Ledger, configuration: Configuration, now: datetime) -> dict[str, Any]:
    """{"status": "ok" or "stuck", "stuck": [what, in words], …}. Tickets are no sickness of the
    monitor: they are what it is there for.
    """
    status = standing(ledger, configuration, now, calls=False)
    stuck = [*_daemon(status), *store.unreadable(ledger), *_late(status)]
    return {
        "status": "stuck" if stuck else "ok",
        "site": status.site,
        "now": plain(now),
        "last_sign_of_life": plain(status.heartbeat_at),
        "running": status.running,
        "stuck": stuck[:_MOST_NAMED],
        "stuck_count": len(stuck),
        "checks": len(status.checks),
        "open_tickets": len(status.incidents),
        "letters": dict(status.outbox),
    }


def _daemon(status: Status) -> list[str]:
    if status.barrier:
        return [status.barrier]
    if not status.running:
        return ["the daemon does not run"]
    return ["the daemon hangs: it gives no sign of life"] if status.stalled else []


def _late(status: Status) -> list[str]:
    late = [f"{line.name}: its next look is overdue" for line in status.checks if line.overdue]
    failed = status.outbox.get("failed", 0)
    return late + ([f"{failed} letters could not be delivered"] if failed else [])
