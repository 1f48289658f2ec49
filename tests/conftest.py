"""Property tests that say the same on a busy machine as on an idle one: no deadlines, the same
examples each time. And which tests need the engine of calls or a browser, which not every host has.
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
from checks.web.browser import executable

settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")


# By the mark of a test: what it is of, and what this host lacks for it. Asked once now, so
# that from here on only the start of a phone asks for its interpreter.
NEEDS = {
    "engine": ("calls", engine.missing()),
    "browser": ("the browser", executable.missing(None)),
}
MISSING = {mark: (of, lacking) for mark, (of, lacking) in NEEDS.items() if lacking is not None}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip by name, on a host without it, what needs the engine of calls or a browser."""
    for item in items:
        for mark, (_, lacking) in MISSING.items():
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=f"no {mark}: {lacking}"))


def pytest_collection_finish() -> None:
    """What ten thousand tests are made of stays until the end: Python's collector of cycles need
    not go through all of it again and again.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Write a failure up with the collector at rest. Before Python 3.11.5 a parser of source that
    is entered again within itself, by a finalizer that tells an error, ends in SystemError
    (gh-106905): the worker died of it, and the whole run with it.
    """
    at_work = gc.isenabled()
    gc.disable()
    try:
        return (yield)
    finally:
        if at_work:
            gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count them, for the last lines of `./reveille test` too."""
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    lines = ""
    for mark, (of, lacking) in MISSING.items():
        if number := sum(f"no {mark}: {lacking}" in why for why in skipped):
            lines += f"{number} tests of {of} skipped: {lacking}\n"
    if lines:
        terminalreporter.write(lines)
        if name := os.environ.get("REVEILLE_SKIPPED"):
            Path(name).write_text(lines, encoding="utf-8")


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
