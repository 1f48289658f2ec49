"""Levels, tones, the nonce challenge, voice quality and the ladder's text."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from checks.telephony.audio import nonce, nonce_sound
from checks.telephony.audio.recording import Recording
from checks.telephony.audio.sound import (
    FRAME,
    RATE,
    Samples,
    active_level_dbm0,
    is_silent,
    level_dbm0,
    read_wav,
    write_wav,
)
from checks.telephony.audio.tones import in_words, listen
from checks.telephony.sip.ladder import Ladder, parse_log
from lab import prompts

RANDOM = np.random.default_rng(850)


def sine(*frequencies: float, seconds: float = 1.0, peak: float = 8000.0) -> Samples:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.asarray(
        np.sum([peak * np.sin(2 * np.pi * f * time) for f in frequencies], axis=0), dtype=np.float32
    )


def through_a_law(sound: Samples) -> Samples:
    """What A-law leaves of it (ITU-T G.711, A = 87.6, as the smooth curve with 8 bits)."""
    share, a = np.clip(sound / 32768, -1, 1), 87.6
    size = np.abs(share)
    bent = np.where(size < 1 / a, a * size, 1 + np.log(np.maximum(a * size, 1))) / (1 + np.log(a))
    coarse = np.round(bent * 127) / 127 * (1 + np.log(a))
    back = np.where(coarse < 1, coarse / a, np.exp(coarse - 1) / a)
    return np.asarray(np.sign(share) * back * 32768, dtype=np.float32)


def test_a_full_scale_sine_is_3_14_dbm0() -> None:
    assert level_dbm0(sine(1020, peak=32767)) == pytest.approx(3.14, abs=0.01)
    assert level_dbm0(sine(1020, peak=32767 / 10)) == pytest.approx(-16.86, abs=0.01)
    assert level_dbm0(np.zeros(RATE, dtype=np.float32)) == -96


def test_the_active_level_leaves_the_pauses_out() -> None:
    speech = np.concatenate((sine(500), np.zeros(3 * RATE, dtype=np.float32)))
    assert active_level_dbm0(speech) == pytest.approx(level_dbm0(sine(500)), abs=0.1)


def test_silence_allows_a_click_and_comfort_noise_but_no_word() -> None:
    quiet = RANDOM.normal(0, 10, 4 * RATE).astype(np.float32)
    assert is_silent(quiet)
    quiet[1000:1080] = 20000
    assert is_silent(quiet)
    quiet[8000:12000] += sine(400, seconds=0.5, peak=2000)
    assert not is_silent(quiet)


def tone_in(samples: Samples) -> tuple[int, ...]:
    """The frequencies (Hz) that most of what sounds consists of; () for none."""
    heard = listen(samples)
    longest: Counter[tuple[int, ...]] = Counter()
    for run in heard.runs:
        longest[run.frequencies] += round(1000 * run.seconds)
    return longest.most_common(1)[0][0] if heard.share >= 0.6 else ()


@pytest.mark.parametrize("frequencies", [(425,), (440, 480), (350, 440), (480, 620), (1400,)])
def test_call_progress_tones_are_tones(frequencies: tuple[int, ...]) -> None:
    cadence = np.concatenate((sine(*frequencies), np.zeros(RATE, dtype=np.float32)) * 2)
    found = tone_in(through_a_law(cadence))
    assert found == pytest.approx(frequencies, abs=12)
    assert in_words((430, 480)) == "a tone of 430+480 Hz"


def test_speech_and_noise_are_no_tones() -> None:
    for name in ("welcome", "menu", "opening-hours"):
        assert tone_in(read_wav(prompts.FOLDER / f"{name}.wav")) == ()
    assert tone_in(RANDOM.normal(0, 3000, RATE).astype(np.float32)) == ()


def said(
    drawn: nonce.Nonce, seconds: float = 2.1, before: int = 1111, joined: int = 2345
) -> Samples:
    """A nonce, joined at some odd moment, after a little silence."""
    rounds = np.tile(nonce_sound.sound_of(drawn), 2)
    return np.concatenate(
        (np.zeros(before, dtype=np.float32), rounds[joined : joined + int(seconds * RATE)])
    )


def test_a_nonce_is_heard_through_g711_with_loss_and_noise() -> None:
    for seed in range(20):
        drawn = nonce.make(random.Random(seed))
        sound = through_a_law(said(drawn) * 0.2)
        kept = np.repeat(RANDOM.random(len(sound) // FRAME + 1) >= 0.05, FRAME)[: len(sound)]
        spoilt = (sound * kept + RANDOM.normal(0, 30, len(sound))).astype(np.float32)
        assert nonce_sound.Listener(drawn, 0).hear(spoilt) is not None, seed


def test_a_nonce_is_not_taken_for_another_nor_speech_for_one() -> None:
    drawn = nonce.make(random.Random(0))
    for seed in range(1, 20):
        assert nonce_sound.Listener(drawn, 0).hear(said(nonce.make(random.Random(seed)))) is None
    for name in ("welcome", "menu", "opening-hours"):
        listener = nonce_sound.Listener(drawn, 0)
        assert listener.hear(read_wav(prompts.FOLDER / f"{name}.wav")) is None
        assert listener.best() <= 3
        assert not listener.somebody(), "speech is nobody's nonce"


def test_another_nonce_is_known_for_a_nonce() -> None:
    listener = nonce_sound.Listener(nonce.make(random.Random(0)), 0)
    assert listener.hear(through_a_law(said(nonce.make(random.Random(1))))) is None
    assert listener.somebody()


@pytest.mark.parametrize("joined", [0, 2345, 40_000, nonce_sound.PERIOD - 100])
def test_where_one_is_in_a_nonce_is_known_however_late_one_joins(joined: int) -> None:
    drawn = nonce.make(random.Random(joined))
    place = nonce_sound.Listener(drawn, 0).hear(said(drawn, joined=joined))
    assert place is not None
    late = place.position - 1111 - (place.symbol * nonce_sound.SYMBOL - joined)
    assert min(late % nonce_sound.PERIOD, -late % nonce_sound.PERIOD) <= FRAME


def test_a_nonce_keeps_off_the_tones_that_switches_act_on() -> None:
    dtmf = (697, 770, 852, 941, 1209, 1336, 1477, 1633)
    others = (350, 400, 425, 440, 480, 620, 950, 1100, 1400, 1800, 2100, 2280, 2400, 2600)
    for ours in nonce_sound.FREQUENCIES:
        assert all(abs(ours - theirs) > 0.035 * theirs for theirs in dtmf), ours
        assert all(abs(ours - theirs) >= 20 for theirs in others), ours
    assert len(nonce_sound.SYMBOLS) == nonce.SYMBOLS


def test_a_nonce_may_come_in_pieces() -> None:
    drawn = nonce.make(random.Random(7))
    sound, listener = said(drawn), nonce_sound.Listener(drawn, 0)
    heard = [listener.hear(sound[:now]) for now in range(0, len(sound), 2048)]
    assert any(found is not None for found in heard)


def test_a_recording_is_read_while_it_grows(tmp_path: Path) -> None:
    path, sound = tmp_path / "heard.wav", sine(700, seconds=40, peak=5000)
    recording = Recording(path, started_at=100.0)
    assert not recording.refresh()
    write_wav(tmp_path / "whole.wav", sound)
    whole = (tmp_path / "whole.wav").read_bytes()
    for end in (44, 45, 4141, len(whole)):
        path.write_bytes(whole[:end])
        recording.refresh()
    assert recording.samples == pytest.approx(read_wav(tmp_path / "whole.wav"))
    assert recording.time_of(8000) == 101.0
    assert recording.position_at(99.0) == 0


_REGISTER = (
    "pjsua_core.c TX 400 bytes Request msg REGISTER/cseq=2 (tdta0x55) to UDP"
    " 127.0.0.1:5060:\nREGISTER sip:127.0.0.1 SIP/2.0\r\nCSeq: 2 REGISTER\r\nAuthorization: Digest"
    ' username="monitor", realm="r",\r\n response="8f2e"\r\nContent-Length: 0\r\n\r\n--end msg--'
)
_FINAL = (
    "pjsua_core.c RX 300 bytes Response msg 503/INVITE/cseq=2 (rdata0x55) from TCP"
    " 127.0.0.1:5060:\nSIP/2.0 503 Service Unavailable\r\nCSeq: 2 INVITE\r\nReason:"
    ' SIP;cause=503\r\nReason: Q.850;cause=34;text="x"\r\n\r\n--end msg--'
)


def test_the_ladder_is_read_from_the_log_and_shows_no_credentials() -> None:
    ladder = Ladder()
    for at, entry in ((10.0, _REGISTER), (10.25, _FINAL)):
        message = parse_log(entry, at)
        assert message is not None
        ladder.add(message)
    assert parse_log("tsx0x5 State changed from Null to Calling, event=TX_MSG", 0) is None
    final = ladder.final_response("INVITE")
    assert final is not None
    assert (final.status, final.phrase, final.method) == (503, "Service Unavailable", "INVITE")
    assert final.headers("reason") == ["SIP;cause=503", 'Q.850;cause=34;text="x"']
    text = ladder.text(10.0, "Reveille")
    assert "Authorization: Digest (masked)" in text
    assert "monitor" not in text
    assert "8f2e" not in text
    assert "0.250" in text
    assert 'Reason: Q.850;cause=34;text="x"' in text.splitlines()[2]


def test_a_flood_keeps_its_beginning_and_its_latest() -> None:
    ladder = Ladder()
    for number in range(3000):
        message = parse_log(
            _FINAL.replace("503 Service", f"{100 + number % 100} {number} Service"), float(number)
        )
        assert message is not None
        ladder.add(message)
    kept = list(ladder)
    assert len(kept) == 800
    assert (kept[0].at, kept[-1].at) == (0.0, 2999.0)
    text = ladder.text(0.0, "Reveille")
    assert "2200 messages left out" in text
    assert len(text) < 250_000
