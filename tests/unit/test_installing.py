"""What `install` would lay down: worked out from a configuration, taken in folders of a test's own.

The whole, in a booted machine: tests/systemd/test_installed.py.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import Configuration, load
from monitor.installing import needs, plan
from monitor.installing.absent import absent
from monitor.installing.layout import ALL_DROP_INS, Program, this_program
from monitor.installing.steps import Barred, Folder, Gone, Link, Text, left
from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.copying import copied, form, rehearsed
from monitor.ledger.migrate import known
from tests.house.source import ROOT, none

SITE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\n'
PAGE = '[checks.page]\nkind = "portal"\nurl = "http://127.0.0.1:9/"\n'
DISKS = '[checks.disks]\nkind = "host-disks"\nevery = "5m"\n'
LINE = '[lines.a]\nregistrar = "127.0.0.1"\nuser = "m"\npassword = { credential = "trunk-a" }\n'
CALL = f'{LINE}[checks.call]\nkind = "sip-call"\nline = "a"\nto = "8000"\nexpect = ["xr_r >= 70"]\n'
BROWSER = (
    '[checks.journey]\nkind = "portal-browser"\nurl = "http://127.0.0.1:9/"\n'
    'steps = [{ open = "/" }, { see = "Welcome" }]\n'
)
WEBRTC = '[checks.edge]\nkind = "webrtc-call"\nurl = "ws://127.0.0.1:9/"\nuser = "u"\nto = "8000"\n'
BACKUP = (
    '[checks.files]\nkind = "backup"\nengine = "directory"\npath = "/srv/files"\n'
    'folder = "/srv/backups/files"\nscratch = "/srv/scratch"\n'
    'copies = [ { folder = "/mnt/second disk" } ]\n'
)
FILES = sorted(path.name for path in (ROOT / "systemd").iterdir())


def configuration(folder: Path, text: str) -> Configuration:
    file = folder / "reveille.toml"
    file.write_text(SITE + text, encoding="utf-8")
    return load(file)


def program(folder: Path) -> Program:
    return Program(folder, folder / ".venv", ROOT / "systemd", ROOT / "share")


def test_every_unit_and_drop_in_has_its_line_in_the_table() -> None:
    none(file for file in FILES if file not in {need.file for need in needs.TABLE})
    none(need.file for need in needs.TABLE if need.file not in FILES)


def test_a_purge_of_the_package_knows_every_user_and_folder_of_drop_ins() -> None:
    purge = (ROOT / "debian" / "postrm").read_text(encoding="utf-8").split()
    none(need.user for need in needs.TABLE if need.user and need.user not in purge)
    none(str(folder) for folder in ALL_DROP_INS if str(folder) not in purge)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (PAGE, set()),
        (DISKS, {"host.conf"}),
        (f"{DISKS}smart = true\n", {"host.conf", "disks.conf"}),
        (BROWSER, {"browser.conf"}),
        (WEBRTC, {"webrtc.conf"}),
        (CALL, {"rtcp-xr.conf"}),
        (PAGE + DISKS + BROWSER + CALL, {"host.conf", "browser.conf", "rtcp-xr.conf"}),
    ],
    ids=[
        "a page",
        "disks",
        "SMART",
        "a journey",
        "a softphone",
        "a call's far reports",
        "all of them",
    ],
)
def test_a_right_is_given_where_a_check_needs_it(
    tmp_path: Path, text: str, wanted: set[str]
) -> None:
    found = needs.needed(configuration(tmp_path, text))
    assert {need.file for need in found if need.drop_in} == wanted


def test_what_the_installed_service_has_not_is_said_with_the_checks_that_need_it(
    tmp_path: Path,
) -> None:
    places = (tmp_path / "admin", tmp_path / "dpkg")
    found, unit = configuration(tmp_path, PAGE + DISKS + BROWSER), places[0] / "reveille.service"

    def said() -> dict[str, list[str]]:
        told = absent(program(tmp_path), found, places)
        return {", ".join(files): names for files, names in told}

    assert said() == {}, "no unit is installed"
    own = places[0] / "reveille.service.d" / "of-my-own.conf"
    own.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/x/reveille run --config /another.toml\n")
    assert said() == {}, "it reads another file"
    unit.write_text(f"[Service]\nExecStart=/x/reveille run --config {found.file}\n")
    assert said() == {
        "host.conf, reveille-hostlooks.socket": ["disks"], "browser.conf": ["journey"],
    }  # fmt: skip
    own.write_text(
        "[Unit]\nWants=a.service reveille-hostlooks.socket\nAfter=reveille-hostlooks.socket\n"
        "[Service]\n"
        "BindReadOnlyPaths=-/run/reveille-hostlooks/daemon:/run/reveille/hostlooks\n"
    )
    places[1].mkdir()
    (places[1] / "reveille-hostlooks.socket").touch()
    assert said() == {"browser.conf": ["journey"]}


def test_secrets_and_folders_are_named_by_the_configuration(tmp_path: Path) -> None:
    state = f'state = "{tmp_path}/state"\n'
    file = tmp_path / "reveille.toml"
    file.write_text(state + SITE + CALL + BACKUP, encoding="utf-8")
    found = load(file)
    assert needs.credentials(found) == ["trunk-a"]
    assert [str(path) for path in needs.folders(found)] == [
        "/mnt/second disk", "/srv/backups/files", "/srv/scratch", f"{tmp_path}/state",
    ]  # fmt: skip
    assert 'ReadWritePaths=-"/mnt/second disk"' in needs.folders_text(needs.folders(found))
    assert needs.credentials_text(["not-there"]) == ""


OF_EVERY_SECTION = """
[agents.ann]
registrar = "127.0.0.1"
user = "ann"
password = { credential = "agent" }
[desks.mail]
kind = "mail"
host = "mail.example.net"
sender = "r@example.net"
user = "r"
password = { credential = "smtp" }
[page]
users = [{ name = "asha", password = { credential = "page-asha" } }]
sites = [{ name = "b", url = "https://b.example.net", user = "a", password = { credential = "b" } }]
[dead_man]
url = { credential = "dead-man-url" }
"""


def test_secrets_of_every_section_are_handed_to_the_service(tmp_path: Path) -> None:
    found = configuration(tmp_path, CALL + OF_EVERY_SECTION)
    wanted = ["agent", "b", "dead-man-url", "page-asha", "smtp", "trunk-a"]
    assert needs.credentials(found) == wanted


def test_what_lies_in_the_services_own_folder_needs_nothing(tmp_path: Path) -> None:
    inside = BACKUP.replace("/srv/", "/var/lib/reveille/").replace("/mnt/", "/var/lib/reveille/")
    assert needs.folders_text(needs.folders(configuration(tmp_path, inside))) == ""


@given(st.from_regex(r"/opt(/[a-z.-]{1,12}){1,3}", fullmatch=True))
def test_a_unit_names_this_program_once_and_whole(folder: str) -> None:
    """/opt/reveille-next is another folder than /opt/reveille, and stays what it is."""
    text = plan.rendered(program(Path(folder)), "reveille.service")
    [starts] = re.findall(r"^ExecStart=(\S+)", text, re.M)
    assert starts == str(Path(folder) / ".venv/bin/reveille")
    assert text.startswith(plan.MARK)


def test_a_file_of_somebody_elses_is_kept_beside_ours(tmp_path: Path) -> None:
    unit = tmp_path / "reveille.service"
    unit.write_text("[Service]\nExecStart=/home/me/reveille\n", encoding="utf-8")
    step = Text(unit, plan.MARK + "[Service]\n", plan.MARK)
    assert "kept as reveille.service.old" in str(step)
    step.take()
    assert "/home/me" in (tmp_path / "reveille.service.old").read_text(encoding="utf-8")
    assert left([step]) == []
    Text(unit, plan.MARK + "[Unit]\n", plan.MARK).take()
    assert "/home/me" in (tmp_path / "reveille.service.old").read_text(encoding="utf-8")


def test_a_command_of_somebody_elses_bars_the_way(tmp_path: Path) -> None:
    (tmp_path / "reveille").write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(Barred, match="no link of ours"):
        left([Link(tmp_path / "reveille", tmp_path / "program")])


def test_a_link_is_removed_and_never_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "ledger.sqlite").touch()
    (tmp_path / "state").symlink_to(tmp_path / "private")
    Gone(tmp_path / "state").take()
    assert left([Gone(tmp_path / "state")]) == []
    assert (tmp_path / "private" / "ledger.sqlite").exists()


def test_a_folder_with_other_rights_is_left_to_do(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir(mode=0o755)
    assert left([Folder(tmp_path / "credentials", 0o700)])


def test_this_program_brings_its_units_along() -> None:
    found = this_program()
    assert (found.units / "reveille.service").is_file()
    assert all(path.exists() for path in list(found.links().values())[1:])


def test_a_ledger_in_use_is_copied_whole(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with Ledger(ledger) as used:
        copied(ledger, tmp_path / "copy.sqlite")
        assert form(tmp_path / "copy.sqlite") == len(known())
        with Ledger(tmp_path / "copy.sqlite", read_only=True) as copy:
            assert copy.identity == used.identity
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.sqlite"]


def test_a_migration_is_rehearsed_on_a_copy(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.sqlite").close()
    newer = sqlite3.connect(tmp_path / "ledger.sqlite")
    newer.execute("INSERT INTO migrations VALUES (999, '0999_of_a_newer_one')")
    newer.commit()
    newer.close()
    copied(tmp_path / "ledger.sqlite", tmp_path / "copy.sqlite")
    with pytest.raises(LedgerFault, match="of version 999"):
        rehearsed(tmp_path / "copy.sqlite")


def test_the_rights_for_smart_go_to_the_unit_that_looks_and_not_to_the_daemon(
    tmp_path: Path,
) -> None:
    found = needs.needed(configuration(tmp_path, f"{DISKS}smart = true\n"))
    [disks] = [need for need in found if need.file == "disks.conf"]
    assert str(disks.path).endswith("/reveille-hostlooks@.service.d/disks.conf")
    wanted = [str(step) for step in plan.steps(program(tmp_path), load(tmp_path / "reveille.toml"))]
    assert [step for step in wanted if "disks.conf" in step] == [f"file {disks.path}"]


def test_no_step_is_there_twice(tmp_path: Path) -> None:
    """The second of two that make one user would fail."""
    steps = plan.steps(
        program(tmp_path), configuration(tmp_path, PAGE + DISKS + BROWSER + CALL + BACKUP)
    )
    said = [str(step) for step in steps]
    none(step for step in set(said) if said.count(step) > 1)
