"""Where the ledger lies, and how long it keeps what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from checks.settings import Duration, ReadableFile, Secret, Settings
from monitor.ledger.postgresql_login import said
from monitor.ledger.server_address import Place, ServerAddress, no_password

_DAY = 86400.0


def _address(written: str) -> str:
    said(written)
    return written


class LedgerSettings(Settings):
    """Where the ledger lies, and how long it keeps what; tickets, letters and reports stay for
    good.
    """

    url: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None, examples=["postgresql://reveille@db.example.net/reveille"]
    )
    """the PostgreSQL database that the ledger lies in; without it the ledger is a file of SQLite in
    the state folder. The server has to prove itself: sslmode is verify-full
    """
    password: Secret | None = None
    """the password for that database; without it none is sent"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities that the database server's certificate is checked against;
    without it those that the host trusts
    """

    room_gigabytes: Annotated[float, Field(gt=0)] | None = Field(default=None, examples=[500])
    """how much room the database's server has for it: `reveille ledger size` says how long that
    lasts
    """

    # Call ratios and reports go back a week; a day is rolled up whole.
    keep_looks: Annotated[Duration, Field(ge=14 * _DAY)] = 30 * _DAY
    """how long every look is kept one by one; beyond that a day is rolled up: exact runs for
    uptime, and hours for graphs
    """
    # A month is shown whole; contracts go back two years.
    keep_rollups: Annotated[Duration, Field(ge=42 * _DAY)] = 800 * _DAY
    """how long these roll-ups are kept, from the day that they are of"""

    @model_validator(mode="after")
    def _of_a_server(self) -> Self:
        if self.url is None and (self.password or self.trusted_certificates):
            key = "password" if self.password else "trusted_certificates"
            raise ValueError(
                f"a ledger that is a file has no {key}; write url too, or leave it out"
            )
        return self

    def place(self, state: Path) -> Place:
        """Where it lies, for a state folder."""
        if self.url is None:
            return state / "ledger.sqlite"
        password = self.password.reveal if self.password else no_password
        return ServerAddress(self.url, password, self.trusted_certificates)
