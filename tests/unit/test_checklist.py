"""The daily checklist: every kind says which duty it sees to, and the worst of its checks is what
is said."""

from __future__ import annotations

from typing import get_args

from checks.kind import Duty as Seen
from checks.kinds import kinds
from reports.checklist import DUTIES, Duty, checklist


def test_the_two_wings_know_the_same_duties_and_each_has_a_kind_that_sees_to_it() -> None:
    # What was released is looked up by the morning report itself (monitor/audit/releases.py).
    seen = [name for name in DUTIES if name != "releases"]
    assert list(get_args(Seen)) == seen
    assert {kind.DUTY for kind in kinds().values()} == set(seen)


def test_a_duty_is_as_well_as_the_worst_of_its_checks() -> None:
    found = {
        duty.name: duty
        for duty in checklist(
            [
                ("portals", "agent-portal", "FAILED"),
                ("portals", "admin-portal", "OK"),
                ("portals", "toolbar", "UNKNOWN"),
                ("calls", "main-number", "OK"),
                ("backup", "records", "never seen"),
            ]
        )
    }
    assert found["portals"] == Duty("portals", "FAILED", ("agent-portal",))
    assert found["calls"] == Duty("calls", "OK", ("main-number",))
    assert found["backup"].state == "UNKNOWN", "what was never looked at is not well"
    assert found["dialer"] == Duty("dialer", "")
    assert "others" not in found


def test_a_kind_from_outside_is_watched_among_the_others() -> None:
    (others,) = (duty for duty in checklist([("others", "fax", "OK")]) if duty.name == "others")
    assert others == Duty("others", "OK", ("fax",))
