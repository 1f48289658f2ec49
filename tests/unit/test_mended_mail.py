"""What the operators are told past the ledger: that the monitor is blind, or that something was
wrong with it and is mended."""

from __future__ import annotations

from reports.render import render_mail
from tests.unit.sample_ticket import ticket

GONE = "the ledger /var/lib/reveille/ledger.sqlite was removed while in use; nothing is lost"


def test_what_is_mended_wakes_nobody_and_claims_no_blindness() -> None:
    told = ticket(number="", title="the monitor is blind", summary=GONE, rule="", policy="")
    mail = render_mail("blind", told, {"audience": "operators", "mended": True})
    assert mail.subject == "[monitor] Pune: something was wrong with the monitor's own ledger"
    for said in (mail.text, mail.html):
        words = " ".join(said.split())
        assert "It is mended: Reveille looks and tells as before." in words
        assert "nothing is lost" in words
        assert "cannot look" not in words and "is blind" not in words and "by policy" not in words


def test_what_is_not_mended_is_blind() -> None:
    told = ticket(number="", title="the monitor is blind", summary=GONE)
    mail = render_mail("blind", told, {"audience": "operators"})
    assert mail.subject == "[cannot tell] Pune: the monitor is blind"
    assert "Reveille itself cannot look at the moment." in mail.text
