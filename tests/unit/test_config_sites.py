"""Several sites in one configuration: each as if it had a file of its own, with what they share
said once, and every fault where it is written.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.config import (
    Configuration,
    ConfigurationFaults,
    difference,
    effective,
    effective_of,
    in_brief,
    json_schema,
    load,
    load_sites,
    load_sound_sites,
)
from monitor.core.maintenance import Window

SHARED = """
[site]
timezone = "Asia/Kolkata"

[[people]]
role = "operators"
mail = "shift@example.net"

[[people]]
role = "customer"
mail = "customer@example.net"

[desks.mail]
kind = "mail"
host = "127.0.0.1"
sender = "reveille@example.net"

[lines.trunk]
registrar = "sip.example.net"
user = "monitor"

[defaults.portal]
confirm = 3

[checks.agent-portal]
kind = "portal"
url = "https://portal.example.net/"
every = "5m"

[audit]
to = ["hq@example.net"]
"""
PUNE = """
[sites.Pune]
policy = "ozonetel"

[sites.Pune.checks.agent-portal]
url = "https://pune.example.net/"
at = ["08:30"]

[sites.Pune.checks.number]
kind = "sip-call"
line = "trunk"
to = "8000"
diagnose = ["agent-portal"]
"""
AUSTIN = """
[sites.Austin]
timezone = "America/Chicago"
policy = "voxeo"

[[sites.Austin.people]]
role = "operators"
mail = "austin@example.net"

[[sites.Austin.maintenance]]
checks = ["agent-*"]
daily = "02:00-03:00"

[sites.Austin.lines.trunk]
user = "austin"

[sites.Austin.defaults.portal]
confirm = 5

[sites.Austin.audit]
at = "05:00"
checks = ["agent-portal"]
"""


def written(folder: Path, main: str = SHARED, **sites: str) -> Path:
    """One file for all sites, and one for each."""
    (folder / "sites").mkdir(exist_ok=True)
    for name, text in sites.items():
        (folder / "sites" / f"{name}.toml").write_text(text, encoding="utf-8")
    file = folder / "reveille.toml"
    file.write_text(f'include = ["sites/*.toml"]\nstate = "{folder}"\n{main}', encoding="utf-8")
    return file


@pytest.fixture
def sites(tmp_path: Path) -> dict[str, Configuration]:
    file = written(tmp_path, pune=PUNE, austin=AUSTIN)
    return {found.site.name: found for found in load_sites(file)}


def faults(file: Path) -> list[str]:
    with pytest.raises(ConfigurationFaults) as refused:
        load_sites(file)
    return str(refused.value).replace(f"{file.parent}/", "").splitlines()


def test_each_site_has_what_it_says_over_what_all_have(sites: dict[str, Configuration]) -> None:
    pune, austin = sites["Pune"], sites["Austin"]
    assert (pune.site.timezone, pune.policy.name) == ("Asia/Kolkata", "ozonetel")
    assert (austin.site.timezone, austin.policy.name) == ("America/Chicago", "voxeo")
    assert [one.mail for one in pune.people] == ["shift@example.net", "customer@example.net"]
    assert [one.mail for one in austin.people] == ["customer@example.net", "austin@example.net"]
    portal = effective(pune)["checks"]["Pune/agent-portal"]
    assert (portal["url"], portal["at"], portal["every"]) == (
        "https://pune.example.net/",
        ["08:30"],
        None,
    )
    assert austin.checks["Austin/agent-portal"].every == 300.0
    assert austin.audit and (austin.audit.at.hour, austin.audit.to) == (5, ("hq@example.net",))
    assert {one.state for one in sites.values()} == {pune.state}


def test_names_say_which_site_and_do_not_collide(sites: dict[str, Configuration]) -> None:
    pune, austin = sites["Pune"], sites["Austin"]
    assert list(pune.checks) == ["Pune/agent-portal", "Pune/number"]
    assert pune.checks["Pune/number"].diagnose == ("Pune/agent-portal",)
    assert austin.audit and austin.audit.checks == ("Austin/agent-portal",)
    assert [window.checks for window in austin.maintenance] == [("Austin/agent-*",)]
    assert isinstance(austin.maintenance[0], Window)
    assert (list(pune.desks), list(austin.desks)) == (["Pune/mail"], ["Austin/mail"])
    assert pune.checks["Pune/agent-portal"].confirm == 3
    assert austin.checks["Austin/agent-portal"].confirm == 5


def test_a_line_of_all_sites_is_one_line_and_one_of_a_site_is_its_own(
    sites: dict[str, Configuration],
) -> None:
    assert sites["Pune"].lines["trunk"].name == "trunk"
    assert sites["Austin"].lines["trunk"].name == "Austin/trunk"
    (claim,) = sites["Pune"].checks["Pune/number"].probe.claims()
    assert claim.line == "trunk"


def test_a_fault_is_told_where_it_is_written_and_once(tmp_path: Path) -> None:
    main = SHARED.replace('"5m"', '"5x"').replace('sender = "reveille', 'sendre = "reveille')
    austin = AUSTIN.replace("Chicago", "Chicag").replace('["agent-portal"]', '["agent-portl"]')
    file = written(
        tmp_path, main, pune=f'{PUNE}\n[sites.Pune.page]\nport = 1\nname = "x"\n', austin=austin
    )
    assert faults(file) == [
        "reveille.toml:15: desks.mail.sender: is missing; the address that mails come from; its"
        " domain stands in every Message-ID",
        "reveille.toml:18: desks.mail.sendre: there is no such key; did you mean 'sender'?",
        "reveille.toml:30: checks.agent-portal.every: '5x' is not a duration; write a number with"
        " its unit, as in '20s', '5m', '1h30m'",
        "sites/austin.toml:3: sites.Austin.timezone: there is no time zone 'America/Chicag'; did"
        " you mean 'America/Chicago'?",
        "sites/austin.toml:22: sites.Austin.audit.checks[0]: there is no [checks.agent-portl]; did"
        " you mean 'agent-portal'?",
        "sites/pune.toml:15: sites.Pune.page: this is of all sites together; write [page]",
    ]


def test_how_sites_are_named_is_told(tmp_path: Path) -> None:
    main = SHARED.replace("[site]", '[site]\nname = "All"')
    wrong = '[sites.pune]\nname = "Pune"\n[sites."a/b"]\n[sites.Pune]\n'
    file = written(
        tmp_path, main, wrong=f"{wrong}region = 'x'\n", twice="[sites.Pune]\nregion = 'y'\n"
    )
    told = faults(file)
    assert told[0] == (
        "sites/wrong.toml:5: sites.Pune.region: is written a second time; the first is in"
        " sites/twice.toml:2"
    )
    assert [line.partition(": ")[2] for line in told[1:]] == [
        "site.name: each site has its own name, in [sites.NAME]; leave it out: [site] says here"
        " what all sites have",
        "sites.pune: differs from 'Pune' in capitals alone; name it otherwise",
        "sites.pune.name: a site does not say this; its heading says its name",
        "sites.\"a/b\": that is no name; letters, digits, '-', '_' and '.', at most 63, a letter or"
        " digit first",
    ]


def test_who_wants_one_site_of_several_says_which(tmp_path: Path) -> None:
    file = written(tmp_path, pune=PUNE, austin=AUSTIN)
    assert load(file, "Pune").site.name == "Pune"
    with pytest.raises(ConfigurationFaults, match="there are 2 sites; say which: --site Austin, P"):
        load(file)
    with pytest.raises(ConfigurationFaults, match="there is no site 'Pun'; did you mean 'Pune'"):
        load(file, "Pun")


def test_what_is_sound_of_each_site_can_be_used(tmp_path: Path) -> None:
    pune = PUNE.replace('line = "trunk"', 'line = "trank"')
    file = written(tmp_path, pune=pune, austin=AUSTIN)
    found, broken = load_sound_sites(file)
    assert broken and "sites/pune.toml:11: sites.Pune.checks.number.line" in str(broken)
    assert [list(one.checks) for one in found] == [["Austin/agent-portal"], ["Pune/agent-portal"]]


def test_what_differs_is_said_site_by_site(tmp_path: Path) -> None:
    before = effective_of(load_sites(written(tmp_path, pune=PUNE, austin=AUSTIN)))
    austin = AUSTIN.replace("Chicago", "Denver").replace("confirm = 5", "confirm = 4")
    now = effective_of(load_sites(written(tmp_path, pune=PUNE, austin=austin)))
    assert difference(before, now).in_short() == "1 site changed; 1 check changed"


def test_one_site_is_what_it_was(tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    file.write_text(SHARED.replace("[site]", '[site]\nname = "Pune"'), encoding="utf-8")
    found = load(file)
    assert (list(found.checks), list(found.desks)) == (["agent-portal"], ["mail"])
    assert effective_of([found]) == effective(found)
    assert load(file, "Pune") == found


def test_a_site_may_stand_in_several_files(tmp_path: Path) -> None:
    portals = """
[sites.Pune.checks.shop]
kind = "portal"
url = "https://shop.example.net/"
evry = "5m"
[[sites.Pune.people]]
role = "operators"
mail = "pune@example.net"
phone = "none"
"""
    file = written(tmp_path, pune=PUNE, portals=portals)
    assert faults(file) == [
        "sites/portals.toml:5: sites.Pune.checks.shop.evry: there is no such key; did you mean"
        " 'every'?",
        "sites/portals.toml:9: sites.Pune.people[0].phone: 'none' is no phone number; write"
        " '+912212345678' or 'sip:+912212345678@trunk-a'",
    ]
    (tmp_path / "sites" / "portals.toml").write_text(
        portals.replace("evry", "every").replace('phone = "none"', ""), encoding="utf-8"
    )
    (pune,) = load_sites(file)
    assert list(pune.checks) == ["Pune/agent-portal", "Pune/shop", "Pune/number"]
    assert [one.mail for one in pune.people] == ["customer@example.net", "pune@example.net"]


def test_what_is_kept_in_brief_is_known_of_each_site(tmp_path: Path) -> None:
    file = written(tmp_path, pune=PUNE, austin=AUSTIN)
    read = load_sites(file)
    for one in read:
        in_brief.keep(one)
    with in_brief.enough():
        found, _ = load_sound_sites(file)
    known = {name: entry.probe for one in found for name, entry in one.checks.items()}
    assert {type(probe).__name__ for probe in known.values()} == {"CheckInBrief"}
    whole = {name: entry.probe for one in read for name, entry in one.checks.items()}
    assert {name: one.target() for name, one in known.items()} == {
        name: one.target() for name, one in whole.items()
    }


def test_the_schema_takes_sites_and_wants_a_name_where_there_is_one() -> None:
    def wrong(text: str) -> list[str]:
        validator = Draft202012Validator(json_schema())
        return [error.message for error in validator.iter_errors(tomllib.loads(text))]

    assert wrong(f"{SHARED}{PUNE}{AUSTIN}") == []
    assert wrong(SHARED)
    assert "'timezon' was unexpected" in wrong('[sites.Pune]\ntimezon = "Asia/Kolkata"\n')[0]


def test_a_host_of_some_sites_names_sites_that_there_are(tmp_path: Path) -> None:
    ledger = '[ledger]\nurl = "postgresql://reveille@db.example.net/reveille"\n'
    probe = '[probe]\nname = "pune-1"\nsites = ["Pune", "austin"]\n'
    with pytest.raises(ConfigurationFaults) as wrong:
        load_sites(written(tmp_path, SHARED + ledger + probe, pune=PUNE, austin=AUSTIN))
    (fault,) = wrong.value.faults
    assert (fault.path, fault.wrong) == ("probe.sites[1]", "there is no site 'austin'")
    assert (fault.right, fault.line) == ("did you mean 'Austin'?", 38)
    right = probe.replace("austin", "Austin")
    sites = load_sites(written(tmp_path, SHARED + ledger + right, pune=PUNE, austin=AUSTIN))
    assert {one.probe.sites for one in sites} == {("Pune", "Austin")}


def test_a_file_has_no_other_host_for_the_sites_that_this_one_leaves(tmp_path: Path) -> None:
    probe = '[probe]\nsites = ["Pune"]\n'
    sites = load_sites(written(tmp_path, SHARED + probe, pune=PUNE, austin=AUSTIN))
    doubts = {one.site.name: [str(fault) for fault in one.warnings] for one in sites}
    assert any("nobody looks" in line for line in doubts["Austin"])
    assert not any("nobody looks" in line for line in doubts["Pune"])
