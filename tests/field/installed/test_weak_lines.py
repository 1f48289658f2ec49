"""Lines that said less than the best ones: what is wrong, where, and now what would be right.

Each row is a slip in one table of a small configuration; `said` is the whole line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.config import ConfigurationFaults, load

SITE = '[site]\nname = "Pune"\ntimezone = "{zone}"\nregion = "{region}"\n'
PORTAL = '[checks.portal]\nkind = "portal"\nurl = "http://127.0.0.1/"\nevery = "5m"\n'
USAGE = '[checks.u]\nkind = "usage"\nat = ["04:00"]\nrecords = "/var/log/Master.csv"\n'
NAMED = 'write it as in secrets = { password = { credential = "agent-portal" } }'


@dataclass(frozen=True, slots=True)
class Weak:
    """What is written, and the whole line that has to be said of it."""

    name: str
    said: str
    text: str = ""
    zone: str = "Asia/Kolkata"
    region: str = "india"


WEAK = (
    Weak(
        "zone-ist",
        "site.timezone: there is no time zone 'IST'; an abbreviation has several places: write"
        " yours, as in Asia/Kolkata or Europe/Dublin or Asia/Jerusalem",
        zone="IST",
    ),
    Weak(
        "kind-http",
        "checks.www.kind: there is no kind 'http'; that is called 'portal' here",
        '[checks.www]\nkind = "http"\n',
    ),
    Weak(
        "dots",
        "checks.www: dots part a name; a name that has some stands in quotes:"
        ' [checks."www.example.com"]',
        PORTAL.replace("checks.portal", "checks.www.example.com"),
    ),
    Weak(
        "no-break-space",
        "line 5, column 2: a no-break space (U+00A0) stands here; write a plain space, or nothing",
        "x\u00a0= 1\n",
    ),
    Weak(
        "the-only-check",
        "checks.portal.diagnose[0]: there is no [checks.uplnk]; write that too, or leave the name"
        " out",
        PORTAL + 'diagnose = ["uplnk"]\n',
    ),
    Weak(
        "one-other-check",
        "checks.b.diagnose[0]: there is no [checks.uplnk]; write that too, or name one of portal",
        PORTAL + PORTAL.replace("checks.portal", "checks.b") + 'diagnose = ["uplnk"]\n',
    ),
    Weak(
        "records-as-text",
        "checks.u.records: a table belongs here, not the text '/var/log/Master.csv'; write it as in"
        ' records = { file = "/var/log/asterisk/cdr-csv/Master.csv" }',
        USAGE,
    ),
    Weak(
        "secrets-as-text",
        f"checks.portal.secrets: a table belongs here, not the text; {NAMED}",
        PORTAL + 'secrets = "x"\n',
    ),
    Weak(
        "a-step-without-brackets",
        "checks.portal.steps: a list belongs here, not a table; write it in brackets, as in"
        " [{ ... }]",
        PORTAL + 'steps = { name = "a" }\n',
    ),
    Weak(
        "region-europe",
        "site.region: policy 'ozonetel' knows no region 'europe'; it knows india, malaysia,"
        " philippines, singapore, uae, uk, usa",
        region="europe",
    ),
)


def said(folder: Path, row: Weak) -> list[str]:
    file = folder / "reveille.toml"
    text = SITE.format(zone=row.zone, region=row.region) + row.text
    file.write_text(text, encoding="utf-8")
    try:
        return [str(warning) for warning in load(file).warnings]
    except ConfigurationFaults as faults:
        return [str(fault) for fault in faults.faults]


@pytest.mark.parametrize("row", WEAK, ids=lambda row: row.name)
def test_a_weak_line_says_what_where_and_what_would_be_right(tmp_path: Path, row: Weak) -> None:
    assert row.said in said(tmp_path, row)


def test_the_roles_of_a_ladder_that_nobody_has_are_one_line(tmp_path: Path) -> None:
    found = [one for one in said(tmp_path, Weak("", "", PORTAL)) if "role" in one]
    assert len(found) == 1
    assert "'shift-team-leader', 'director-technical-support'" in found[0]
