"""Q.850 causes: read from Reason headers, and named."""

from __future__ import annotations

import pytest

from checks.telephony.sip.causes import NAMES, cause_in, name_of


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
        # asterisk.md of the field, F17: there is no such cause, and "sip:503/0" matched no rule.
        (["Q.850;cause=0"], None),
        (["Q.850;cause=0", "Q.850;cause=34"], 34),
        (["Q.850;cause=128"], None),
        (['Q.850;cause="34"'], 34),
        (["Q.850;cause=034"], 34),
        (['SIP;cause=503;text="Q.850;cause=17"'], None),
        (['Q.850;text="a, b; cause=1";cause=41'], 41),
        (["X-Q.850;cause=3"], None),
        ([], None),
    ],
)
def test_the_cause_is_read_from_reason_headers(reasons: list[str], cause: int | None) -> None:
    assert cause_in(reasons) == cause


def test_every_cause_has_a_name() -> None:
    assert name_of(34) == "no circuit or channel available"
    assert name_of(99) == "cause 99"
    assert all(NAMES.values())
