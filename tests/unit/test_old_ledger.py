"""A ledger of each release opened by this program: the same tickets, ladders and reports as that
release showed, and beside them what is said since.

`REVEILLE_GOLDEN=write pytest tests/unit/test_old_ledger.py` plays the story with the present
program and keeps its ledger and what was said of it, under the version in pyproject.toml; a release
that is there already is never written again. Do so once for each release.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Failed
from monitor.cli import main
from monitor.core.incident import Closing, Incident
from monitor.incidents.store import incident_of
from monitor.incidents.ticket_view import view
from monitor.ledger import Ledger
from monitor.testing.scenario import Scene
from tests.unit.ledger_story import SITE, dumped, play, scene_in

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "ledger"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
RELEASES = sorted(path.stem for path in GOLDEN.glob("*.*.*.sql"))
Capture = pytest.CaptureFixture[str]


def _from_0_1_0(shown: dict[str, Any]) -> dict[str, Any]:
    """What is said beside of the same: why a ticket ended (all of this ledger recovered; a report
    that was made before there were reasons gives none), and what a part of a report is about.
    """
    for ticket in (*shown["tickets"], *shown["shown"].values()):
        _once(ticket)
        ticket["closing"] = "recovered" if ticket["state"] == "closed" else ""
        ticket["opened_by"] = ""
        for clock in ticket["clocks"]:
            clock["paused"] = False
    for trouble in (*shown["report"]["open"], *shown["report"]["past"]):
        trouble["closing"] = ""
    for one in (
        *shown["tickets"],
        *shown["shown"].values(),
        *shown["report"]["open"],
        *shown["report"]["past"],
    ):
        one["goes_on_as"] = one["request"] = ""
    for one in (*shown["tickets"], *shown["shown"].values()):
        one["page"] = ""
    shown["report"]["maintenance"] = shown["report"]["rca"] = []
    for part in shown["report"]["parts"]:
        part["topic"] = ""  # two checks, neither of usage nor of a backup
    return _from_0_2_0(shown)


def _from_0_2_0(shown: dict[str, Any]) -> dict[str, Any]:
    """Its report knew nothing of what people answer, of releases and of what is planned, and its
    tickets nothing of evidence that lies elsewhere.
    """
    for one in (*shown["tickets"], *shown["shown"].values()):
        one["elsewhere"] = []
    shown["report"] |= {"answers": [], "releases": [], "compared_with": None, "planned": []}
    return shown


def _once(ticket: dict[str, Any]) -> None:
    """0.1.0 repeated a ticket's reason beside its stage, its layer and in its history."""
    said = "; ".join(ticket["reasons"])
    for line in (*ticket["stages"], *ticket["findings"]):
        if line["text"] and line["text"] in said:
            line["text"] = ""
    for line in ticket["history"]:
        told, _, reason = line[1].partition(" failed: ")
        if reason and reason in said:
            line[1] = f"{told} failed"
        told, _, reason = line[1].partition(" fails again: ")
        if reason and reason in said:
            line[1] = f"{told} fails again"


def _sentences(shown: dict[str, Any]) -> list[str]:
    """The summaries, taken out: 0.1.0 told the reason there, today it is a sentence of it. With the
    target, which was told nowhere else.
    """
    told = (*shown["tickets"], *shown["shown"].values())
    return [f"{ticket.pop('summary')} {ticket.pop('target', '')}" for ticket in told]


TICKETS = {"0.1.0": 7, "0.2.0": 6}
"""by release: how many came of the story; the newest two are open"""
SAID_BESIDE = {"0.1.0": _from_0_1_0, "0.2.0": _from_0_2_0}
"""by release: what this program says more; nothing that was said may be said otherwise"""


def site_in(folder: Path) -> Path:
    (folder / "state").mkdir(mode=0o700)
    (folder / "reveille.toml").write_text(SITE, encoding="utf-8")
    return folder / "state" / "ledger.sqlite"


def said(capsys: Capture, folder: Path, *words: str) -> Any:
    """What the command line answers, as data."""
    assert main([*words, "--json", "--config", str(folder / "reveille.toml")]) == 0
    return json.loads(capsys.readouterr().out)


def shown(capsys: Capture, folder: Path) -> dict[str, Any]:
    """All that a release shows of its ledger."""
    tickets = said(capsys, folder, "tickets", "--all")
    return {
        "tickets": tickets,
        "shown": {
            one["number"]: said(capsys, folder, "tickets", "show", one["number"]) for one in tickets
        },
        "reports": said(capsys, folder, "report", "list"),
        "report": said(capsys, folder, "report", "show"),
    }


@pytest.mark.skipif(
    os.environ.get("REVEILLE_GOLDEN") != "write", reason="writes a new release's golden ledger"
)
async def test_write_the_golden_ledger(tmp_path: Path, capsys: Capture) -> None:
    kept = GOLDEN / f"{VERSION}.sql"
    assert not kept.exists(), f"{VERSION} was released: its ledger is never written again"
    ledger = site_in(tmp_path)
    await play(ledger.parent)
    kept.write_text(dumped(ledger), encoding="utf-8")
    kept.with_suffix(".json").write_text(
        json.dumps(shown(capsys, tmp_path), indent=1) + "\n", encoding="utf-8"
    )


def restore(release: str, ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.executescript((GOLDEN / f"{release}.sql").read_text(encoding="utf-8"))


@pytest.mark.parametrize("release", RELEASES)
def test_it_shows_the_same_tickets_ladders_and_reports(
    release: str, tmp_path: Path, capsys: Capture
) -> None:
    ledger = site_in(tmp_path)
    restore(release, ledger)
    Ledger(ledger).close()
    wanted = json.loads((GOLDEN / f"{release}.json").read_text(encoding="utf-8"))
    assert len(wanted["tickets"]) == TICKETS[release]
    assert {one["state"] for one in wanted["tickets"]} == {"open", "acknowledged", "closed"}
    assert all(
        any(rung["state"] == "told" for rung in one["ladder"]) for one in wanted["shown"].values()
    )
    said_now = shown(capsys, tmp_path)
    for before, sentence in zip(_sentences(wanted), _sentences(said_now), strict=True):
        assert before.strip().partition(", ")[2].partition(";")[0] in sentence
    assert said_now == SAID_BESIDE.get(release, lambda same: same)(wanted)


@pytest.mark.parametrize("release", RELEASES)
async def test_its_open_tickets_go_on(release: str, tmp_path: Path) -> None:
    """The daemon of this program on that ledger: what works is closed as recovered, what breaks
    again within a day counts as having come back, and every line of the histories has its words.
    """
    restore(release, tmp_path / "ledger.sqlite")
    site = scene_in(tmp_path)
    open_ones = [TICKETS[release] - 1, TICKETS[release]]
    newest = max(row.at for number in open_ones for row in site.ledger.history(number))
    site.clock.advance((newest - site.clock.now()).total_seconds())
    assert [row.number for row in site.ledger.open_incidents()] == open_ones
    await site.run_for(hours=3)
    for number in open_ones:
        over = incident(site, number)
        assert (over.closing, over.works_since) == (Closing.RECOVERED, over.recovered_at)
    site.world["trunk"] = Failed("sip:503/34", "Service Unavailable; no circuit")
    await site.run_for(minutes=70)
    (row,) = site.ledger.open_incidents()
    assert (row.issue, incident_of(row).returns) == (incident(site, open_ones[1]).issue, 1)
    now = site.clock.now()
    for row in site.ledger.incidents(50):
        said = view(site.ledger, site.configuration, incident_of(row), now).history
        assert [text for _, text in said if "cannot be read" in text or " " not in text] == []
    site.stop_daemon()


def incident(site: Scene, number: int) -> Incident:
    row = site.ledger.incident(number)
    assert row is not None
    return incident_of(row)
