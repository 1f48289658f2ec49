"""Every code that a fault can have, as a sentence: there is a template for it, it names what was
looked at and what was measured, it is plain English, and its code stands behind it in brackets.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.contract import Fault, Observation
from checks.fault_codes import CODES, FAMILIES
from checks.kinds import kinds
from monitor.config import load, write_sample
from monitor.core.incident import Evidence
from monitor.core.verdict import Expectation, fault_of, judge
from monitor.incidents.fault_words import evidence_words
from reports.fault_sentence import GENERIC, FaultSeen, template_of
from reports.render import fault_sentence, fault_templates

KINDS = tuple(kinds())
TARGET, SAID = "8000 at sip.example.net", "4.1 s of it, and welcome.wav was expected"
QUOTED = {
    "sip:": ("503/34", "Service Unavailable"),
    "http:": ("503", "Service Unavailable"),
    "smtp:": ("550", "No such user here"),
    "imap:": ("no", "LOGIN failed"),
    "dns:": ("servfail", "portal.example.net A"),
    "stun:": ("400", "Bad Request"),
    "turn:": ("401", "Unauthorized"),
    "alarm:": ("los", "span 1"),
    "false-answer:": ("busy", "busy tone of India for 4 s"),
    "tone:": ("busy", "busy tone of India for 4 s"),
    "expected:": ("answer_seconds", "answer_seconds (6.2) <= 4"),
}
"""one code of each family, with what a far end says with it"""
_KEY = re.compile(r"(?:[a-z0-9-]+/)?[a-z0-9-]+:?|\*")


def seen(code: str, kind: str = "sip-call", stage: str = "prompt", said: str = SAID) -> FaultSeen:
    return FaultSeen(kind, stage, code, said, TARGET, "main-number")


def narrowed(code: str) -> list[tuple[str, str]]:
    """Kinds and stages for which a code has a template of its own, else a plain call's."""
    found = [name.split("/")[0] for name in fault_templates() if name.endswith(f"/{code}")]
    return [(one, "any") if one in KINDS else ("sip-call", one) for one in found]


def is_one_plain_sentence(sentence: str, code: str) -> None:
    said, _, bracket = sentence.rpartition(". (")
    assert bracket == f"{code})"
    assert said[0].isupper()
    assert "_" not in said
    assert not re.search(r"[{}%]|\bNone\b|Undefined|  |: \.|\.\.", said)
    assert ". " not in said.replace(SAID, "")


def test_every_code_has_a_template_of_its_own() -> None:
    names = set(fault_templates())
    whole = {name.split("/")[-1] for name in names}
    assert sorted(code for code in (*CODES, *FAMILIES) if code not in whole) == []


def test_no_template_waits_for_a_code_that_nobody_says() -> None:
    known = {*CODES, *FAMILIES, GENERIC}
    assert not [name for name in fault_templates() if name.split("/")[-1] not in known]
    assert all(_KEY.fullmatch(name) for name in fault_templates())


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_says_what_happened_of_what_and_how_much(code: str) -> None:
    for kind, stage in [*narrowed(code), *(("sip-call", "prompt"),) * (code in fault_templates())]:
        sentence = fault_sentence(seen(code, kind, stage))
        assert TARGET in sentence
        assert SAID in sentence
        is_one_plain_sentence(sentence, code)
        assert template_of(seen(code, kind, stage), fault_templates())[0] != GENERIC


@pytest.mark.parametrize("family", FAMILIES)
def test_a_quoted_code_has_the_words_of_who_is_quoted(family: str) -> None:
    detail, said = QUOTED[family]
    for stage in ("answer", "register", "transfer"):
        sentence = fault_sentence(seen(family + detail, stage=stage, said=said))
        assert TARGET in sentence
        is_one_plain_sentence(sentence, family + detail)
        assert said in sentence or (family == "expected:" and "6.2 s" in sentence)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["", TARGET])
def test_every_kind_has_a_subject(kind: str, target: str) -> None:
    fault = FaultSeen(kind, "connect", "bad-peer", "an HTTP answer", target, "main-number")
    sentence = fault_sentence(fault)
    is_one_plain_sentence(sentence, "bad-peer")
    assert (target or "of the check main-number does not speak") in sentence


def test_the_sentences_as_people_read_them() -> None:
    assert fault_sentence(seen("sip:503/34", stage="answer", said="Service Unavailable")) == (
        "The number 8000 at sip.example.net refused the call: 503 Service Unavailable. (sip:503/34)"
    )
    assert fault_sentence(seen("sip:486", said="")).endswith(
        "refused the call: 486 Busy Here. (sip:486)"
    )
    assert fault_sentence(seen("expected:answer_seconds", said="answer_seconds (6.2) <= 4")) == (
        "The number 8000 at sip.example.net was worse than agreed: answer 6.2 s, where at most"
        " 4.0 s is expected. (expected:answer_seconds)"
    )
    several = "mos (2.1) >= 3.6; rx_loss_percent (8) <= 2"
    assert fault_sentence(seen("expected:mos", said=several)) == (
        "The number 8000 at sip.example.net was worse than agreed: mos 2.1, where at least 3.6 is"
        " expected; rx loss 8.0 %, where at most 2.0 % is expected. (expected:mos)"
    )
    assert fault_sentence(seen("silent", said="nothing for 6.0 s.")) == (
        "The number 8000 at sip.example.net answered, and callers hear silence: nothing for 6.0 s."
        " (silent)"
    )


def test_a_check_that_has_left_is_called_by_its_name(tmp_path: Path) -> None:
    write_sample(file := tmp_path / "reveille.toml")
    configuration = load(file)
    reasons = ("answer: sip:486/17, Busy Here; Q.850 cause 17, user busy", "mos (2.1) >= 3.6")
    there = Evidence(check="main-number", kind="sip-call", reasons=reasons)
    assert evidence_words(configuration, there) == (
        "The number 8000 at sip.example.net refused the call: 486 Busy Here; Q.850 cause 17, user"
        " busy. (sip:486/17)"
    )
    gone = replace(there, check="old-number")
    assert evidence_words(configuration, gone).startswith(
        "The number of the check old-number refused the call: 486 Busy Here;"
    )
    another = replace(there, kind="portal", reasons=("open: refused, Connection refused",))
    assert evidence_words(configuration, another) == (
        "The page of the check main-number takes no connection, nobody listens there: Connection"
        " refused. (refused)"
    )
    assert evidence_words(configuration, replace(there, reasons=("3 in a row",))) == "3 in a row"
    assert evidence_words(configuration, replace(there, reasons=())) == ""


@given(
    kind=st.sampled_from([*KINDS, "outsiders-kind"]),
    stage=st.text(max_size=20),
    code=st.text(min_size=1, max_size=30),
    said=st.text(max_size=400),
    target=st.text(max_size=80),
)
def test_whatever_an_outsider_says_has_words(
    kind: str, stage: str, code: str, said: str, target: str
) -> None:
    sentence = fault_sentence(FaultSeen(kind, stage, code, said, target, "theirs"))
    assert sentence
    assert "\n" not in sentence


@given(
    stage=st.from_regex(r"[a-z][a-z-]{0,12}", fullmatch=True),
    code=st.sampled_from([*sorted(CODES), "sip:503/34", "http:503", "alarm:los"]),
    text=st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    local=st.booleans(),
)
def test_a_fault_is_found_again_in_the_reasons_that_were_kept(
    stage: str, code: str, text: str, local: bool
) -> None:
    fault = Fault(stage, code, text, "local" if local else "far")
    assert fault_of(judge(Observation(fault=fault)).reasons) == fault


def test_a_broken_expectation_is_found_again() -> None:
    expected = [Expectation.parse("answer_seconds <= 4"), Expectation.parse("mos >= 3.6")]
    verdict = judge(Observation(measures={"answer_seconds": 6.2, "mos": 2.1}), expected)
    again = fault_of(verdict.reasons)
    assert again is not None
    assert verdict.fault is not None
    assert (again.code, again.text) == (verdict.fault.code, verdict.fault.text)
    assert fault_of(("the process was killed",)) is None
    assert fault_of(()) is None
