"""A ledger of each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.ledger import Ledger
from tests.ledger.engines import ENGINES, ON_SERVER, Engine


@pytest.fixture(
    params=[pytest.param(name, marks=ON_SERVER if name == "postgresql" else ()) for name in ENGINES]
)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.fixture
def ledger(engine: Engine, tmp_path: Path) -> Iterator[Ledger]:
    with engine.opened(tmp_path) as opened:
        yield opened
