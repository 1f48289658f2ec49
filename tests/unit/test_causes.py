"""Q.850 causes: read from Reason headers, named, classed and mapped as RFC 3398 says."""

from __future__ import annotations

import pytest

from checks.telephony.sip.causes import NAMES, CauseClass, cause_in, class_of, name_of, status_of


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        (['Q.850;cause=34;text="No circuit"'], 34),
        (["q.850 ; cause = 17"], 17),
        (['Q.850;text="busy";cause=17'], 17),
        (['SIP;cause=503;text="x", Q.850;cause=41'], 41),
        (["SIP;cause=200", "Q.850;cause=16"], 16),
        (["SIP;cause=503"], None),
        (["Q.850;cause=abc"], None),
        ([], None),
    ],
)
def test_the_cause_is_read_from_reason_headers(reasons: list[str], cause: int | None) -> None:
    assert cause_in(reasons) == cause


@pytest.mark.parametrize(
    ("cause", "status"),
    [(1, 404), (17, 486), (18, 408), (27, 502), (34, 503), (102, 504), (16, None)],
)
def test_causes_map_to_sip_as_rfc_3398_says(cause: int, status: int | None) -> None:
    assert status_of(cause) == status


def test_causes_are_classed_by_whose_trouble_they_are() -> None:
    assert class_of(34) is CauseClass.CONGESTION
    assert class_of(1) is CauseClass.ROUTING
    assert class_of(17) is CauseClass.FAR_END
    assert class_of(27) is CauseClass.TRUNK
    assert class_of(16) is CauseClass.NORMAL
    assert class_of(99) is CauseClass.OTHER


def test_every_cause_has_a_name() -> None:
    assert name_of(34) == "no circuit or channel available"
    assert name_of(99) == "cause 99"
    assert all(NAMES.values())
