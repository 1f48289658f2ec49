"""Who is on call now and next, as `explain` and `check-config` show it."""

from __future__ import annotations

from datetime import datetime

from monitor.config import Configuration
from monitor.core.rota import next_duty, on_call
from reports.command_views import OnCall


def on_call_at(configuration: Configuration, now: datetime) -> tuple[OnCall, ...]:
    """For each rota."""
    found = []
    for rota in configuration.rotas:
        duty, following = on_call(rota, now), next_duty(rota, now)
        until = following.since if following else duty.until
        found.append(OnCall(rota.role, duty.who, until, following.who if following else ""))
    return tuple(found)
