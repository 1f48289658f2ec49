"""Hosts: who looks, from where, and when it was last heard of, by the database's clock.

Rule: whoever speaks first after that clock was set back mends what it left in a time to come. A
host counts as heard in this moment, and a lease lasts as long as one that is claimed now: who is
there says so within seconds, and who is dead is missed, and its leases free, as soon as ever.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.serving import Serving
from monitor.ledger.database import Row
from monitor.ledger.encoding import moment
from monitor.ledger.table import Table

_MILLISECOND = timedelta(milliseconds=1)
# Two servers, of which one takes over from the other, are a few milliseconds apart.
_BACK = timedelta(seconds=1)
# What Claims holds a lease for (monitor/scheduling/claims.py), and holds on to every four seconds.
_LEASE = timedelta(seconds=15)


class NameTaken(Exception):
    """Another state folder has this host's name, and was heard of a moment ago."""


@dataclass(frozen=True, slots=True)
class HostRow:
    """One host, as it stands."""

    name: str
    location: str
    life: str
    """drawn for its state folder once: two of one name are told apart by it"""
    heard_at: datetime
    silent: timedelta
    """how long nothing was heard of it"""
    left: bool
    """whether it said that it stops"""
    only_looks: bool
    """whether its role of the database lets it do no more than say what it sees"""
    serving: Serving
    """what it looks at"""


class HostReading(Table):
    def hosts(self) -> list[HostRow]:
        """All hosts that were ever heard of, by name."""
        now = self._database.NOW
        rows = self._database.rows(
            "SELECT name, location, life, heard_at, left_at, tags, sites,"  # noqa: S608 - a constant
            f" {now} - heard_at AS silent, {self._database.ONLY_LOOKS} AS only_looks"
            " FROM hosts ORDER BY name"
        )
        return [_host(row) for row in rows]

    def hear_host(
        self,
        name: str,
        location: str,
        life: str,
        silent: timedelta,
        tags: Sequence[str] = (),
        sites: Sequence[str] = (),
    ) -> None:
        """This host is there. By itself, outside a transaction. Raises NameTaken where another was
        heard of under its name within `silent`, and has not said that it stops.
        """
        now = self._database.NOW
        self._mend_times()
        rows = self._database.change_alone(
            "INSERT INTO hosts (name, location, life, heard_at, tags, sites)"  # noqa: S608 - constants
            f" VALUES (?, ?, ?, {now}, ?, ?) ON CONFLICT (name) DO UPDATE SET"
            " location = excluded.location, life = excluded.life, heard_at = excluded.heard_at,"
            " tags = excluded.tags, sites = excluded.sites, left_at = NULL"
            " WHERE hosts.life = excluded.life OR hosts.left_at IS NOT NULL"
            " OR hosts.heard_at < excluded.heard_at - CAST(? AS BIGINT) RETURNING name",
            (name, location, life, json.dumps(tags), json.dumps(sites), silent // _MILLISECOND),
        )
        if not rows:
            raise NameTaken(
                f"another host is called {name!r}, and was heard of a moment ago: give this one a"
                " name of its own, [probe] name"
            )

    def _mend_times(self) -> None:
        now = self._database.NOW
        ahead = f"heard_at > {now} + {_BACK // _MILLISECOND}"
        if self._database.row(f"SELECT name FROM hosts WHERE {ahead} LIMIT 1") is None:  # noqa: S608 - constants
            return
        # Leases before hosts, by which the next to speak knows: if it is cut off here, it is done
        # once more.
        longest = f"{now} + {_LEASE // _MILLISECOND}"
        self._database.change_alone(
            f"UPDATE leases SET until = {longest} WHERE until > {longest} RETURNING job"  # noqa: S608 - constants
        )
        self._database.change_alone(
            f"UPDATE hosts SET heard_at = {now} WHERE {ahead} RETURNING name"  # noqa: S608 - constants
        )

    def host_leaves(self, name: str, life: str) -> None:
        """This host stops, and is not missed. By itself, outside a transaction."""
        now = self._database.NOW
        self._database.change_alone(
            f"UPDATE hosts SET left_at = {now} WHERE name = ? AND life = ? RETURNING name",  # noqa: S608
            (name, life),
        )


def _words(kept: str) -> tuple[str, ...]:
    return tuple(json.loads(kept or "[]"))


def _host(row: Row) -> HostRow:
    silent = max(0, row["silent"]) * _MILLISECOND
    return HostRow(
        row["name"],
        row["location"],
        row["life"],
        moment(row["heard_at"]),
        silent,
        row["left_at"] is not None,
        bool(row["only_looks"]),
        Serving(row["name"], _words(row["tags"]), _words(row["sites"])),
    )
