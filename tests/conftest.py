"""Property tests that say the same on a busy machine as on an idle one: no deadlines, the same
examples each time. And which tests need the engine of calls, which not every host has.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from checks import masking
from checks.telephony.call import engine

settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")


# Asked once now, so that from here on only the start of a phone asks for its interpreter.
NO_ENGINE = engine.missing()
SKIPPED = f"no engine of calls: {NO_ENGINE}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip by name, on a host without the engine of calls, what needs it."""
    for item in items:
        if NO_ENGINE is not None and item.get_closest_marker("engine"):
            item.add_marker(pytest.mark.skip(reason=SKIPPED))


def pytest_collection_finish() -> None:
    """What ten thousand tests are made of stays until the end: Python's collector of cycles need
    not go through all of it again and again.
    """
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count them, for the last line of `./reveille test` too."""
    skipped = terminalreporter.stats.get("skipped", [])
    number = sum("no engine of calls" in str(report.longrepr) for report in skipped)
    if number:
        line = f"{number} tests of calls skipped: {NO_ENGINE}"
        terminalreporter.write_line(line)
        if name := os.environ.get("REVEILLE_SKIPPED"):
            Path(name).write_text(line + "\n", encoding="utf-8")


@pytest.fixture(autouse=True)
def _a_mask_of_its_own() -> Iterator[None]:
    """As the runner gives every attempt: what one test reveals is no secret of the next."""
    with masking.attempt():
        yield


@pytest.fixture(autouse=True)
def _a_test_that_starts_a_phone_is_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Or it would fail, and not be skipped, where there is no engine."""
    before = engine.interpreter.cache_info()
    yield
    if engine.interpreter.cache_info() != before and not request.node.get_closest_marker("engine"):
        pytest.fail("it starts a phone on pjsua2: mark it `engine`", pytrace=False)
