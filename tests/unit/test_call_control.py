"""The words and numbers of call control: what a script may say of it, whose number it is, what a
recording holds.
"""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from checks.telephony.audio.sound import RATE, Samples
from checks.telephony.audio.sound_file import Unreadable, read
from checks.telephony.call.call_recording import VoiceLog
from checks.telephony.phone.rtp_counters import Meter
from checks.telephony.sip.caller_id import identities, is_it, number_of
from checks.telephony.sip.ladder import Message
from tests.unit.test_script import fault
from tests.unit.test_script import read as script

AGENT = {"agent": "agent-01"}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            [{"on-hold": "2s"}],
            "step 1 needs our agent in the call; put an { agent = ... } before it",
        ),
        ([{"mute": "2s", "by": "caller"}, AGENT], "step 1 needs our agent"),
        (
            [AGENT, {"transfer": "agent-01"}],
            "'agent-01' is reached twice; give each step an account of its own",
        ),
        (
            [AGENT, {"conference": "desk-01"}],
            'say how they meet: room = "8600" or code = "*36103#"',
        ),
        ([AGENT, {"conference": "desk-01", "room": "8600", "code": "*3#"}], "say how they meet"),
        (
            [{"transfer": "desk-01", "by": "caller"}, {"on-hold": "1s", "by": "caller"}],
            "step 2 needs the caller, whom",
        ),
        ([AGENT, {"mute": "1s"}], "greater than or equal to 1.5"),
        ([AGENT, {"on-hold": "0s"}], "greater than 0"),
        ([AGENT, {"collect": "12x"}], "should match pattern"),
        ([AGENT, {"transfer": "desk-01", "to": "sip:x@h?Replaces=1"}], "should match pattern"),
    ],
)
def test_what_cannot_be_done_to_a_call_is_refused(
    tmp_path: Path, steps: list[Any], said: str
) -> None:
    assert said in fault(tmp_path, *steps)


def test_a_caller_may_hold_and_transfer_any_far_end(tmp_path: Path) -> None:
    hold, transfer = script(
        tmp_path, {"on-hold": "2s", "by": "caller"}, {"transfer": "desk-01", "by": "caller"}
    )
    assert (hold.on_hold, hold.hears, transfer.attended, transfer.further.name) == (
        2.0,
        "anything",
        False,
        "desk-01",
    )


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ('"Asha" <sip:+918047486799@pbx.example.net;user=phone>;tag=1', "+918047486799"),
        ("sip:anonymous@anonymous.invalid", "anonymous"),
        ("<tel:+91-80-4748-6799;phone-context=x>", "+91-80-4748-6799"),
        ("<sip:pbx.example.net>", ""),
        ("nonsense", ""),
    ],
)
def test_the_number_in_an_address(value: str, number: str) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("presented", "expected", "same"),
    [
        ("+918047486799", "+91 80 4748-6799", True),
        ("+91-80-4748-6799", "+918047486799", True),
        ("08047486799", "*47486799", True),
        ("+918047486799", "918047486799", False),
        ("0000000000", "8000", False),
        ("monitor", "Monitor", True),
        ("", "8000", False),
    ],
)
def test_two_numbers_are_the_same(presented: str, expected: str, same: bool) -> None:
    assert is_it(presented, expected) is same


def test_who_calls_is_read_from_every_header_that_says_it() -> None:
    text = (
        "INVITE sip:x@h SIP/2.0\r\nf: <sip:1@h>;tag=a\r\nP-Asserted-Identity: <sip:2@h>\r\ni:"
        " abc\r\n\r\n"
    )
    found = identities(Message(0.0, "received", "UDP h:1", text))
    assert found == {
        "from": ["<sip:1@h>;tag=a"],
        "p-asserted-identity": ["<sip:2@h>"],
        "call-id": ["abc"],
    }


@pytest.mark.engine
def test_a_refer_names_the_call_that_is_taken_over() -> None:
    pytest.importorskip("pjsua2", reason="the engine is in an environment of its own here")
    from checks.telephony.phone.call_control import dialog_of, refer_to

    parties = "From: <sip:1@h>;tag=own\r\nTo: <sip:2@h>;x=1;tag=far"
    text = f"SIP/2.0 200 OK\r\nCall-ID: a@b;c\r\n{parties}\r\nCSeq: 1 INVITE\r\n\r\n"
    named = dialog_of(Message(0.0, "received", "UDP h:1", text))
    assert (
        refer_to("sip:2@h", named) == "<sip:2@h?Replaces=a%40b%3Bc%3Bto-tag%3Dfar%3Bfrom-tag%3Down>"
    )
    assert refer_to("sip:2@h", None) == "<sip:2@h>"


def counts(packets: int, empty: int) -> dict[str, Any]:
    names = ("rx_lost", "rx_discarded", "far_reports", "far_lost")
    return {
        "rx_packets": packets,
        "rx_empty": empty,
        "tx_packets": packets,
        "frame_ms": 20.0,
        **dict.fromkeys(names, 0),
    }


def test_what_a_digit_takes_the_place_of_is_no_loss() -> None:
    meter = Meter()
    meter.take(counts(100, 0), 10.0)
    meter.stood_in(10.1)
    assert meter.take(counts(112, 8), 10.25)["rx_empty"] == 0
    assert meter.take(counts(124, 10), 10.5)["rx_empty"] == 0
    assert meter.take(counts(200, 15), 12.0)["rx_empty"] == 5


# --- recordings


def tone(rate: int, hertz: float = 1000.0, seconds: float = 1.0) -> Samples:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


def pcm(rate: int, *channels: Samples) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.stack(channels, axis=1).astype("<i2").tobytes())
    return target.getvalue()


def loudest_hertz(samples: Samples) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples)))) * RATE / len(samples)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 48000])
def test_a_recording_of_any_rate_is_heard_at_8000(rate: int) -> None:
    heard = read(pcm(rate, tone(rate), tone(rate, 440.0)), "x.wav")
    assert heard.seconds == pytest.approx(1.0)
    assert [loudest_hertz(one) for one in heard.channels] == pytest.approx([1000, 440], abs=2)
    assert float(np.abs(heard.channels[0]).max()) == pytest.approx(8000, rel=0.1)


@pytest.mark.parametrize(
    "form", [["-e", "a-law"], ["-e", "u-law"], ["-b", "24"], ["-e", "floating-point", "-b", "32"]]
)
@pytest.mark.parametrize("kind", ["wav", "gsm", "vorbis"])
def test_a_recording_of_any_form_is_read(tmp_path: Path, form: list[str], kind: str) -> None:
    (tmp_path / "tone.wav").write_bytes(pcm(8000, tone(8000)))
    target = tmp_path / f"recording.{'ogg' if kind == 'vorbis' else kind}"
    subprocess.run(
        ["sox", tmp_path / "tone.wav", *(form if kind == "wav" else []), target], check=True
    )
    heard = read(target.read_bytes(), target.name)
    assert heard.seconds == pytest.approx(1.0, abs=0.05)
    assert loudest_hertz(heard.mixed) == pytest.approx(1000, abs=15)


def test_a_recording_that_is_still_being_written_is_read_as_far_as_it_is() -> None:
    whole = pcm(8000, tone(8000))
    unfinished = whole[:40] + b"\0\0\0\0" + whole[44 : 44 + 8000]
    assert read(unfinished, "x.wav").seconds == pytest.approx(0.5)


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF\0\0\0\0WAVE", b"<html>not found</html>", b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\1\0"],
)
def test_what_is_no_recording_is_said(content: bytes) -> None:
    with pytest.raises(Unreadable):
        read(content, "x.wav")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "say where the recording is to be found"),
        ({"file": "/a/*.wav", "url": "https://h/"}, "say where"),
        ({"file": "a/*.wav"}, "is no absolute path"),
        ({"url": "ftp://h/x"}, "is no address to fetch"),
        (
            {"file": "/a/{uniqueid}.wav"},
            "{uniqueid} means nothing here; there are {call_id}, {agent_call_id}",
        ),
        ({"file": "/a/{.wav"}, "a brace of its own is written twice"),
        (
            {"url": "https://h/", "headers": {"Authorization": "Bearer secret"}},
            "a secret is never written here",
        ),
    ],
)
def test_a_place_that_holds_no_recordings_is_refused(written: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        VoiceLog.model_validate(written)
    assert said in str(refused.value)
    assert "Bearer secret" not in str(refused.value)
