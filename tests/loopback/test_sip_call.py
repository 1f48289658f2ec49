"""sip-call against far ends that nobody here wrote, SIPp and baresip: the right stage and fault,
and none passes.
"""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Layer
from checks.telephony.audio.sound import read_wav, write_wav
from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from tests.loopback.seen import ended
from tests.loopback.sipp.peer import alaw, attempt, baresip, joined, silence, sipp, speak
from tests.ports import free_port


class Prompts:
    """What the IVR says, and what it might say instead."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.welcome = speak(
            "Welcome to the contact centre in Pune. Your call matters to us.", folder, "welcome"
        )
        self.menu = speak("For sales press one. For the opening hours press two.", folder, "menu")
        self.closed = speak(
            "All of our lines are closed today, please call again on Monday.", folder, "closed"
        )
        self.quiet = silence(folder, 30)

    def stream(self, name: str, *parts: Path) -> Path:
        """The parts, then silence, for SIPp."""
        return alaw(self.folder, name, *parts, self.quiet)


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Prompts:
    return Prompts(tmp_path_factory.mktemp("prompts"))


def call(
    port: int, *script: dict[str, Any], account: dict[str, Any] | None = None, **settings: Any
) -> SipCall:
    line = Line.model_validate(
        {"name": "trunk", "registrar": f"127.0.0.1:{port}", **(account or {})}
    )
    return SipCall.model_validate({"line": line, "to": "8000", "script": script, **settings})


@pytest.mark.engine
async def test_an_answered_call_with_its_prompt_passes_and_leaves_its_evidence(
    tmp_path: Path, prompts: Prompts
) -> None:
    async with sipp(
        "answer", tmp_path / "peer", prompts.stream("welcome", prompts.welcome)
    ) as peer:
        seen = await attempt(
            call(peer.port, {"hear": str(prompts.welcome), "within": "6s"}), tmp_path / "seen"
        )
    assert ended(seen) is None
    stages = [stage.name for stage in seen.stages]
    assert stages == ["signalling", "ring", "answer", "media", "prompt", "hang-up"]
    assert seen.measures["answer_seconds"] < 0.5
    assert seen.measures["hear_1_seconds"] < 1.0
    assert seen.measures["rx_loss_percent"] == 0
    assert 4.0 < seen.measures["mos"] < 4.42
    assert -25 < seen.measures["rx_level_dbm0"] < -5
    assert set(seen.measures) <= set(call(peer.port, {"hear": str(prompts.welcome)}).measures())
    exhibits = {exhibit.name: exhibit.path for exhibit in seen.exhibits}
    assert set(exhibits) == {"call.wav", "ladder.txt", "timings.json", "rtp.json", "picture.json"}
    ladder = exhibits["ladder.txt"].read_text()
    assert (
        ladder.index("INVITE")
        < ladder.index("180 Ringing")
        < ladder.index("200 OK (INVITE)")
        < ladder.index("BYE")
    )
    with wave.open(str(exhibits["call.wav"])) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 8000)
        assert sound.getnframes() > 2 * 8000
    assert (
        json.loads(exhibits["rtp.json"].read_text())["call"]["rx_packets"]
        == seen.measures["rx_packets"]
    )
    assert "answered" in [
        event["event"] for event in json.loads(exhibits["timings.json"].read_text())["call"]
    ]
    assert not list((tmp_path / "seen").glob(".*")), "working files are left behind"


REFUSALS = [("busy", "sip:486", None), ("no-circuit", "sip:503/34", 34)]


@pytest.mark.engine
@pytest.mark.parametrize(("scenario", "code", "cause"), REFUSALS)
async def test_a_refusal_is_a_fault_of_the_answer_with_its_cause(
    tmp_path: Path, scenario: str, code: str, cause: int | None
) -> None:
    async with sipp(scenario, tmp_path / "peer") as peer:
        check = call(peer.port)
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == ("answer", code)
    assert seen.fault is not None
    assert seen.fault.origin == "far"
    assert seen.measures.get("q850_cause") == cause
    assert check.layer_of("answer") is Layer.SIGNALLING


@pytest.mark.engine
async def test_ringing_for_ever_is_a_timeout_of_the_answer_and_is_cancelled(tmp_path: Path) -> None:
    async with sipp("rings", tmp_path / "peer") as peer:
        seen = await attempt(call(peer.port, answer_within="1s"), tmp_path / "seen")
        assert "CANCEL sip:" in peer.messages()
        assert "487 Request Terminated" in peer.messages()
    assert ended(seen) == ("answer", "timeout")
    assert "it rang" in (seen.fault.text if seen.fault else "")
    assert seen.measures["ring_seconds"] < 0.5


@pytest.mark.engine
async def test_nobody_there_is_a_timeout_of_signalling(tmp_path: Path) -> None:
    seen = await attempt(call(free_port(), signalling_within="1s"), tmp_path / "seen")
    assert ended(seen) == ("signalling", "timeout")


@pytest.mark.engine
async def test_a_refused_connection_is_said_by_our_own_side(tmp_path: Path) -> None:
    check = call(free_port(), account={"transport": "tcp"})
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == ("signalling", "refused")
    assert seen.fault is not None
    assert seen.fault.origin == "local"


async def test_a_registrar_whose_name_does_not_resolve(tmp_path: Path) -> None:
    check = call(5060, account={"registrar": "no-such-host.invalid"})
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == ("signalling", "dns")


@pytest.mark.engine
async def test_early_media_is_kept_until_the_answer(tmp_path: Path, prompts: Prompts) -> None:
    async with sipp("early", tmp_path / "peer", prompts.stream("early", prompts.welcome)) as peer:
        seen = await attempt(
            call(peer.port, {"hear": str(prompts.welcome), "within": "2s"}), tmp_path / "seen"
        )
    assert ended(seen) is None
    assert 0.9 < seen.measures["answer_seconds"] < 2
    assert seen.measures["pdd_seconds"] < 0.5
    assert seen.measures["hear_1_seconds"] == 0, "the prompt began before the answer"


@pytest.mark.engine
async def test_a_script_may_begin_before_the_answer(tmp_path: Path, prompts: Prompts) -> None:
    async with sipp("early", tmp_path / "peer", prompts.stream("before", prompts.welcome)) as peer:
        seen = await attempt(
            call(peer.port, {"hear": str(prompts.welcome)}, early_media=True), tmp_path / "seen"
        )
    assert ended(seen) is None
    assert next(stage.seconds for stage in seen.stages if stage.name == "answer") < 0.5
    assert 0.9 < seen.measures["answer_seconds"] < 2


@pytest.mark.engine
async def test_an_answer_without_rtp_is_no_media(tmp_path: Path, prompts: Prompts) -> None:
    async with sipp("mute", tmp_path / "peer") as peer:
        seen = await attempt(
            call(peer.port, {"hear": str(prompts.welcome)}, media_within="1s"), tmp_path / "seen"
        )
    assert ended(seen) == ("media", "no-rtp")
    assert "mos" not in seen.measures


@pytest.mark.engine
async def test_rtp_from_another_address_than_the_sdp_says_is_told(
    tmp_path: Path, prompts: Prompts
) -> None:
    async with sipp(
        "elsewhere", tmp_path / "peer", prompts.stream("elsewhere", prompts.welcome)
    ) as peer:
        seen = await attempt(call(peer.port), tmp_path / "strict")
        anywhere = await attempt(call(peer.port, rtp_from="anywhere"), tmp_path / "anywhere")
    assert ended(seen) == ("media", "rtp-from-elsewhere")
    assert ended(anywhere) is None


@pytest.mark.engine
async def test_a_far_end_that_hangs_up_at_once_is_told_with_its_cause(
    tmp_path: Path, prompts: Prompts
) -> None:
    stream = prompts.stream("hangs-up", prompts.welcome)
    async with sipp("hangs-up", tmp_path / "peer", stream) as peer:
        seen = await attempt(call(peer.port, {"hear": str(prompts.welcome)}), tmp_path / "seen")
    stage, code = ended(seen) or ("", "")
    assert code == "early-hang-up"
    assert stage in ("media", "prompt")
    assert seen.measures["q850_cause"] == 41


@pytest.mark.engine
async def test_what_is_there_instead_of_the_prompt_is_told(
    tmp_path: Path, prompts: Prompts
) -> None:
    script = (
        {"hear": str(prompts.welcome), "within": "2s"},
        {"hear": str(prompts.menu), "within": "2s"},
    )
    expected = {
        "silent": ((prompts.quiet,), "silent"),
        "wrong": ((prompts.menu,), "wrong-prompt"),
        "unknown": ((prompts.closed,), "unknown-prompt"),
    }
    for name, (parts, code) in expected.items():
        async with sipp("answer", tmp_path / name, prompts.stream(name, *parts)) as peer:
            seen = await attempt(call(peer.port, *script), tmp_path / f"{name}-seen")
        assert ended(seen) == ("prompt", code), seen.fault
        if code == "wrong-prompt":
            assert seen.fault is not None
            assert "it was menu.wav" in seen.fault.text


@pytest.mark.engine
async def test_a_prompt_that_hardly_anybody_hears_or_that_breaks_off_is_told(
    tmp_path: Path, prompts: Prompts
) -> None:
    closed = read_wav(prompts.closed)
    soft, short = (tmp_path / f"{name}.wav" for name in ("soft", "short"))
    # 30 dB less is a voice that nobody hears; 7 of 10 parts are enough to recognise it by.
    write_wav(soft, closed * 10 ** (-30 / 20))
    write_wav(short, closed[: len(closed) * 7 // 10])
    hear = {"hear": str(prompts.closed), "within": "5s"}
    expected: dict[str, tuple[Path, dict[str, Any], tuple[str, str] | None]] = {
        "soft": (soft, hear, ("prompt", "too-quiet")),
        "short": (short, {**hear, "to_the_end": True}, ("prompt", "broken-off")),
        "short-and-enough": (short, hear, None),
        "whole": (prompts.closed, {**hear, "to_the_end": True}, None),
    }
    for name, (part, step, fault) in expected.items():
        async with sipp("answer", tmp_path / name, prompts.stream(f"q-{name}", part)) as peer:
            seen = await attempt(call(peer.port, step), tmp_path / f"{name}-seen")
        assert ended(seen) == fault, (name, seen.fault)
        assert fault or -30 < seen.measures["hear_1_level_dbm0"] < -10


@pytest.mark.engine
async def test_sound_that_stops_in_the_middle_is_no_wrong_prompt(
    tmp_path: Path, prompts: Prompts
) -> None:
    """A PBX that died says nothing about its menu: no packet comes any more."""
    broken_off = alaw(tmp_path, "broken-off", prompts.welcome)
    broken_off.write_bytes(broken_off.read_bytes()[: 8000 // 2])
    async with sipp("answer", tmp_path / "peer", broken_off, repeat=1) as peer:
        check = call(peer.port, {"hear": str(prompts.welcome), "within": "8s"})
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == ("media", "no-rtp"), seen.fault


@pytest.mark.engine
async def test_a_digit_that_changes_nothing_is_told(tmp_path: Path, prompts: Prompts) -> None:
    script = (
        {"hear": str(prompts.menu), "within": "3s"},
        {"press": "2"},
        {"hear": str(prompts.closed), "within": "3s"},
    )
    for name, parts in {"again": (prompts.menu, prompts.menu), "quiet": (prompts.menu,)}.items():
        async with sipp("answer", tmp_path / name, prompts.stream(f"dtmf-{name}", *parts)) as peer:
            seen = await attempt(call(peer.port, *script), tmp_path / f"{name}-seen")
        assert ended(seen) == ("prompt", "dtmf-ignored"), (name, seen.fault)


@pytest.mark.engine
async def test_a_call_over_tcp(tmp_path: Path, prompts: Prompts) -> None:
    stream = prompts.stream("tcp", prompts.welcome)
    async with sipp("answer", tmp_path / "peer", stream, transport="t1") as peer:
        check = call(peer.port, {"hear": str(prompts.welcome)}, account={"transport": "tcp"})
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None


@pytest.mark.engine
async def test_digest_is_answered_and_never_shown(tmp_path: Path, prompts: Prompts) -> None:
    (tmp_path / "password").write_text("a secret of ours\n")
    account = {"user": "monitor", "password": {"file": str(tmp_path / "password")}}
    async with sipp("digest", tmp_path / "peer", prompts.stream("digest", prompts.welcome)) as peer:
        check = call(peer.port, {"hear": str(prompts.welcome)}, account=account)
        seen = await attempt(check, tmp_path / "seen")
        assert "response=" in peer.messages()
        assert "Expires: 0" in peer.messages(), "the registration is taken back"
    assert ended(seen) is None
    assert seen.stages[0].name == "register"
    ladder = next(e.path for e in seen.exhibits if e.name == "ladder.txt").read_text()
    assert "(masked)" in ladder
    assert "response=" not in ladder
    shown = [
        ladder,
        *(e.path.read_text() for e in seen.exhibits if e.name.endswith(".json")),
        repr(seen),
    ]
    assert not any("a secret of ours" in text for text in shown)


@pytest.mark.engine
async def test_a_missing_password_says_nothing_of_the_far_end(tmp_path: Path) -> None:
    account = {"user": "monitor", "password": {"file": str(tmp_path / "none")}}
    seen = await attempt(call(free_port(), account=account), tmp_path / "seen")
    assert seen.fault is None
    assert "missing" in (seen.blind or "")


@pytest.mark.engine
async def test_baresip_answers_and_speaks(tmp_path: Path, prompts: Prompts) -> None:
    source = joined(tmp_path, "source", prompts.welcome, prompts.quiet)
    async with baresip(tmp_path / "peer", source) as port:
        check = call(
            port,
            {"hear": str(prompts.welcome), "within": "6s"},
            {"stay": "1s"},
            to="sip:agent@127.0.0.1:" + str(port),
        )
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None, seen.fault


@pytest.mark.engine
async def test_baresip_answers_and_says_nothing(tmp_path: Path, prompts: Prompts) -> None:
    async with baresip(tmp_path / "peer", prompts.quiet) as port:
        check = call(
            port,
            {"hear": str(prompts.welcome), "within": "2s"},
            to="sip:agent@127.0.0.1:" + str(port),
        )
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == ("prompt", "silent"), seen.fault
