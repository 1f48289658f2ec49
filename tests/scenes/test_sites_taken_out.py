"""Sites that come and go in a configuration: a ticket outlives a change of how its site is written,
and ends as one that nothing looks at once its site is taken out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.contract import Fault, Observation
from monitor.config import Configuration, load_sites
from monitor.core.endings import WITHDRAW_AFTER_SECONDS
from monitor.core.verdict import judge
from monitor.incidents.correlation import AttemptResult, Correlation
from monitor.ledger import Ledger
from monitor.ledger.of_site import of_site
from monitor.service.parts import forget_sites

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
SHARED = """
state = "{state}"
[[people]]
role = "operators"
mail = "{name}@example.net"
[desks.mail]
kind = "mail"
host = "127.0.0.1"
sender = "reveille@example.net"
[checks.agent-portal]
kind = "portal"
url = "https://portal.example.net/"
component = "agent-portal"
every = "5m"
confirm = 1
"""
ONE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\n'
SEVERAL = '[site]\ntimezone = "Asia/Kolkata"\n[sites.Pune]\n[sites.Austin]\n'


def read(folder: Path, sites: str) -> tuple[Configuration, ...]:
    file = folder / "reveille.toml"
    file.write_text(SHARED.format(state=folder, name="hq") + sites, encoding="utf-8")
    return load_sites(file)


def fails(ledger: Ledger, site: Configuration, now: datetime) -> None:
    """One look at its portal, which is down."""
    (entry,) = site.checks.values()
    seen = Observation(fault=Fault("connect", "refused", "Connection refused"))
    look = AttemptResult(entry, "scheduled", now, seen, judge(seen, (), ()))
    own = of_site(ledger, site.site.scope)
    with own.transaction() as t:
        Correlation(own, t, site, now).settle(look, [])


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(":memory:")


def test_a_ticket_goes_on_when_its_site_becomes_one_of_several(
    ledger: Ledger, tmp_path: Path
) -> None:
    (alone,) = read(tmp_path, ONE)
    fails(ledger, alone, NOW)
    pune, austin = read(tmp_path, SEVERAL)
    fails(ledger, pune, NOW + timedelta(minutes=5))
    fails(ledger, austin, NOW + timedelta(minutes=5))
    assert [(row.number, row.key) for row in ledger.open_incidents()] == [
        (1, "Pune/agent-portal-down"),
        (2, "Austin/agent-portal-down"),
    ]


def test_tickets_of_a_site_that_is_taken_out_end_and_the_first_site_hears_of_it(
    ledger: Ledger, tmp_path: Path
) -> None:
    pune, austin = read(tmp_path, SEVERAL)
    fails(ledger, pune, NOW)
    fails(ledger, austin, NOW)
    forget_sites(ledger, [pune, austin], NOW)
    assert [row.site for row in ledger.open_incidents()] == ["Pune", "Austin"]
    (left,) = read(tmp_path, SEVERAL.replace("[sites.Austin]", ""))
    forget_sites(ledger, [left], NOW)
    end = NOW + timedelta(seconds=WITHDRAW_AFTER_SECONDS + 1)
    forget_sites(ledger, [left], end)
    assert [row.site for row in ledger.open_incidents()] == ["Pune"]
    ended = ledger.incident(2)
    assert ended and ended.closed_at == end
    last = ledger.outbox(incident=2)[-1]
    assert (last.kind, last.desk) == ("closed", "Pune/mail")
