"""The far end's extended reports: fields as RFC 3611 lays them out, and bytes that are none."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.telephony.phone.rtcp_xr import blocks
from checks.telephony.quality.streams import FAR_MEASURES

RECEIVER_REPORT = struct.pack(">BBHI", 0x80, 201, 1, 0xCAFE)


def metrics(*, r: int = 88, lq: int = 42, cq: int = 41, trip: int = 24, end: int = 40) -> bytes:
    """A VoIP metrics block: 1/256 of it lost, 2/256 discarded, half of that in bursts."""
    words = struct.pack(">I4B4H", 0xBEEF, 1, 2, 128, 0, 60, 900, trip, end)
    levels = struct.pack(">bbBB4BBBH2H", -18, -60, 127, 16, r, 127, lq, cq, 0x30, 0, 40, 80, 200)
    return struct.pack(">BBH", 7, 0, 8) + words + levels


def extended(*parts: bytes) -> bytes:
    """An XR packet."""
    body = struct.pack(">I", 0xCAFE) + b"".join(parts)
    return struct.pack(">BBH", 0x80, 207, len(body) // 4) + body


def test_what_a_far_end_says_of_what_it_hears() -> None:
    (found,) = blocks(RECEIVER_REPORT + extended(metrics()))
    assert found == {
        "xr_loss_percent": 0.39,
        "xr_discard_percent": 0.78,
        "xr_burst_percent": 50.0,
        "xr_round_trip_ms": 24.0,
        "xr_end_delay_ms": 40.0,
        "xr_r": 88.0,
        "xr_mos_lq": 4.2,
        "xr_mos_cq": 4.1,
    }
    assert set(found) == set(FAR_MEASURES)


def test_what_it_does_not_know_is_left_out() -> None:
    (found,) = blocks(extended(metrics(r=127, lq=127, cq=127, trip=0, end=0)))
    assert set(found) == {"xr_loss_percent", "xr_discard_percent", "xr_burst_percent"}


def test_other_blocks_and_packets_are_passed_over() -> None:
    receiver_time = struct.pack(">BBHQ", 4, 0, 2, 1)
    sources = struct.pack(">BBHI", 0x81, 202, 2, 1) + b"\1\2ab"
    packet = (
        RECEIVER_REPORT + sources + extended(receiver_time, metrics()) + extended(metrics(r=70))
    )
    assert [found["xr_r"] for found in blocks(packet)] == [88.0, 70.0]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x80",
        extended(metrics())[:-1],
        b"\x00" + extended(metrics())[1:],
        extended(metrics()[:-4] + bytes(8)),
    ],
    ids=["nothing", "one byte", "cut off", "another version", "longer than it says"],
)
def test_what_is_no_report_says_nothing(broken: bytes) -> None:
    assert [found for found in blocks(broken) if found.get("xr_r") != 88.0] == []


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_break_it(noise: bytes, after_a_report: bool) -> None:
    found = list(blocks(RECEIVER_REPORT + extended(metrics()) + noise if after_a_report else noise))
    assert len(found) >= after_a_report
    assert all(set(one) <= set(FAR_MEASURES) for one in found)
