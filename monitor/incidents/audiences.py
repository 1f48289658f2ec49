"""Who of the site hears as a role of the ladder: its own people, or the operators in its place."""

from __future__ import annotations

from datetime import datetime

from monitor.config import Configuration
from monitor.config.section_models import OPERATORS
from monitor.core.contacts import Recipient, audience, stood_in_for


def who_hears(
    configuration: Configuration, role: str, now: datetime | None = None
) -> tuple[Recipient, ...]:
    """Everybody who hears as a role, or who of them is on call at `now`; () where that is nobody:
    the level's turn passes on.
    """
    whose = OPERATORS if role in left_to_operators(configuration) else role
    return audience(whose, configuration.people, configuration.rotas, now)


def left_to_operators(configuration: Configuration) -> frozenset[str]:
    """The roles in whose place the operators stand here."""
    filled = configuration.roles_filled()
    if OPERATORS not in filled:
        return frozenset()
    return stood_in_for(configuration.policy.ladders, filled)
