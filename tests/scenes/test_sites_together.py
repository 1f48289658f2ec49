"""What sites share, and what becomes of one: an answer by mail reaches its own site's ticket, a
ticket outlives a change of how its site is written, and ends as one that nothing looks at once its
site is taken out.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from checks.contract import Fault, Observation
from monitor.audit.gathering import Asked, Reporting
from monitor.audit.releases import Inventory
from monitor.config import Configuration, ConfigurationFaults, load_sites
from monitor.core.endings import WITHDRAW_AFTER_SECONDS
from monitor.core.verdict import judge
from monitor.delivery.last_resort import Alarm
from monitor.delivery.mail_replies import NoAnswer, take_for_site
from monitor.desks.received_mail import ReceivedMail
from monitor.incidents.correlation import AttemptResult, Correlation
from monitor.ledger import Ledger
from monitor.ledger.bodies import letter_of
from monitor.ledger.of_site import of_site
from monitor.service.parts import forget_sites
from monitor.verbs.which_site import meant
from reports.render import render_mail
from reports.ticket import Ticket
from tests.loopback.mail_server import MailServer, serving

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
SHIFT = """
[[sites.{0}.people]]
role = "operators"
mail = "{1}@example.net"
"""
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
def ledger() -> Iterator[Ledger]:
    with Ledger(":memory:") as one:
        yield one


async def test_what_fails_at_one_site_is_told_and_reported_there_alone(
    ledger: Ledger, tmp_path: Path
) -> None:
    shifts = SHIFT.format("Pune", "pune") + SHIFT.format("Austin", "austin")
    audits = '[audit]\nto = ["hq@example.net"]\n'
    pune, austin = read(tmp_path, audits + SEVERAL + shifts)
    fails(ledger, austin, NOW)
    (row,) = ledger.outbox()
    assert (row.desk, row.recipient) == ("Austin/mail", "austin@example.net")
    told = letter_of(row.body, "1")
    mail = render_mail(row.kind, Ticket.from_dict(told["ticket"]), told["extra"])
    assert "RV-1-Austin" in mail.subject
    assert "Austin" in mail.text
    made = {}
    for site in (pune, austin):
        own = of_site(ledger, site.site.scope)
        asked = Asked(date(2026, 11, 29), by_hand=True)
        made[site.site.name] = await Reporting(own, site).make(
            asked, NOW, Inventory("", "", "", {})
        )
    assert [one.number for one in made["Austin"].open] == ["RV-1-Austin"]
    assert (made["Austin"].site, made["Pune"].site) == ("Austin", "Pune")
    assert made["Pune"].open == ()


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


def mail(sender: str, word: str, *tickets: int) -> ReceivedMail:
    """An answer that our own server vouches for."""
    return ReceivedMail("<1@laptop>", sender, True, "", (), (), tickets, (word,))


def test_an_answer_in_a_shared_mailbox_reaches_the_site_of_its_ticket(
    ledger: Ledger, tmp_path: Path
) -> None:
    shifts = SHIFT.format("Pune", "pune") + SHIFT.format("Austin", "austin")
    pune, austin = sites = read(tmp_path, SEVERAL + shifts)
    fails(ledger, pune, NOW)
    fails(ledger, austin, NOW)
    said = take_for_site(mail("austin@example.net", "ack", 2), sites, NOW, ledger)
    assert said == "ticket=RV-2-Austin word=ack by=austin@example.net"
    taken = [row.acknowledged_at is not None for row in ledger.open_incidents()]
    assert taken == [False, True]
    # Somebody of another site is nobody here, whatever he writes.
    with pytest.raises(NoAnswer, match="none of the people of this site"):
        take_for_site(mail("austin@example.net", "ack", 1), sites, NOW, ledger)
    with pytest.raises(NoAnswer, match="does not say of which site"):
        take_for_site(mail("nobody@example.net", "ack"), sites, NOW, ledger)


async def test_a_blind_monitor_is_told_to_the_operators_of_all_sites_once(tmp_path: Path) -> None:
    shared = read(tmp_path, SEVERAL)
    own = read(tmp_path, SEVERAL + SHIFT.format("Austin", "austin"))
    async with serving(MailServer()) as server:
        for sites, told in ((shared, ["hq"]), (own, ["hq", "austin"])):
            server.envelopes.clear()
            there = [at_port(one, server.port) for one in sites]
            assert await Alarm().raise_(there, "the disk is full", NOW)
            to = [one for envelope in server.envelopes for one in envelope.rcpt_tos]
            assert to == [f"{name}@example.net" for name in told]


def at_port(site: Configuration, port: int) -> Configuration:
    """With its mail server there."""
    changed = {"port": port, "tls": "none"}
    desks = {name: one.model_copy(update=changed) for name, one in site.desks.items()}
    return replace(site, desks=desks)


@pytest.mark.parametrize(
    ("verb", "words", "site"),
    [
        ("ticketing.change_ticket", {"number": "RV-2"}, "Austin"),
        ("ticketing.show_ticket", {"number": "rv-1-Pune"}, "Pune"),
        ("dismissing.dismiss", {"number": "2"}, "Austin"),
        ("looking.once", {"name": "Austin/agent-portal"}, "Austin"),
        ("looking.once", {"name": "agent-portal", "site": "Austin"}, "Austin"),
        ("prompts.learn", {"name": "Austin/welcome.wav"}, ""),
        ("maintaining.stop", {"number": "2"}, ""),
    ],
)
def test_what_a_verb_is_asked_about_says_which_site(
    verb: str, words: dict[str, str], site: str, tmp_path: Path
) -> None:
    sites = read(tmp_path, SEVERAL)
    with Ledger(sites[0].ledger_place) as ledger:
        for one in sites:
            fails(ledger, one, NOW)
    arguments = Namespace(**{"verb": verb, "site": "", **words})
    if not site:
        with pytest.raises(ConfigurationFaults, match="there are 2 sites; say which"):
            meant(arguments, sites)
        return
    assert meant(arguments, sites).site.name == site
    if "name" in words:
        assert arguments.name == "Austin/agent-portal"
