"""What a database server of any family is asked, and what is judged of all alike."""

from __future__ import annotations

from typing import Protocol

from checks.host.collectors.collector import Look, NotLooked


class Family(Protocol):
    """A server of one family, logged in to."""

    def alive(self) -> str:
        """The server's version. Raises SourceFault."""

    def connections(self) -> tuple[int, int]:
        """How many connections are in use, and how many there can be."""

    def oldest_transaction(self) -> tuple[float, str]:
        """The age of the oldest transaction in seconds, and whose it is and what it does."""

    def replication(self, at: Look) -> None:
        """Judge the replication."""

    def storage(self, at: Look) -> float:
        """Judge the storage; the database's size in bytes."""

    def clock(self) -> float:
        """The server's wall time, in seconds since 1970."""


def late(at: Look, name: str, seconds: float | None) -> None:
    """Judge how far a standby is behind; None for one that nobody knows."""
    if seconds is None:
        raise NotLooked(f"how far {name} is behind is not told to this account")
    if seconds > at.settings["most_lag"]:
        at.fault("replication-late", f"{name} is {seconds:.0f} s behind")
