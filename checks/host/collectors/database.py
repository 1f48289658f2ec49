"""Asks a database server how it is; what a server of any family is asked is in
database_family.py, what is of one alone in postgresql.py and mariadb.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from checks.contract import CannotTell
from checks.data.usage.source_faults import SourceFault
from checks.host.collectors import mariadb, postgresql
from checks.host.collectors.collector import Blind, Look
from checks.host.collectors.database_family import Family
from checks.host.collectors.trend import kept, slope_a_day

STAGES = ("connect", "connections", "replication", "storage", "clock")


def look(at: Look) -> None:
    """Log in to the database server and ask it for its health."""
    families: Mapping[str, Callable[[Mapping[str, Any]], AbstractContextManager[Family]]]
    families = {"postgresql": postgresql.opened, "mariadb": mariadb.opened}
    try:
        with families[at.settings["engine"]](at.settings["server"]) as server:
            _ask(at, server)
    except SourceFault as fault:
        with at.stage("connect"):
            at.fault(fault.code, str(fault.text))
    except CannotTell as own:
        raise Blind(str(own)) from None


def _ask(at: Look, server: Family) -> None:
    with at.stage("connect"):
        at.note(server.alive())
    with at.stage("connections"):
        _connections(at, server)
    with at.stage("replication"):
        server.replication(at)
    with at.stage("storage"):
        _storage(at, server)
    with at.stage("clock"):
        _clock(at, server)


def _connections(at: Look, server: Family) -> None:
    used, most = server.connections()
    at.measure("connections", used)
    at.measure("connections_percent", 100 * used / max(1, most))
    if 100 * used >= at.settings["most_connections_percent"] * most:
        at.fault("connections-full", f"{used} of {most} connections are in use")
    seconds, whose = server.oldest_transaction()
    at.measure("longest_transaction_seconds", seconds)
    if seconds > at.settings["longest_transaction"]:
        at.fault(
            "long-transaction", f"a transaction is open for {seconds / 60:.0f} minutes: {whose}"
        )


def _storage(at: Look, server: Family) -> None:
    size = server.storage(at)
    at.measure("database_megabytes", size / 1e6)
    points = kept(at.recalled.get("size", ()), at.now, round(size / 1e6, 3))
    at.remember("size", points)
    slope = slope_a_day(points)
    if slope is None:
        return
    at.measure("growth_megabytes", slope)
    # One megabyte a day at least: a new, empty database grows by many percent with its first rows.
    if 100 * slope > at.settings["growth_percent"] * points[0][1] and slope > 1:
        at.warning(f"the database grows by {slope:.0f} MB a day, of {points[-1][1]:.0f} MB")


def _clock(at: Look, server: Family) -> None:
    before = time.clock_gettime(time.CLOCK_REALTIME)
    there = server.clock()
    # The middle of the question's way there and back, as NTP has it (RFC 5905 section 8).
    offset = there - (before + time.clock_gettime(time.CLOCK_REALTIME)) / 2
    at.measure("server_offset_seconds", abs(offset))
    if abs(offset) > at.settings["most_offset"]:
        at.fault(
            "clock-off",
            f"the server's clock is {abs(offset):.1f} s {'ahead of' if offset > 0 else 'behind'}"
            " ours",
        )
