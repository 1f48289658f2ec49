"""A broken file keeps nobody from a ticket: its sound part is used, and it is called broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import ConfigurationFaults, load, load_sound_part

TOP = 'state = "{folder}/kept"\nkeep_evidence = "40d"\n'
SITE = '[site]\nname = "Testville"\ntimezone = "Europe/Berlin"\nregion = "uk"\n'
CHECKS = (
    '[checks.portal]\nkind = "portal"\nurl = "http://127.0.0.1:9/"\nevery = "1m"\n'
    'diagnose = ["clock"]\n'
    '[checks.clock]\nkind = "host-clock"\nservers = ["127.0.0.1"]\nevery = "1h"\n'
)
AUDIT = '[audit]\nto = ["ops@example.net"]\nchecks = ["clock", "portal"]\n'
DESK = '[desks.tickets]\nkind = "built-in"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "reveille.toml"
    file.write_text(text.format(folder=folder), encoding="utf-8")
    return file


WHOLE = TOP + SITE + CHECKS + AUDIT + DESK


@pytest.mark.parametrize(
    ("good", "slip", "told"),
    [
        ('every = "1h"', 'evry = "1h"', "checks.clock.evry"),
        ('every = "1h"', 'every = "1h', "line 15"),
        ('every = "1h"', "every = [1,", "line"),
        ('every = "1h"', 'every = "1h"\nevery = "2h"', "checks.clock.every"),
        ('region = "uk"', 'region = "uk"\npolcy = "xop"', "site.polcy"),
        ('keep_evidence = "40d"', 'keep_evidance = "40d"', "keep_evidance"),
        ('kind = "built-in"', 'kind = "bilt-in"', "desks.tickets.kind"),
    ],
)
def test_a_slip_is_told_and_the_rest_is_used(
    tmp_path: Path, good: str, slip: str, told: str
) -> None:
    with pytest.raises(ConfigurationFaults):
        load(written(tmp_path, WHOLE.replace(good, slip, 1)))
    found, faults = load_sound_part(tmp_path / "reveille.toml")
    assert faults is not None
    assert told in str(faults)
    assert (found.site.name, found.state) == ("Testville", tmp_path / "kept")
    assert "portal" in found.checks
    named = {other for entry in found.checks.values() for other in entry.diagnose}
    audited = set(found.audit.checks) if found.audit else set()
    assert named | audited <= set(found.checks)


def test_a_good_file_is_whole_and_called_good(tmp_path: Path) -> None:
    found, faults = load_sound_part(written(tmp_path, WHOLE))
    assert faults is None
    assert (list(found.checks), list(found.desks)) == (["portal", "clock"], ["tickets"])
    assert found.keep_evidence == 40 * 86400


@pytest.mark.parametrize(
    "text",
    [
        WHOLE.replace("[site]", "[sight]"),
        WHOLE.replace('"Europe/Berlin"', '"Europe/Berlinn"'),
        WHOLE.replace('region = "uk"', 'region = "uk"\npolicy = "xpo"'),
        WHOLE.replace('"{folder}/kept"', "7"),
    ],
    ids=["no-site", "no-zone", "no-policy", "no-state"],
)
def test_without_site_zone_or_policy_nothing_is_guessed(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationFaults) as refused:
        load_sound_part(written(tmp_path, text))
    assert refused.value.faults


@pytest.mark.parametrize("slip", ["keep_looks = 3", 'keep_looks = "2d', 'pasword = "x"'])
def test_a_slip_beside_a_ledgers_address_is_not_left_out_with_it(tmp_path: Path, slip: str) -> None:
    """The file of the state folder would be taken for the ledger."""
    ledger = '[ledger]\nurl = "postgresql://reveille@db.example.net/reveille"\n'
    with pytest.raises(ConfigurationFaults, match=r"ledger|line 23"):
        load_sound_part(written(tmp_path, f"{WHOLE}{ledger}{slip}\n"))
    found, faults = load_sound_part(
        written(tmp_path, f"{WHOLE}{ledger}".replace('kind = "built-in"', 'kind = "bilt-in"'))
    )
    assert faults is not None and str(found.ledger_place) == found.ledger.url
