"""The manners of the command line: help where it is asked for, the nearest word where one is
unknown."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.injected_faults import FAULTS
from monitor.cli import main
from tests.house.source import ROOT
from tests.house.test_wheel import PROJECT

SITE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\nregion = "india"\n'


def typed(*words: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        try:
            code = main(words)
        except SystemExit as left:
            code = int(left.code or 0)
    return code, said.getvalue(), complained.getvalue()


@pytest.fixture
def site(tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "reveille.toml"
    file.write_text(SITE)
    return ("--config", str(file))


@pytest.mark.parametrize("words", [(), ("help",), ("--help",), ("--json",)])
def test_whoever_says_nothing_gets_the_help(words: tuple[str, ...]) -> None:
    code, said, complained = typed(*words)
    assert (code, complained) == (0, "")
    assert said.startswith("usage: reveille ")
    assert "check-config" in said


@pytest.mark.parametrize("verb", ["once", "tickets ack", "backup restore"])
def test_help_of_a_verb_is_what_the_verb_says_itself(verb: str) -> None:
    assert typed("help", *verb.split()) == typed(*verb.split(), "--help")
    assert typed("help", *verb.split())[0] == 0


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("chek-config", "there is no 'chek-config'; did you mean 'check-config'?"),
        ("help tikets", "there is no 'tikets'; did you mean 'tickets'?"),
        ("tickets akc RV-1", "there is no 'akc'; did you mean 'ack'?"),
        ("ack RV-1", "there is no 'ack'; did you mean 'tickets ack'?"),
        ("report show --format txt", "there is no 'txt'; did you mean 'text'?"),
        ("backup frobnicate", "there is no 'frobnicate'; there are list, drill, restore, image"),
        ("x" * 5000, "there is no 'xxxxx"),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest(words: str, hint: str) -> None:
    code, said, complained = typed(*words.split())
    assert (code, said) == (2, "")
    assert hint in complained
    assert len(complained) < 400


def test_what_is_wrong_otherwise_comes_with_the_usage() -> None:
    code, _, complained = typed("once")
    assert code == 2
    assert complained.startswith("usage: reveille once ")


def test_it_says_its_version() -> None:
    assert typed("--version") == (0, f"reveille {PROJECT['version']}\n", "")


def test_the_lab_lists_what_can_be_broken_in_it() -> None:
    code, said, _ = typed("lab", "--list")
    assert code == 0
    assert all(name in said and seen in said for name, seen in FAULTS.items())


def test_the_lab_lists_them_where_none_is_named() -> None:
    assert typed("lab", "--break") == typed("lab", "--list")


def test_the_lab_answers_an_unknown_fault_with_all_that_there_are() -> None:
    code, said, complained = typed("lab", "--break", "nonsense")
    assert (code, said) == (2, "")
    assert all(name in complained for name in FAULTS)
    assert "did you mean 'ivr-silent'?" in typed("lab", "--break", "ivr-silnt")[2]


@pytest.mark.parametrize("kind", ["sip-call", "mail"])
def test_the_reference_of_one_kind_is_of_that_kind_alone(kind: str) -> None:
    code, said, _ = typed("reference", kind)
    assert code == 0
    assert said.startswith(
        f'### [{"desks" if kind == "mail" else "checks"}.NAME] kind = "{kind}"\n'
    )
    assert said.count("### ") == 1
    assert typed("reference", "sip-cal")[::2] == (
        2, "reveille: there is no kind 'sip-cal'; did you mean 'sip-call'?\n",
    )  # fmt: skip


def test_explain_knows_its_kinds(site: tuple[str, ...]) -> None:
    code, _, complained = typed(*site, "explain", "--kind", "sip-cal", "--stage", "answer")
    assert (code, complained) == (
        2,
        "reveille: there is no kind 'sip-cal'; did you mean 'sip-call'?\n",
    )
    code, _, complained = typed(*site, "explain", "--kind", "foo")
    assert code == 2
    assert "there is no kind 'foo'; there are " in complained
    assert "webrtc-call" in complained


def test_explain_says_what_a_check_may_cost(tmp_path: Path) -> None:
    (file := tmp_path / "reveille.toml").write_text(
        f'{SITE}[lines.trunk-a]\nregistrar = "192.0.2.1"\nchannels = 3\ncalls_a_day = 40\n'
        'minutes_a_day = 30\nmay_dial = ["80*"]\n'
        '[checks.rush]\nkind = "burst"\nline = "trunk-a"\nto = "8000"\ncalls = 3\nat = ["03:00"]\n'
        '[checks.page]\nkind = "portal"\nurl = "http://192.0.2.1/"\nevery = "5m"\n'
    )
    code, said, _ = typed("--config", str(file), "explain", "rush")
    words = " ".join(said.split())
    assert code == 0
    assert "dials 3 calls an attempt to 8000 over trunk-a, at most " in words
    assert "trunk-a may at most 40 calls and 30 minutes in 24 hours, to 80*" in words
    assert max(len(line) for line in said.splitlines()) <= 79
    assert "dials" not in typed("--config", str(file), "explain", "page")[1]


def test_explain_refuses_what_no_check_says(site: tuple[str, ...]) -> None:
    known = ("explain", "--kind", "sip-call", "--stage", "answer", "--code", "sip:503")
    assert typed(*site, *known)[::2] == (0, "")
    for words, hint in (
        (("--stage", "anser"), "there is no stage 'anser'; did you mean 'answer'?"),
        (("--stage", "xyzzy"), "there is no stage 'xyzzy'; there are accounts, agent, "),
        (("--code", "no-rpt"), "there is no code 'no-rpt'; did you mean 'no-rtp'?"),
        (("--code", "baz"), "there is no code 'baz'"),
        (("--stage", "bar", "--code", "baz"), "there is no stage 'bar'"),
    ):
        code, said, complained = typed(*site, "explain", "--kind", "sip-call", *words)
        assert (code, said) == (2, "")
        assert hint in complained, complained


def test_explain_takes_the_steps_of_a_walk_and_the_names_that_a_kind_gives_its_stages(
    site: tuple[str, ...],
) -> None:
    for kind, stage in (("portal", "sign-in"), ("webrtc-call", "turn-udp"), ("api", "order")):
        assert typed(*site, "explain", "--kind", kind, "--stage", stage)[::2] == (0, "")


def test_explain_says_which_component_makes_no_difference(site: tuple[str, ...]) -> None:
    words = ("explain", "--kind", "portal", "--component", "agent-portl")
    code, said, complained = typed(*site, *words)
    assert code == 0 and said
    assert "names the component 'agent-portl'; did you mean 'agent-portal'?" in complained


def test_explain_takes_what_reveille_says_of_itself(site: tuple[str, ...]) -> None:
    code, said, _ = typed(*site, "explain", "--kind", "reveille", "--code", "monitor-is-blind")
    assert code == 0
    assert "the monitor is blind" in said


def test_in_a_folder_that_is_gone_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    code, _, complained = typed("status", "--config", "reveille.toml")
    assert (code, "has been removed; cd to" in complained) == (2, True)
    assert typed("help")[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_in_a_folder_of_anothers_the_systems_configuration_is_meant(tmp_path: Path) -> None:
    """As after `su` out of /root."""
    (tmp_path / "closed").mkdir(mode=0o700)
    code = (
        "import os; from monitor.command_line import parser; parser(); os.chdir('closed');"
        "os.setuid(65534); print(parser().parse_args([]).config)"
    )
    there = {**os.environ, "PYTHONPATH": str(ROOT)}
    there.pop("REVEILLE_CONFIG", None)
    tmp_path.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=there,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stdout.strip() == "/etc/reveille/reveille.toml", done.stderr[-500:]
