"""How long the ledger keeps what."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from checks.settings import Duration, Settings

_DAY = 86400.0


class LedgerSettings(Settings):
    """How long the ledger keeps what; tickets, letters and reports stay for good."""

    # Call ratios tell of a week, and a day is rolled up whole: with eight days a week is there.
    keep_looks: Annotated[Duration, Field(ge=8 * _DAY)] = 30 * _DAY
    """how long every look is kept one by one; beyond that a day is rolled up: exact runs for
    uptime, and hours for graphs
    """
    # Less than a month would show none whole; contracts go back two years.
    keep_rollups: Annotated[Duration, Field(ge=40 * _DAY)] = 800 * _DAY
    """how long these roll-ups are kept, from the day that they are of"""
