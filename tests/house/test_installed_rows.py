"""Each kind of check has its row in the matrix of the booted machine (tests/systemd): nothing is
shipped that was never looked with under the service's unit.
"""

from __future__ import annotations

from collections import Counter

from checks.kinds import kinds
from tests.house.source import ROOT, none
from tests.systemd.matrix_centre import CENTRE_ROWS
from tests.systemd.matrix_host import HOST_ROWS

ROWS = (*HOST_ROWS, *CENTRE_ROWS)


def test_every_kind_has_a_row_and_every_row_a_kind() -> None:
    assert sorted({row.kind for row in ROWS}) == sorted(kinds())


def test_a_row_has_a_name_of_its_own_a_fault_and_its_end() -> None:
    none(name for name, times in Counter(row.name for row in ROWS).items() if times > 1)
    none(row.name for row in ROWS if not (row.breaks and row.mends))


def test_what_a_row_needs_is_shipped() -> None:
    none(row.needs for row in ROWS if row.needs and not (ROOT / "systemd" / row.needs).is_file())
