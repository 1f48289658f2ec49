"""What people write of an analysis, and what they type for it and for a maintenance: read exactly,
or refused with what would be right.
"""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.cli import main
from monitor.ledger import Ledger
from reports.rca import SECTIONS, FormFault, read_form
from reports.render import render_rca_form
from tests.unit.sample_ticket import analysis

SITE = """state = "state"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
[checks.slow]
kind = "nagios-plugin"
command = ["/bin/true"]
"""


def typed(*words: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        code = main(words)
    return code, said.getvalue(), complained.getvalue()


@pytest.fixture
def site(tmp_path: Path) -> tuple[str, str]:
    """One whose daemon has run, and does not now."""
    (tmp_path / "state").mkdir()
    (tmp_path / "reveille.toml").write_text(SITE, encoding="utf-8")
    with Ledger(tmp_path / "state" / "ledger.sqlite") as ledger, ledger.transaction() as t:
        t.happened(None, datetime(2026, 11, 23, tzinfo=UTC), "started", {})
    return "--config", str(tmp_path / "reveille.toml")


LINES = st.lists(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs"))), max_size=4
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(list(SECTIONS)), LINES, max_size=5))
def test_what_was_written_is_read_again_out_of_its_own_form(lines: dict[str, list[str]]) -> None:
    said = {
        name: "\n".join(line for line in text if line[:1] not in ("#", "=")).strip()
        for name, text in lines.items()
    }
    written = {name: "\n".join(text.splitlines()) for name, text in said.items()}
    form = "".join(f"== {SECTIONS[name]} ==\n{text}\n" for name, text in written.items())
    assert read_form(form) == written


def test_the_form_that_an_editor_is_opened_on_says_what_was_written_so_far() -> None:
    rca = analysis(written={"cause": "A full disk.\nSince May."})
    assert read_form(render_rca_form(rca)) == {**dict.fromkeys(SECTIONS, ""), **rca.written}


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("== Cuase ==\nx", "line 1: there is no part 'Cuase'; known are Cause, Extent"),
        ("it was the disk", "line 1: begin with a heading, as in '== Cause =='"),
        ("== Cause ==\nx\n== Cause ==\ny", "line 3: 'Cause' is there twice"),
        ("== Cause ==\n" + "x" * 20_001, "'Cause' has 20001 signs; at most 20000"),
    ],
)
def test_a_form_that_is_none_says_where_and_what_would_be_right(form: str, why: str) -> None:
    with pytest.raises(FormFault, match=why):
        read_form(form)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("1h", "slo", "--why", "x"), "there is no [checks.slo]; did you mean 'slow'?"),
        (("1h", "--why", "x"), "name the checks that it hides"),
        (("1h", "slow", "--all", "--why", "x"), "name the checks that it hides"),
        (("soon", "slow", "--why", "x"), "'soon' is not a duration"),
        (("30d", "slow", "--why", "x"), "is not between a minute and 7 days"),
        (("1h", "slow", "--why", " "), "say why"),
    ],
)
def test_a_maintenance_that_cannot_begin_says_why(
    site: tuple[str, str], words: tuple[str, ...], why: str
) -> None:
    code, said, complained = typed(*site, "maintenance", "start", *words)
    assert (code, said) == (2, "")
    assert why in complained


def test_a_maintenance_stops_by_its_number_where_several_run(site: tuple[str, str]) -> None:
    assert "no maintenance that a person has begun" in typed(*site, "maintenance", "stop")[2]
    for name in ("slow", "s*"):
        assert typed(*site, "maintenance", "start", "2h", name, "--why", "firmware")[0] == 0
    assert "say which one ends: 2 (s*), 1 (slow)" in typed(*site, "maintenance", "stop")[2]
    assert "no maintenance '7' is under way" in typed(*site, "maintenance", "stop", "7")[2]
    assert typed(*site, "maintenance", "stop", "1")[0] == 0
    code, said, _ = typed(*site, "maintenance", "list")
    assert code == 0
    assert [line.split()[:2] for line in said.splitlines() if line.startswith("#")] == [
        ["#2", "running"],
        ["#1", "over"],
    ]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("rca", "show", "RV-9"), "there is no ticket RV-9"),
        (("rca", "send", "nine"), "'nine' is no ticket number"),
        (("rca", "wait", "RV-9", "logs"), "there is no ticket RV-9"),
        (("rca", "edit", "RV-9", "--from", "/nowhere/form"), "No such file"),
        (("rca", "write", "RV-9", "--text", "== Cause ==\nx"), "there is no ticket RV-9"),
        (("tickets", "open", "--issue", "ivr", "--text", "x"), "no issue 'ivr'"),
        (("tickets", "open", "--change", "--text", " "), "say what it is about"),
        (("tickets", "open", "--change", "--text", "x", "--severity", "P0"), "goes with --issue"),
    ],
)
def test_what_cannot_be_done_says_why(
    site: tuple[str, str], words: tuple[str, ...], why: str
) -> None:
    code, said, complained = typed(*site, *words)
    assert (code, said) == (2, "")
    assert why in complained
