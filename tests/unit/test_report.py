"""The morning report as people read it: the answers first, each red line with its ticket, every
number in the text, small, escaped, and the same as yesterday unless somebody means it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.changes import changes
from reports.charts import charts_of
from reports.morning_report import Audit
from reports.morning_summary import morning
from reports.render import render_audit
from reports.usage import condensed
from tests.unit.sample_report import (
    CALLS,
    DAY,
    HOURS,
    MADE,
    OFFERED,
    USUAL,
    backup,
    looks,
    parts,
    report,
    trouble,
    undelivered,
    usage,
)
from tests.unit.test_render import Reader, compare

NAMES = (
    "'); DROP TABLE cdr;--",
    "<script>alert(1)</script>",
    '<img src=x onerror="steal()">',
    "=HYPERLINK(\"http://evil.example\",\"Click\")",
    "+49 30 1\r\nBcc: everybody@example.net",
    "\u202eevil\u202c\x1b[31m",
    "{{ 7 * 7 }}{% include 'x' %}",
    "</td></tr></table><h1>All is well",
)  # fmt: skip


def test_it_reads_as_it_did() -> None:
    mail = render_audit(report())
    compare("audit.txt", f"Subject: {mail.subject}\n\n{mail.text}")


def test_a_quiet_morning_reads_as_it_did() -> None:
    well = tuple(replace(part, state="OK", text="", warnings=(), ticket="") for part in parts())
    quiet = report(
        open=(), past=(), parts=well, changes=(), usage=(usage(stands_out=[], standouts=0),),
        looks=tuple(
            replace(line, ok=line.looks, failed=0, degraded=0, tickets=()) for line in looks()
        ),
    )  # fmt: skip
    mail = render_audit(quiet)
    assert mail.subject == "[OK] Pune · Sat 21 Nov · 35 585 calls · backup proven 50 s"
    assert mail.text.startswith("ALL IS WELL\n")
    assert "As on other Saturdays: nothing stands out." in mail.html
    compare("audit-quiet.txt", f"Subject: {mail.subject}\n\n{mail.text}")


@pytest.mark.parametrize(
    ("changed", "subject"),
    [
        ({}, "[FAIL 1] Pune · Sat 21 Nov · 35 585 calls · backup proven 50 s"),
        ({"open": (), "parts": ()},
         "[WARN 2] Pune · Sat 21 Nov · 35 585 calls · backup proven 50 s"),
        ({"backups": (backup(proven_at=None),)},
         "[FAIL 1] Pune · Sat 21 Nov · 35 585 calls · backup NOT proven"),
        ({"backups": (backup(), backup(check="voice"))},
         "[FAIL 1] Pune · Sat 21 Nov · 35 585 calls · 2 backups proven 100 s"),
        ({"usage": (), "backups": ()}, "[FAIL 1] Pune · Sat 21 Nov · 1 157 looks, 3 failed"),
        ({"late_seconds": 7200.0},
         "[FAIL 1] Pune · Sat 21 Nov · 35 585 calls · backup proven 50 s · late"),
        ({"made_up": True},
         "[FAIL 1] Pune · Sat 21 Nov · 35 585 calls · backup proven 50 s · partial"),
    ],
)  # fmt: skip
def test_the_subject_carries_the_verdict(changed: dict[str, Any], subject: str) -> None:
    assert render_audit(report(**changed)).subject == subject


def test_each_red_line_has_its_ticket_and_is_counted_once() -> None:
    with_ticket = report()
    assert (with_ticket.wrong, len(with_ticket.failed_parts)) == (1, 1)
    mail = render_audit(with_ticket)
    for page in (mail.text, mail.html):
        assert "RV-44" in page
        assert "RV-41" in page  # of the looks that failed yesterday
    unconfirmed = report(open=(), parts=tuple(replace(part, ticket="") for part in parts()))
    assert unconfirmed.wrong == 1
    assert "no ticket yet" in render_audit(unconfirmed).html
    assert "no ticket yet" in render_audit(unconfirmed).text


def test_the_worst_stands_first() -> None:
    grave = trouble(number="RV-50", severity="P0", title="All trunks are dead", rank=0)
    text = render_audit(report(open=(grave, trouble()))).text
    text = text[text.index("WRONG NOW") :]
    places = [
        text.index(word)
        for word in ("RV-50", "RV-44", "TO LOOK AT", "CHANGED", "STANDS OUT", "CALLS (", "BACKUPS")
    ]
    assert places == sorted(places)
    ran = [part.state for part in morning(report()).ran]
    assert ran == sorted(ran, key=("FAILED", "UNKNOWN", "DEGRADED", "OK").index)


def test_late_and_partial_say_so_on_top() -> None:
    late = render_audit(
        report(late_seconds=5400.0, parts=(*parts(), replace(parts()[0], check="more", ran=False)))
    )
    for page in (late.text, late.html):
        head = page[: page.index("35 585".replace(" ", "\u00a0"))] if page is late.text else page
        assert "1 h 30 min" in head
        assert "more did not run" in head
    missing = render_audit(report(missing=(DAY - timedelta(days=2), DAY - timedelta(days=1))))
    assert "There are no reports of 2 days, from Thu 19 Nov 2026 to Fri 20 Nov 2026" in missing.html
    made_up = render_audit(report(made_up=True, late_seconds=3 * 86400.0))
    assert "Made afterwards, 3 days late" in made_up.html


def test_every_number_of_a_picture_stands_in_the_text_too() -> None:
    mail = render_audit(report())
    for hour, offered, usual in zip(HOURS, OFFERED, USUAL, strict=True):
        row = re.search(rf"^  {hour} +([\d\u00a0]+) +([\d\u00a0]+) ", mail.text, re.MULTILINE)
        assert row
        assert [cell.replace("\u00a0", "") for cell in row.groups()] == [str(offered), str(usual)]
    names = [chart.name for chart in charts_of(report())]
    assert names == ["calls", "at-once", "mos", "latency", "disk", "backup-size", "backup-time"]
    assert "<img" not in mail.html  # none was drawn: it reads without


def test_pictures_have_their_places_and_say_what_they_show() -> None:
    sources = {chart.name: f"cid:{chart.name}@example.net" for chart in charts_of(report())}
    page = Reader(render_audit(report(), sources).html)
    pictures = [attributes for tag, attributes in page.elements if tag == "img"]
    assert {picture["src"] for picture in pictures} == set(sources.values())
    assert all(len(picture["alt"] or "") > 20 for picture in pictures)


def test_a_hundred_findings_stay_below_what_mail_readers_cut_off() -> None:
    """Gmail clips at 102 KB; ours is to stay below 60 KiB."""
    text = (
        "filesystem: used_percent (97.3) <= 85 on /var/spool/asterisk/monitor, 412 files a minute "
        * 2
    )
    failing = tuple(
        replace(
            parts()[2],
            check=f"server-{n:03}",
            text=text,
            ticket=f"RV-{n}",
            warnings=(text, text),
            notes=(text,) * 3,
        )
        for n in range(100)
    )
    tickets = tuple(
        trouble(number=f"RV-{n}", summary=text, checks=(f"server-{n:03}",)) for n in range(50)
    )
    many = report(parts=failing, open=tickets)
    mail = render_audit(
        many, {chart.name: f"cid:{chart.name}@example.net" for chart in charts_of(many)}
    )
    assert many.wrong == 100
    assert len(mail.html.encode()) <= 60 * 1024
    assert all(f"server-{n:03}" in mail.html and f"RV-{n}" in mail.html for n in range(100))
    assert all(f"server-{n:03}" in mail.text for n in range(100))
    Reader(mail.html)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_caller_calls_himself_stays_text(name: str) -> None:
    rows = [{**usage()["trunks"][0], "name": name}]
    told = usage(
        trunks=rows, dids=rows, queues=rows, agents=[{**usage()["agents"][0], "name": name}]
    )
    told["stands_out"] = [{**usage()["stands_out"][3], "part": f"trunk:{name}"}]
    hostile = report(
        usage=(told,), parts=(replace(parts()[2], text=name, warnings=(name,), notes=(name,)),),
        open=(trouble(title=name, summary=name),), changes=((name, "OK", "FAILED"),),
        backups=(backup(source=name, fault=name),),
        undelivered=(replace(undelivered(), error=name),),
    )  # fmt: skip
    mail = render_audit(hostile)
    usual = Reader(render_audit(report()).html)
    page = Reader(mail.html)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in usual.elements}
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)
    for said in (mail.html, mail.text, mail.subject):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", said.replace("\n", ""))
    assert "\n" not in mail.subject
    if name.isprintable() and "\n" not in name:
        assert name in page.said


# Each is a whole report, made and drawn: 60 ms of a core.
@settings(max_examples=30)
@given(st.text(max_size=40))
def test_no_name_breaks_the_page(name: str) -> None:
    rows = [{**usage()["trunks"][0], "name": name}]
    mail = render_audit(report(usage=(usage(trunks=rows),), changes=((name, "", "open"),)))
    Reader(mail.html)
    assert mail.text.count("\nTRUNKS\n") == 1


def test_a_report_comes_out_of_the_ledger_as_it_went_in() -> None:
    whole = report(undelivered=(undelivered(),), missing=(DAY,), replaces=3)
    assert Audit.from_dict(whole.to_dict()) == whole


def test_what_changed_is_found_between_two_reports() -> None:
    before = report(
        open=(trouble(number="RV-40", title="Old"),),
        parts=(replace(parts()[2], state="OK"),),
        looks=looks()[2:],
    )
    now = report(parts=(parts()[2],), looks=looks()[2:4])
    assert changes(before, now) == (
        ("RV-44 Database replication is behind", "", "open"),
        ("replica", "OK", "FAILED"),
        ("RV-40 Old", "open", "closed"),
    )


def test_a_report_that_did_not_arrive_and_an_old_proof_are_to_be_looked_at() -> None:
    base = report(open=(), parts=(), looks=())
    assert base.tone == "OK"
    assert replace(base, undelivered=(undelivered(),)).tone == "WARN"
    stale = replace(base, backups=(backup(proven_at=MADE - timedelta(days=3)),))
    assert stale.tone == "WARN"
    assert "LAST PROVEN 3 days ago" in render_audit(stale).html
    never = render_audit(replace(base, backups=(backup(proven_at=None, data_as_of=None, kept=0),)))
    assert "THERE IS NO BACKUP" in never.text


def test_what_is_kept_of_usage_is_small_and_other_versions_are_refused() -> None:
    with pytest.raises(KeyError):
        condensed("usage", {"schema": "reveille.usage", "version": 2})
    assert len(str(report().to_dict())) < 30_000
    assert report().calls == CALLS
