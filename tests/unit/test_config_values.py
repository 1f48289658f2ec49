"""What a good file comes to: frozen values with their defaults, paths and times worked out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import Field, model_validator

from checks.contract import Check, Layer, Trace
from checks.kinds import kinds
from checks.settings import Duration, Secret, Settings
from checks.telephony.sip_call import SipCall
from monitor import policies
from monitor.config import (
    Configuration,
    ConfigurationFaults,
    effective,
    json_schema,
    load,
    sample,
    whole_reference,
)
from monitor.config.reference.json_schema import shared_catalogue
from monitor.core.maintenance import active
from monitor.core.timetable import Daily, Every
from monitor.desks.mail import MailSettings

SITE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\nregion = "india"\n'
LINE = '[lines.trunk-a]\nregistrar = "sip.example.net"\n'
PORTAL = 'kind = "portal"\nurl = "https://example.net/"\n'


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


class Written:
    """A configuration file in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "reveille.toml"

    def load(self, text: str) -> Configuration:
        self.file.write_text(text, encoding="utf-8")
        return load(self.file)

    def faults(self, text: str) -> list[str]:
        with pytest.raises(ConfigurationFaults) as refused:
            self.load(text)
        return [str(fault) for fault in refused.value.faults]

    def warnings(self, text: str) -> list[str]:
        return [str(warning) for warning in self.load(text).warnings]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def test_a_check_comes_with_all_its_defaults(written: Written) -> None:
    entry = written.load(SITE + f"[checks.a]\n{PORTAL}").checks["a"]
    assert (entry.name, entry.probe.KIND, entry.at, entry.every, entry.timetable) == (
        "a",
        "portal",
        (),
        None,
        None,
    )
    assert (entry.confirm, entry.confirm_after, entry.recover, entry.recheck) == (2, 20.0, 2, 300.0)
    assert (entry.expect, entry.warn, entry.diagnose, entry.component, entry.grace) == (
        (),
        (),
        (),
        "",
        21600.0,
    )
    assert entry.limit == entry.probe.longest_seconds()


def test_at_and_every_become_timetables(written: Written) -> None:
    checks = written.load(
        SITE + f'[checks.a]\n{PORTAL}at = ["17:30", 08:30:00, "17:30"]\n[checks.b]\n{PORTAL}every ='
        ' "5m"\n'
    ).checks
    assert checks["a"].at == (time(8, 30), time(17, 30))
    assert checks["a"].timetable == Daily((time(8, 30), time(17, 30)), "Asia/Kolkata")
    grid = checks["b"].timetable
    assert isinstance(grid, Every)
    assert grid.seconds == 300.0
    assert checks["b"].every == 300.0


def test_a_check_holds_the_line_itself_with_its_name(written: Written) -> None:
    probe = (
        written.load(SITE + LINE + '[checks.a]\nkind = "sip-call"\nline = "trunk-a"\nto = "1"\n')
        .checks["a"]
        .probe
    )
    assert isinstance(probe, SipCall)
    assert (probe.line.name, probe.line.registrar) == ("trunk-a", "sip.example.net")
    assert probe.claims()[0].line == "trunk-a"


def test_nothing_can_be_changed_afterwards(written: Written) -> None:
    configuration = written.load(SITE)
    with pytest.raises(Exception, match="frozen"):
        configuration.site.name = "Poona"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        configuration.state = Path("/")  # type: ignore[misc]


def test_the_state_folder_is_the_written_one_else_systemds_else_the_usual(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert written.load('state = "kept"\n' + SITE).state == written.file.parent / "kept"
    assert written.load('state = "/srv/kept"\n' + SITE).state == Path("/srv/kept")
    assert written.load(SITE).state == Path("/var/lib/reveille")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/private/reveille:/var/lib/other")
    assert written.load(SITE).state == Path("/var/lib/private/reveille")


def test_relative_paths_count_from_the_file_wherever_one_stands(
    written: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mail.secret").write_text("hunter2\n", encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    desk = 'kind = "mail"\nhost = "mail.example.net"\nsender = "a@example.net"\nuser = "a"\n'
    desk += 'password = { file = "mail.secret" }'
    settings = written.load(SITE + f"[desks.mail]\n{desk}\n").desks["mail"]
    assert isinstance(settings, MailSettings)
    assert settings.password is not None
    assert settings.password.reveal() == "hunter2"


def test_maintenance_is_in_site_time(written: Written) -> None:
    windows = written.load(
        SITE + f'[checks.a]\n{PORTAL}[checks.b]\n{PORTAL}[[maintenance]]\nchecks = ["a"]\n'
        'daily = "23:00-01:00"\ndays = ["fri"]\nreason = "release"\n'
    ).maintenance
    friday_night = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)  # Saturday 00:30 in Pune
    holds = active(windows, "a", friday_night)
    assert holds is not None
    assert (holds.until, holds.reason) == (datetime(2026, 11, 20, 19, 30, tzinfo=UTC), "release")
    assert active(windows, "b", friday_night) is None


def test_a_missing_secret_is_a_warning_but_a_credential_only_where_systemd_gives_some(
    written: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = SITE + LINE + 'password = { credential = "trunk-a" }\n'
    assert not [warning for warning in written.warnings(text) if "trunk-a" in warning]
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    expected = (
        "lines.trunk-a.password: systemd credential 'trunk-a' is missing, empty or not readable"
    )
    assert [one for one in written.warnings(text) if one.startswith(expected)]
    (tmp_path / "trunk-a").write_text("hunter2", encoding="utf-8")
    assert not [one for one in written.warnings(text) if one.startswith(expected)]


def test_what_is_in_force_shows_defaults_and_of_a_secret_its_place(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNK", "hunter2")
    shown = effective(
        written.load(
            SITE + LINE + 'user = "u"\npassword = { environment = "TRUNK" }\n[checks.a]\nkind ='
            ' "sip-call"\nline = "trunk-a"\nto = "1"\nevery = "5m"\nexpect ='
            f' ["mos>=3.60"]\n[checks.b]\n{PORTAL}at = ["08:30"]\n[[maintenance]]\ndaily ='
            ' "02:00-03:00"\ndays = ["sun", "mon"]\n[audit]\nto = ["a@example.net"]\n'
        )
    )
    text = json.dumps(shown)
    assert "hunter2" not in text
    assert shown["lines"]["trunk-a"]["password"] == {"secret": "environment variable 'TRUNK'"}
    assert shown["checks"]["a"]["line"] == "trunk-a"
    assert (shown["checks"]["a"]["every"], shown["checks"]["a"]["answer_within"]) == ("5m", "30s")
    assert shown["checks"]["a"]["expect"] == ["mos >= 3.6"]
    assert shown["checks"]["b"]["at"] == ["08:30"]
    assert shown["maintenance"] == [
        {"checks": ["*"], "daily": "02:00-03:00", "days": ["mon", "sun"], "reason": ""}
    ]
    audit = {"at": "04:00", "to": ["a@example.net"], "checks": [], "asks": [], "grace": "12h"}
    assert shown["audit"] == audit


def test_a_fault_names_file_and_line_as_editors_want_it(written: Written) -> None:
    written.file.write_text(SITE + 'polcy = "ozonetel"\n', encoding="utf-8")
    with pytest.raises(ConfigurationFaults) as refused:
        load(written.file)
    hint = "site.polcy: there is no such key; did you mean 'policy'?"
    assert str(refused.value) == f"{written.file}:5: {hint}"


# ------------------------------------------------------------------------------------------ a kind
# of somebody else's


class Depth(Settings):
    metres: float = Field(gt=0)
    """how deep"""


class Well(Check):
    """Looks into a well."""

    KIND: ClassVar[str] = "well"
    LAYER: ClassVar[Layer] = Layer.LINE

    depth: Depth | Literal["unknown"] = "unknown"
    """its depth"""
    bucket: int | Literal["none"] = "none"
    """litres that the bucket holds"""
    names: tuple[str, ...] | str = ()
    """what it is called"""
    wait: Duration | Literal["for-ever"] = 5.0
    """how long to listen"""
    key_code: int = Field(default=1, le=9999)
    """opens the lid"""
    lids: Mapping[str, Depth] = Field(default_factory=dict)
    """lids by name"""
    password: Secret | None = None
    """opens the lid too"""

    @model_validator(mode="after")
    def _has_water(self) -> Well:
        if self.bucket == 13:
            raise ValueError("thirteen litres never come up; take another bucket")
        return self

    def measures(self) -> Mapping[str, str]:
        return {"echo_seconds": "shout until the echo"}

    async def probe(self, trace: Trace) -> None:
        trace.measure("echo_seconds", 1.0)


@pytest.fixture
def with_wells(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in ("check_tables", "reference.json_schema"):
        monkeypatch.setattr(f"monitor.config.{module}.kinds", lambda: {**kinds(), "well": Well})
    # It is read once in a process, and a process has its kinds from its beginning on.
    shared_catalogue.cache_clear()
    yield
    shared_catalogue.cache_clear()


@pytest.mark.usefixtures("with_wells")
def test_a_foreign_kind_is_read_like_ones_own(written: Written) -> None:
    entry = written.load(
        SITE + '[checks.a]\nkind = "well"\nbucket = 7\ndepth = { metres = 3 }\n'
    ).checks["a"]
    assert isinstance(entry.probe, Well)
    assert (entry.probe.bucket, entry.limit) == (7, 30.0)
    assert '### [checks.NAME] kind = "well"\n\nLooks into a well.' in whole_reference()
    assert "#[checks.well]" in sample()
    assert "checks.well" in json_schema()["$defs"]


@pytest.mark.usefixtures("with_wells")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'bucket = "seven"',
            ".bucket: a whole number or 'none' belongs here, not the text 'seven'",
        ),
        (
            "depth = { meters = 3 }",
            (
                ".depth.metres: is missing; how deep|.depth.meters: there is no such key; did you"
                " mean 'metres'?"
            ),
        ),
        ("depth = { metres = 0 }", ".depth.metres: 0 is too little; more than 0"),
        (
            "depth = 3",
            ".depth: a table or 'unknown' belongs here, not the number 3; its keys are metres",
        ),
        (
            "names = 3",
            (
                ".names: a list or a text belongs here, not the number 3; write it in quotes, as"
                ' in "3"'
            ),
        ),
        (
            'wait = "ever"',
            (
                ".wait: 'ever' is not a duration; write a number with its unit, as in '20s', '5m',"
                " '1h30m'"
            ),
        ),
        (
            "lids = { a = { metres = -1 }, b = 2 }",
            (
                ".lids.a.metres: -1 is too little; more than 0|.lids.b: a table belongs here, not"
                " the number 2; its keys are metres"
            ),
        ),
        ("bucket = 13", ": thirteen litres never come up; take another bucket"),
        (
            "password = 4711",
            (
                ".password: a secret is never written here; name where it is, as in "
                '{ credential = "NAME" }, { environment = "NAME" } or { file = "/path" }'
            ),
        ),
        ("key_code = 10000", ".key_code: 10000 is too much; at most 9999"),
    ],
)
def test_unions_tables_and_bounds_are_told_in_plain_words(
    written: Written, line: str, said: str
) -> None:
    assert written.faults(SITE + f'[checks.a]\nkind = "well"\n{line}\n') == [
        f"checks.a{one}" for one in said.split("|")
    ]


def test_an_own_policy_is_told_which_codes_take_less_than_they_did(
    written: Written, tmp_path: Path
) -> None:
    shipped = (Path(policies.__file__).parent / "xop.toml").read_text(encoding="utf-8")
    older = "process-missing|unreachable|closed|"
    (tmp_path / "ours.toml").write_text(
        shipped.replace("|unreachable|refused|dns|closed|", "|unreachable|closed|")
    )
    ours = SITE + f'policy = "./ours.toml"\n[checks.a]\n{PORTAL}'
    assert older in (tmp_path / "ours.toml").read_text(encoding="utf-8")
    told = [
        warning for warning in written.warnings(ours) if "some checks now call refused" in warning
    ]
    assert len(told) == 1 and 'write "unreachable|refused"' in told[0]
    (tmp_path / "ours.toml").write_text(shipped, encoding="utf-8")
    assert not [warning for warning in written.warnings(ours) if "some checks now call" in warning]
