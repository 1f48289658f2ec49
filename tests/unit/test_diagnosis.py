"""One cause for one failure."""

from __future__ import annotations

from checks.contract import Layer
from monitor import policies
from monitor.core.diagnosis import AttemptSummary, Diagnosis, Finding, diagnose
from monitor.core.failure import Case
from monitor.core.verdict import State

SILENT = Case(
    "sip-call", "prompt", "silent", "main-number", layer=Layer.PROMPT, text="no sound for 6 s"
)
PRI = Case("pri-snmp", "d-channel", "down", "pri-1", layer=Layer.LINE, text="LAPD layer 1")
UPLINK = Case("uplink", "reach", "timeout", "uplink", layer=Layer.UPLINK)
PORTAL = Case("portal", "open", "http:503", "agent-portal", "agent-portal")


def looked(
    check: str, layer: Layer, state: State = State.OK, text: str = ""
) -> tuple[AttemptSummary, None]:
    return AttemptSummary(check, layer, state, text), None


def failed(case: Case, text: str = "") -> tuple[AttemptSummary, Case]:
    return AttemptSummary(case.check, case.layer, State.FAILED, text), case


def test_a_failure_that_nothing_explains_is_its_own_cause() -> None:
    assert diagnose(SILENT) == Diagnosis(
        SILENT,
        (Finding(Layer.PROMPT, "main-number", State.FAILED, "prompt: silent, no sound for 6 s"),),
    )


def test_with_line_and_uplink_up_the_ivr_is_the_cause_and_findings_stand_from_the_ground() -> None:
    found = diagnose(
        SILENT, [looked("pri-1", Layer.LINE, text="4 spans up"), looked("uplink", Layer.UPLINK)]
    )
    assert found.cause is SILENT
    assert [(f.layer, f.check, f.state) for f in found.findings] == [
        (Layer.UPLINK, "uplink", State.OK),
        (Layer.LINE, "pri-1", State.OK),
        (Layer.PROMPT, "main-number", State.FAILED),
    ]
    assert (found.attached, found.unseen) == ((), ())


def test_the_lowest_failing_layer_is_the_cause_and_what_is_above_hangs_on_it() -> None:
    found = diagnose(
        SILENT, [failed(PRI), failed(UPLINK), failed(PORTAL), looked("pri-2", Layer.LINE)]
    )
    assert found.cause is UPLINK
    assert found.attached == ("main-number", "pri-1", "agent-portal")


def test_a_look_that_fails_above_the_failure_explains_nothing() -> None:
    found = diagnose(PRI, [failed(PORTAL)])
    assert (found.cause, found.attached) == (PRI, ("agent-portal",))


def test_a_look_at_the_same_layer_stands_below_because_the_configuration_says_so() -> None:
    options = Case("sip-options", "options", "timeout", "trunk", layer=Layer.PROMPT)
    found = diagnose(SILENT, [failed(options)])
    assert (found.cause, found.attached) == (options, ("main-number",))


def test_a_look_goes_by_the_layer_that_failed_not_by_the_highest_it_could_prove() -> None:
    call = Case("sip-call", "signalling", "timeout", "second-call", layer=Layer.SIGNALLING)
    found = diagnose(SILENT, [(AttemptSummary("second-call", Layer.AGENT, State.FAILED), call)])
    assert found.cause is call
    assert found.findings[0].layer is Layer.SIGNALLING


def test_what_could_not_be_looked_at_is_said_and_blamed_for_nothing() -> None:
    found = diagnose(SILENT, [looked("pri-1", Layer.LINE, State.UNKNOWN, "no route to 10.0.0.9")])
    assert (found.cause, found.unseen) == (SILENT, ("pri-1",))
    assert found.findings[0] == Finding(
        Layer.LINE, "pri-1", State.UNKNOWN, "could not be looked at: no route to 10.0.0.9"
    )


def test_a_degraded_look_is_a_finding_and_no_cause() -> None:
    found = diagnose(SILENT, [looked("pri-1", Layer.LINE, State.DEGRADED, "slips (3) <= 0")])
    assert found.cause is SILENT
    assert found.findings[0].text == "slips (3) <= 0"


def test_another_failure_beside_the_cause_does_not_hang_on_it() -> None:
    other = Case("pri-snmp", "d-channel", "down", "pri-2", layer=Layer.LINE)
    found = diagnose(SILENT, [failed(PRI), failed(other)])
    assert (found.cause, found.attached) == (PRI, ("main-number",))


def test_only_a_failed_look_can_be_the_cause_even_if_it_comes_with_a_case() -> None:
    assert (
        diagnose(SILENT, [(AttemptSummary("pri-1", Layer.LINE, State.UNKNOWN), PRI)]).cause
        is SILENT
    )


def test_a_check_that_is_listed_twice_hangs_on_the_cause_once() -> None:
    assert diagnose(SILENT, [failed(PRI), failed(UPLINK), failed(PRI)]).attached == (
        "main-number",
        "pri-1",
    )


def test_the_same_silence_is_three_different_tickets_by_what_lies_below() -> None:
    policy = policies.load("ozonetel")
    alone, line, ground = (
        diagnose(SILENT, looks) for looks in ([], [failed(PRI)], [failed(PRI), failed(UPLINK)])
    )
    assert [policy.classify(found.cause).issue.title for found in (alone, line, ground)] == [
        "PRI is up but IVR is not working",
        "PRI is down / flapping in the IDC",
        "internet is down / flapping in the IDC",
    ]
