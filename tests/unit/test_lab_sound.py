"""The lab's sound: G.711 against another implementation, keys, packets, restamping."""

from __future__ import annotations

import math
import struct
import warnings
import wave

from hypothesis import given
from hypothesis import strategies as st

from lab import prompts
from lab.pbx import tones
from lab.pbx.g711 import SILENCE, Law, decode_one, encoding, frames, recording, transcoding
from lab.pbx.rtp import Keys, Packet

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecated, gone in 3.13: only a reference here
    import audioop

LAWS: tuple[Law, Law] = ("PCMA", "PCMU")


def reference(law: Law, codes: bytes) -> list[int]:
    linear = audioop.alaw2lin(codes, 2) if law == "PCMA" else audioop.ulaw2lin(codes, 2)
    return list(struct.unpack(f"<{len(codes)}h", linear))


def test_decoding_is_that_of_the_standard_library() -> None:
    for law in LAWS:
        assert [decode_one(law, code) for code in range(256)] == reference(law, bytes(range(256)))


def test_encoding_is_as_near_as_g711_gets() -> None:
    for law in LAWS:
        table = encoding(law)
        other = audioop.lin2alaw if law == "PCMA" else audioop.lin2ulaw
        for sample in range(-32768, 32768, 37):
            mine = decode_one(law, table[(sample >> 2) & 0x3FFF])
            theirs = decode_one(law, other(struct.pack("<h", sample), 2)[0])
            assert abs(mine - sample) <= abs(theirs - sample) + 2, (law, sample)


def test_silence_is_silence_in_both_laws_and_between_them() -> None:
    assert [abs(decode_one(law, SILENCE[law][0])) <= 8 for law in LAWS] == [True, True]
    assert abs(decode_one("PCMU", SILENCE["PCMA"].translate(transcoding("PCMA", "PCMU"))[0])) <= 8


def test_transcoding_keeps_the_sound() -> None:
    for code in range(256):
        there = transcoding("PCMA", "PCMU")[code]
        before, after = decode_one("PCMA", code), decode_one("PCMU", there)
        assert abs(before - after) <= max(8, abs(before) * 0.04)


def test_every_announcement_is_two_to_five_seconds_of_speech_and_no_two_are_alike() -> None:
    heard = set()
    for path in sorted(prompts.FOLDER.glob("*.wav")):
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
            seconds = file.getnframes() / 8000
            samples = file.readframes(file.getnframes())
        assert 2 <= seconds <= 5, path.name
        assert -30 < 20 * math.log10(audioop.rms(samples, 2) / 32768) < -10, path.name
        assert len(recording(path, "PCMA")) == -(-len(samples) // 320)
        heard.add(samples[:16000])
    assert len(heard) == 11


def test_tones_fill_whole_frames() -> None:
    for law in LAWS:
        assert len(tones.ringback(law)) == 150  # three seconds
        assert {len(frame) for frame in tones.music(law)} == {160}
    assert frames([0] * 161, "PCMU")[1] == SILENCE["PCMU"]


def event(key: int, timestamp: int, end: bool, sequence: int = 0) -> Packet:
    return Packet(
        101, False, sequence, timestamp, 1, struct.pack("!BBH", key, 0x80 if end else 10, 800)
    )


def test_a_key_is_told_once_however_many_packets_tell_of_it() -> None:
    pressed: list[str] = []
    keys = Keys(pressed.append)
    for end in (False, False, True, True, True):
        keys.event(event(1, 1000, end))
    assert pressed == ["1"]
    for end in (True, True, True):
        keys.event(event(1, 9000, end))  # the same key again is another key press
    assert pressed == ["1", "1"]


def test_a_key_whose_ends_were_all_lost_is_told_when_the_next_begins() -> None:
    pressed: list[str] = []
    keys = Keys(pressed.append)
    keys.event(event(11, 1000, end=False))
    assert pressed == []
    keys.event(event(5, 2000, end=False))
    keys.event(event(5, 2000, end=True))
    assert pressed == ["#", "5"]


def test_an_event_that_is_no_key_is_none() -> None:
    pressed: list[str] = []
    keys = Keys(pressed.append)
    keys.event(event(36, 1, end=True))  # a modem tone
    keys.event(Packet(101, False, 0, 2, 1, b"\x01"))
    assert pressed == []


@given(st.binary(max_size=80))
def test_no_datagram_breaks_the_packet_reader(data: bytes) -> None:
    packet = Packet.parse(data)
    assert packet is None or len(packet.payload) <= len(data) - 12


def test_csrc_extension_and_padding_are_no_sound() -> None:
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 1, 8, 5, 6, 7)
    data = head + b"CSRC" + struct.pack("!HH", 0xBEDE, 1) + b"EXT." + b"sound" + b"\0\0\3"
    packet = Packet.parse(data)
    assert packet and (packet.payload, packet.sequence, packet.timestamp) == (b"sound", 5, 6)
    assert Packet.parse(struct.pack("!BBHII", 0x80, 200, 5, 6, 7)) is None, "RTCP on the RTP port"
