"""The daily checklist: every kind sees to a duty, and the worst of its checks is what is said."""

from __future__ import annotations

from checks.kinds import _OWN
from reports.checklist import DUTIES, Duty, checklist


def test_every_kind_sees_to_one_duty() -> None:
    listed = [kind for kinds in DUTIES.values() for kind in kinds]
    assert sorted(listed) == sorted(_OWN)


def test_a_duty_is_as_well_as_the_worst_of_its_checks() -> None:
    found = {
        duty.name: duty
        for duty in checklist(
            [
                ("portal", "agent-portal", "FAILED"),
                ("portal", "admin-portal", "OK"),
                ("ui-config", "toolbar", "UNKNOWN"),
                ("sip-call", "main-number", "OK"),
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
    (others,) = (
        duty for duty in checklist([("fax-machine", "fax", "OK")]) if duty.name == "others"
    )
    assert others == Duty("others", "OK", ("fax",))
