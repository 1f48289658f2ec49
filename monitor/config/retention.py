"""How long the ledger keeps what."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from checks.settings import Duration, Settings

_DAY = 86400.0


class LedgerSettings(Settings):
    """How long the ledger keeps what; tickets, letters and reports stay for good."""

    # Call ratios and reports go back a week; a day is rolled up whole.
    keep_looks: Annotated[Duration, Field(ge=14 * _DAY)] = 30 * _DAY
    """how long every look is kept one by one; beyond that a day is rolled up: exact runs for
    uptime, and hours for graphs
    """
    # A month is shown whole; contracts go back two years.
    keep_rollups: Annotated[Duration, Field(ge=42 * _DAY)] = 800 * _DAY
    """how long these roll-ups are kept, from the day that they are of"""
