"""Line statuses by their own MIB, and flaps by counters: the tables and the arithmetic, without an
agent.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.kinds import kinds
from checks.telephony import alarms
from checks.telephony.asterisk.pri_ami import PriAmi
from checks.telephony.gateway import mibs
from checks.telephony.gateway.flaps import Counters, Flaps, count
from checks.telephony.gateway.mibs import MIBS
from checks.telephony.gateway.pri_snmp import PriSnmp
from checks.telephony.registration import SipRegistration

DS1, APPIAN, AUDIOCODES = MIBS["ds1"], MIBS["appian"], MIBS["audiocodes"]


def codes(mib: mibs.Mib, status: int) -> list[str]:
    return [alarm.code for alarm in mib.alarms(status)]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (1, []),
        (2, ["rai"]),
        (4, ["sending-rai"]),
        (8, ["ais"]),
        (16, ["sending-ais"]),
        (32, ["lof"]),
        (64, ["los"]),
        (128, ["loopback"]),
        (256, ["t16-ais"]),
        (512, ["lomf"]),
        (2048, ["test-code"]),
        (4096, ["other"]),
        (8192, ["unavailable"]),
        (16384, ["out-of-service"]),
        (32768, ["ais"]),
        (1 + 65536, []),
        (64 + 32 + 4 + 8192, ["los", "lof", "unavailable", "sending-rai"]),
    ],
)
def test_ds1_line_status(status: int, expected: list[str]) -> None:
    """RFC 4805."""
    assert codes(DS1, status) == expected


def test_the_same_bit_means_something_else_in_a_private_copy() -> None:
    for status, standard, private in (
        (256, "t16-ais", "lomf"),
        (2048, "test-code", "other"),
        (4096, "other", "unavailable"),
    ):
        assert (codes(DS1, status), codes(APPIAN, status)) == ([standard], [private])


def test_audiocodes_numbers_are_no_bits() -> None:
    assert [codes(AUDIOCODES, number) for number in range(8)] == [
        ["disabled"], [], ["red"], ["ais"], ["rai"], [], ["lower-layer"], ["nfas"],
    ]  # fmt: skip


@pytest.mark.parametrize("mib", MIBS)
@given(status=st.integers(-(2**31), 2**32))
def test_a_status_is_read_or_refused(mib: str, status: int) -> None:
    try:
        MIBS[mib].alarms(status)
    except ValueError:
        assert status not in MIBS[mib].meanings
    for alarm in MIBS[mib].meanings.values():
        assert alarm is None or alarm in alarms.WORST_FIRST


UP, DOWN = (
    Counters(True, changed=100, links=7, unavailable=0, elapsed=300),
    Counters(False, links=7),
)


def looks(*seen: tuple[int | None, Counters], window_seconds: float = 900.0) -> Flaps:
    """One look after the other; what the last one counts."""
    result = Flaps({}, {})
    for uptime, counters in seen:
        result = count(result.memory, {"span": counters}, uptime, window_seconds)
    return result


def links(number: int | None) -> Counters:
    return Counters(True, changed=100, links=number)


def test_the_first_look_knows_of_no_flap() -> None:
    assert looks((5000, UP)).counts == {"span": 0}


def test_links_that_were_set_up_anew_are_counted() -> None:
    assert looks((5000, links(7)), (6000, links(10))).counts == {"span": 3}


def test_a_flap_counts_within_the_window_by_the_agents_clock() -> None:
    flapped = [(5000, links(7)), (6000, links(8))]
    assert looks(*flapped, (6000 + 90_000, links(8))).counts == {"span": 1}
    assert looks(*flapped, (6000 + 90_001, links(8))).counts == {"span": 0}
    assert looks(*flapped, (50_000, links(9)), (60_000, links(9))).counts == {"span": 2}


def test_an_outage_that_was_seen_is_no_flap() -> None:
    assert looks((5000, UP), (6000, DOWN), (7000, links(9))).counts == {"span": 0}


def test_an_agent_that_started_anew_or_wrapped_has_no_past() -> None:
    assert looks((5000, links(7)), (100, links(90))).counts == {"span": 0}
    assert looks((5000, links(7)), (6000, links(9)), (100, links(0))).counts == {"span": 0}


def test_a_counter_that_went_back_is_no_flap() -> None:
    assert looks((5000, links(7)), (6000, links(0))).counts == {"span": 0}


def test_unavailable_seconds_that_grew_are_one_flap_also_over_a_new_quarter_of_an_hour() -> None:
    def seconds(unavailable: int, elapsed: int) -> Counters:
        return Counters(True, changed=0, unavailable=unavailable, elapsed=elapsed)

    assert looks((0, seconds(4, 100)), (10_000, seconds(9, 200))).counts == {"span": 1}
    assert looks((0, seconds(4, 100)), (10_000, seconds(4, 200))).counts == {"span": 0}
    assert looks((0, seconds(40, 880)), (10_000, seconds(3, 80))).counts == {"span": 1}
    assert looks((0, seconds(40, 880)), (10_000, seconds(0, 80))).counts == {"span": 0}


def test_what_shows_in_several_counters_is_one_flap() -> None:
    both = Counters(True, changed=5500, links=8, unavailable=12, elapsed=310)
    assert looks((5000, UP), (6000, both)).counts == {"span": 1}


def test_without_an_uptime_a_flap_is_told_once() -> None:
    assert looks((None, links(7)), (None, links(8))).counts == {"span": 1}
    assert looks((None, links(7)), (None, links(8)), (None, links(8))).counts == {"span": 0}


def test_the_kinds_have_their_names() -> None:
    named = {"pri-snmp": PriSnmp, "pri-ami": PriAmi, "sip-registration": SipRegistration}
    assert {name: kinds()[name] for name in named} == named
