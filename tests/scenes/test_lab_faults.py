"""Every fault of the practice centre, seen by real checks: never passed, and one ticket with the
right issue.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from checks.contract import Fault, Layer
from lab import FAULTS, Lab
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.core.verdict import State
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import Runner
from tests.scenes.web_faults import WEB

IVR, AGENTS, PRI, WEBRTC = "ivr-not-working", "calls-not-routing", "pri-down", "webrtc-not-working"
ELSEWHERE = {"mail-refused"}  # tests/scenes/test_daemon.py tells of it
ELSEWHERE |= {"echo"}  # tests/loopback/test_faults.py
# tests/loopback/test_call_control.py tells of these
ELSEWHERE |= {
    "hold-dead",
    "hold-silent",
    "one-way-after-resume",
    "mute-ignored",
    "keys-lost",
    "wrong-caller-id",
}
ELSEWHERE |= {"transfer-refused", "transfer-lost", "conference-split"}
ELSEWHERE |= {"recording-missing", "recording-short", "recording-silent", "recording-from-agent"}
ELSEWHERE |= {
    "dialer-dead",
    "dialer-refuses",
    "dialer-silent",
}  # tests/loopback/test_outbound_dialer.py
ELSEWHERE |= set(WEB)  # tests/scenes/test_lab_web.py


@dataclass(frozen=True)
class Expected:
    """Which check sees the fault, at which stage, with which code, and whose ticket it becomes."""

    check: str
    stage: str
    code: str
    issue: str
    layer: Layer = Layer.APPLICATION
    cause: str = ""


TABLE = {
    "trunk-refuses": Expected(
        "main-number", "answer", "sip:503/34", PRI, Layer.SIGNALLING, "trunk-options"
    ),
    "trunk-down": Expected(
        "main-number", "register", "timeout", PRI, Layer.SIGNALLING, "trunk-options"
    ),
    "busy": Expected("main-number", "answer", "sip:486/17", IVR, Layer.SIGNALLING),
    "rings-for-ever": Expected("main-number", "answer", "timeout", IVR, Layer.SIGNALLING),
    "answers-late": Expected(
        "main-number", "answer", "expected:answer_seconds", IVR, Layer.SIGNALLING
    ),
    "early-hang-up": Expected("main-number", "prompt", "early-hang-up", IVR, Layer.PROMPT),
    "no-rtp": Expected("main-number", "media", "no-rtp", IVR, Layer.MEDIA),
    "ivr-silent": Expected("main-number", "prompt", "silent", IVR, Layer.PROMPT),
    "wrong-prompt": Expected("main-number", "prompt", "unknown-prompt", IVR, Layer.PROMPT),
    "false-answer-ringback": Expected(
        "main-number", "media", "false-answer:ringback", IVR, Layer.MEDIA
    ),
    "false-answer-busy": Expected("main-number", "media", "false-answer:busy", IVR, Layer.MEDIA),
    "false-answer-congestion": Expected(
        "main-number", "media", "false-answer:congestion", PRI, Layer.MEDIA
    ),
    "false-answer-sit": Expected("main-number", "media", "false-answer:sit", PRI, Layer.MEDIA),
    "voicemail": Expected("main-number", "prompt", "voicemail", IVR, Layer.PROMPT),
    "fax": Expected("main-number", "prompt", "fax", IVR, Layer.PROMPT),
    "frozen": Expected("main-number", "prompt", "frozen", IVR, Layer.PROMPT),
    "choppy": Expected("main-number", "media", "choppy", IVR, Layer.MEDIA),
    "clipped": Expected("main-number", "media", "clipped", IVR, Layer.MEDIA),
    "dtmf-ignored": Expected("main-number", "prompt", "dtmf-ignored", IVR, Layer.PROMPT),
    "agent-not-reachable": Expected("main-number", "agent", "not-rung", AGENTS, Layer.AGENT),
    "one-way-to-agent": Expected("main-number", "talk", "one-way-to-agent", AGENTS, Layer.AGENT),
    "one-way-to-caller": Expected("main-number", "talk", "one-way-to-caller", AGENTS, Layer.AGENT),
    "webrtc-socket-down": Expected(
        "browser-call", "websocket", "http:503", WEBRTC, Layer.SIGNALLING
    ),
    "webrtc-register-refused": Expected(
        "browser-call", "register", "sip:403", WEBRTC, Layer.SIGNALLING
    ),
    "webrtc-ice-blocked": Expected("browser-call", "ice", "timeout", WEBRTC, Layer.MEDIA),
    "webrtc-no-media": Expected("browser-call", "srtp", "no-rtp", WEBRTC, Layer.MEDIA),
    "webrtc-one-way": Expected("browser-call", "echo", "not-heard", WEBRTC, Layer.AGENT),
    "webrtc-no-return": Expected(
        "agent-softphone", "reconnect", "sip:403", WEBRTC, Layer.SIGNALLING
    ),
    "webrtc-calls-lost": Expected("agent-softphone", "ring", "not-rung", WEBRTC, Layer.SIGNALLING),
    "chat-widget-missing": Expected("chat", "widget", "not-found", "chat-widget-not-working"),
    "chat-dead-socket": Expected("chat", "socket", "refused", "chat-widget-not-working"),
    "chat-silent": Expected("chat", "answer", "timeout", "chat-widget-not-working"),
    "agent-desk-blank": Expected("agent-desk", "login", "not-found", "agent-portal-down"),
    "agent-desk-login-broken": Expected("agent-desk", "login", "not-seen", "agent-portal-down"),
    "agent-desk-hangs": Expected("agent-desk", "login", "not-seen", "agent-portal-down"),
}


def test_no_fault_is_left_out() -> None:
    assert set(TABLE) == set(FAULTS) - ELSEWHERE


SICK = "the probe itself was sick"
SLOW = {
    "agent-desk-blank",
    "agent-desk-hangs",
    "chat-widget-missing",
    "chat-dead-socket",
    "webrtc-no-return",
}
"""in a browser of its own each: one of each kind of check is enough by default"""
SLOW |= {
    "answers-late",
    "rings-for-ever",
    "clipped",
    "voicemail",
    "fax",
    "false-answer-busy",
    "false-answer-ringback",
}
SLOW |= {
    "false-answer-congestion",
    "one-way-to-agent",
    "webrtc-one-way",
    "webrtc-register-refused",
    "webrtc-calls-lost",
}
"""ten seconds and more each; `./reveille bench faults` tells of them as well"""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[
                *[pytest.mark.slow] * (name in SLOW),
                # The one of them that is a call by pjsua2.
                *[pytest.mark.engine] * (TABLE[name].check == "main-number"),
                *[pytest.mark.browser] * (TABLE[name].check in ("agent-desk", "chat")),
            ],
        )
        for name in sorted(TABLE)
    ],
)
async def test_a_fault_of_the_lab_becomes_the_right_ticket(
    lab: Lab, configuration: Configuration, tmp_path: Path, name: str
) -> None:
    expected, clock = TABLE[name], SystemClock()
    lab.break_(name)
    with Ledger(":memory:") as ledger:
        rounds = Rounds(ledger, configuration, clock, Runner(clock, tmp_path / "exhibits"))
        entry = replace(configuration.checks[expected.check], confirm=1)
        seen = await rounds.look(Due(entry, "once"))
        for _ in range(3):
            if seen and any(reason.startswith(SICK) for reason in seen.verdict.reasons):
                seen = await rounds.look(
                    Due(entry, "once")
                )  # this machine had no time: not the lab's fault
        incidents = ledger.open_incidents()
    assert lab.pbx.mishaps == []
    assert seen is not None
    assert seen.verdict.state is State.FAILED, seen.observation.measures
    fault = seen.verdict.fault
    assert isinstance(fault, Fault)
    assert (fault.stage, fault.code) == (expected.stage, expected.code), fault.text
    assert entry.probe.layer_of(fault.stage) is expected.layer
    assert [incident.issue for incident in incidents] == [expected.issue]
    assert incidents[0].body["causes"] == [expected.cause or expected.check]


@pytest.mark.parametrize(
    "check",
    [pytest.param("main-number", marks=pytest.mark.engine), "trunk-options", "browser-call"],
)
async def test_a_healthy_centre_passes(
    configuration: Configuration, tmp_path: Path, check: str
) -> None:
    clock = SystemClock()
    with Ledger(":memory:") as ledger:
        rounds = Rounds(ledger, configuration, clock, Runner(clock, tmp_path / "exhibits"))
        seen = await rounds.look(Due(replace(configuration.checks[check], confirm=1), "once"))
        assert ledger.open_incidents() == []
    assert seen is not None
    assert seen.verdict.state is State.OK, seen.verdict.reasons
