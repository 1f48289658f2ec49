"""The database's clock is set back, also while a host is dead: nobody who is there is missed or
robbed of a lease, and what a dead one held is free, and it is missed, as soon as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.ledger import Ledger
from monitor.ledger.hosts import NameTaken
from monitor.scheduling.claims import LEASE, RENEW_SECONDS
from monitor.service.sharing import SILENT
from tests.ledger.engines import ENGINES, ON_SERVER

# A lease, the turn in which somebody notices, and the one in which he claims it.
FREE_WITHIN = LEASE.total_seconds() + 2 * RENEW_SECONDS + 1
MISSED_WITHIN = SILENT.total_seconds() + 2 * RENEW_SECONDS + 1
BEGAN = 1_790_000_000_000


class World:
    """Hosts on one ledger whose clock is ours: those that are alive take their turn every four
    seconds, one second after another; the dead one took its last at the beginning.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.clock = ledger, BEGAN
        self.set(0)
        for name in ("pune", "delhi", "dead"):
            ledger.hear_host(name, "", name, SILENT)
        self.held = {name: ledger.claim_leases(name, [name], LEASE) for name in ("pune", "delhi")}
        ledger.claim_leases("dead", ["dead"], LEASE)

    def set(self, milliseconds: int) -> None:
        self.clock += milliseconds
        self.ledger._database.NOW = f"(CAST({self.clock} AS BIGINT))"  # type: ignore[misc]

    def turn(self, second: int) -> None:
        """What a second brings, of those that are alive."""
        self.set(1000)
        for offset, name in ((0, "pune"), (2, "delhi")):
            if second % RENEW_SECONDS == offset:
                self.ledger.hear_host(name, "", name, SILENT)
                kept = self.ledger.renew_leases(self.held[name], LEASE)
                assert kept == {name}, "who is there keeps what he holds"
        silent = {one.name for one in self.ledger.hosts() if one.silent > SILENT}
        assert not silent & {"pune", "delhi"}, "who is there is not missed"
        stolen = self.ledger.claim_leases("thief", ["pune", "delhi"], LEASE)
        assert stolen == [], "what is held is nobody else's"


BACK = st.integers(1, 40_000).map(lambda seconds: seconds * 100)
SET_BACK = st.lists(st.tuples(st.integers(0, 20), BACK), min_size=1, max_size=3)
ENGINE = [pytest.param(name, marks=ON_SERVER if name == "postgresql" else ()) for name in ENGINES]


@pytest.mark.parametrize("engine", ENGINE)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=SET_BACK)
def test_it_is_as_if_the_clock_had_gone_on(
    engine: str, moves: Sequence[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with ENGINES[engine].opened(tmp_path_factory.mktemp("back")) as ledger:
        world, second = World(ledger), 0
        for seconds, back in moves:
            for _ in range(seconds):
                second += 1
                world.turn(second)
            world.set(-back)
        last, freed, missed = second, 0, 0
        while second - last <= max(FREE_WITHIN, MISSED_WITHIN):
            second += 1
            world.turn(second)
            if not freed and ledger.claim_leases("pune", ["dead"], timedelta(hours=1)):
                freed = second
            if not missed and any(
                one.name == "dead" and one.silent > SILENT for one in ledger.hosts()
            ):
                missed = second
        assert freed and freed - last <= FREE_WITHIN, f"free after {freed - last} s"
        assert missed and missed - last <= MISSED_WITHIN, f"missed after {missed - last} s"


def test_another_takes_the_name_of_a_dead_host(tmp_path: Path) -> None:
    """Its disk is new, and its state folder with it."""
    with ENGINES["sqlite"].opened(tmp_path) as ledger:
        world = World(ledger)
        world.set(-3_600_000)
        for second in range(1, int(MISSED_WITHIN)):
            world.turn(second)
        ledger.hear_host("dead", "", "another life", SILENT)
        with pytest.raises(NameTaken):
            ledger.hear_host("pune", "", "another life", SILENT)
