"""A first hour: `reveille init` asks or takes options, and what it writes tells somebody."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from checks.kinds import kinds
from monitor import policies
from monitor.cli import main
from monitor.config import load
from monitor.config.reference.markdown import index, reference_of
from monitor.config.reference.sample_sections import example_of
from monitor.desks.list import desk_kinds
from tests.unit.marked_kinds import marked

ANSWERS = (
    *("--site", "Pune", "--zone", "Asia/Kolkata"),
    *("--to", "ops@example.net", "--relay", "127.0.0.1"),
)
ROOT = Path(__file__).parents[2]
SITE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\n'


def typed(*words: str) -> tuple[int, str, str]:
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        try:
            code = main(words)
        except SystemExit as left:
            code = int(left.code or 0)
    return code, said.getvalue(), complained.getvalue()


@pytest.mark.parametrize("policy", policies.shipped())
def test_it_is_read_in_two_minutes_and_tells_somebody(tmp_path: Path, policy: str) -> None:
    file = tmp_path / "new" / "folder" / "reveille.toml"
    umask = os.umask(0o077)
    try:
        code, said, _ = typed("--config", str(file), "init", *ANSWERS, "--policy", policy)
    finally:
        os.umask(umask)
    assert (code, stat.S_IMODE(file.stat().st_mode)) == (0, 0o644)
    text = file.read_text(encoding="utf-8")
    # 200 words a minute is what people read on a screen.
    assert len(text.split()) < 300 and len(text.splitlines()) < 60
    assert max(map(len, text.splitlines())) <= 100
    found = load(file)
    assert found.desks_taking("people") and [one.mail for one in found.people]
    assert found.audit and found.audit.to == ("ops@example.net",)
    assert [one.path for one in found.warnings] == ["people"]
    assert "reveille reference" in text and "check-config" in said
    assert all(role in text for role in policies.load(policy).roles if role != "operators")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--zone", "IST"), "--zone: site.timezone: there is no time zone 'IST'; an abbreviation"),
        (("--zone", "EST"), "--zone: site.timezone: 'EST' has no summer time"),
        (("--region", "europe"), "--region: site.region: policy 'ozonetel' knows no region"),
        (("--policy", "ozontel"), "--policy: site.policy: no policy is called 'ozontel'; did you"),
        (("--to", "ops"), "--to: people[1].mail: 'ops' is no mail address"),
        (("--to", "leader=a@b.c"), "--to: people[1].role: no ladder of policy 'ozonetel' tells"),
        (("--relay", "smtp://x"), "--relay: desks.mail.host: 'smtp://x' begins with a scheme"),
        (("--relay", "${RELAY}"), "--relay: desks.mail.host: '${RELAY}' has a shell's variable"),
        (("--sender", "reveille"), "--sender: desks.mail.sender: 'reveille' is not a mail"),
        (("--site", ""), "reveille: nobody would be told of anything; give --site NAME"),
    ],
)
def test_a_wrong_answer_is_told_by_its_option_and_nothing_is_written(
    tmp_path: Path, more: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, _, complained = typed("--config", str(tmp_path / "r.toml"), "init", *ANSWERS, *more)
    assert code == 2 and said in complained, complained
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("relay", "written"),
    [
        ("127.0.0.1", 'host = "127.0.0.1"\ntls = "none"'),
        ("[::1]:2525", 'host = "::1"\nport = 2525\ntls = "none"'),
        ("2001:db8::1", 'host = "2001:db8::1"\ntls = "starttls"'),
        ("mx.example.net:465", 'host = "mx.example.net"\nport = 465\ntls = "tls"'),
        ("mx.example.net", 'host = "mx.example.net"\ntls = "starttls"'),
    ],
)
def test_how_the_mail_server_is_spoken_to(tmp_path: Path, relay: str, written: str) -> None:
    file = tmp_path / "r.toml"
    assert typed("--config", str(file), "init", *ANSWERS, "--relay", relay)[0] == 0
    assert written in file.read_text(encoding="utf-8")


def test_on_a_terminal_it_asks_until_the_answer_is_right(tmp_path: Path) -> None:
    """A real terminal: a pseudo-terminal pair, and the program on its other side."""
    file = tmp_path / "r.toml"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "monitor.cli", "--config", str(file), "init"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT) as asked:
        os.close(theirs)
        os.write(ours, b"Pune\nIST\nAsia/Kolkata\n\nindia\nops\nops@example.net\n\n")
        seen = b""
        # Linux ends a pseudo-terminal whose other side is gone with EIO (pty(7)).
        with contextlib.suppress(OSError):
            while more := os.read(ours, 4096):
                seen += more
    os.close(ours)
    assert asked.returncode == 0, seen.decode()
    assert b"there is no time zone 'IST'" in seen and b"'ops' is no mail address" in seen
    found = load(file)
    assert (found.site.name, found.site.timezone) == ("Pune", "Asia/Kolkata")
    assert (found.site.region, found.people[0].mail) == ("india", "ops@example.net")


def test_what_a_lab_wrote_is_taken_over(tmp_path: Path) -> None:
    lab, file = tmp_path / "lab", tmp_path / "r.toml"
    words = ("--config", str(file), "init", "--from-lab", str(lab))
    code, _, complained = typed(*words)
    assert code == 2 and f"no lab has run in {lab}" in complained
    lab.mkdir()
    (lab / "reveille.toml").write_text(SITE, encoding="utf-8")
    assert typed(*words)[0] == 0
    assert file.read_text(encoding="utf-8") == SITE


def test_the_index_has_a_line_for_each_in_a_small_terminal() -> None:
    lines = index(70).splitlines()
    assert max(map(len, lines)) <= 70
    for name in (*kinds(), *desk_kinds(), "site", "people", "defaults"):
        assert any(line.startswith(f"  {name} ") and len(line.split()) > 2 for line in lines), name


@pytest.mark.parametrize("name", ["portal", "sip-call", "mail", "pri-snmp", "site", "hygiene"])
def test_one_of_them_fits_a_small_terminal(name: str) -> None:
    page = reference_of(name, 70)
    prose = [line for line in page.splitlines() if not line.lstrip().startswith("`")]
    kind = kinds().get(name) or desk_kinds().get(name)
    in_examples = example_of(kind) if kind else ""
    wide = [line for line in prose if len(line) > 70 and line not in in_examples]
    assert wide == []
    for odd in ("5e+0", "599s", "e+"):
        assert odd not in page


@pytest.mark.parametrize("kind", [*marked(), *desk_kinds()])
def test_the_example_of_each_kind_is_good_as_it_stands(tmp_path: Path, kind: str) -> None:
    shown = reference_of(kind).split("```")[1].removeprefix("toml\n")
    file = tmp_path / "reveille.toml"
    file.write_text(SITE + shown, encoding="utf-8")
    found = load(file)
    made = {entry.probe.KIND for entry in found.checks.values()}
    assert kind in made | {desk.KIND for desk in found.desks.values()}
    # Whom it tells is the site's; that a file is not there is this host's.
    of_the_example = [
        one
        for one in found.warnings
        if one.path not in ("people", "desks", "checks")
        and not any(words in one.wrong for words in ("there is no file", "nobody in [[people]]"))
    ]
    assert of_the_example == []
