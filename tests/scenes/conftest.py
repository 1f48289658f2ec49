"""A lab, the configuration that watches it, the real daemon, and scenes on a moved clock."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab import Lab
from lab.injected_faults import PORTALS
from monitor.config import Configuration, load
from monitor.testing.scenario import Scene
from tests.scenes.daemon_process import Process, end_all

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
"""when the stories of scenes begin"""
Make = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Make]:
    """Makes scenes that begin at START; what they started ends with the test."""
    made: list[Scene] = []

    def make(checks: dict[str, dict[str, Any]], **more: Any) -> Scene:
        made.append(Scene(START, checks, folder=tmp_path, **more))
        return made[-1]

    yield make
    for one in made:
        one.stop_daemon()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as opened:
        yield opened


FEW = ("main-number", "trunk-options", "browser-call", *PORTALS)
"""what stories of the daemon and the command line need: they are about these, not about what is
looked at
"""


@pytest.fixture
def configuration_file(lab: Lab, tmp_path: Path) -> Path:
    file = tmp_path / "reveille.toml"
    file.write_text(with_few_checks(lab.configuration(tmp_path / "state")), encoding="utf-8")
    return file


@pytest.fixture
def configuration(lab: Lab, tmp_path: Path) -> Configuration:
    """The whole of it."""
    file = tmp_path / "whole.toml"
    file.write_text(lab.configuration(tmp_path / "state"), encoding="utf-8")
    return load(file)


def with_few_checks(written: str) -> str:
    """A lab's configuration without the checks not among FEW, and without what names them."""
    tables = re.split(r"(?m)^(?=\[)", written)
    named = (re.match(r"\[\[?checks\.([a-z0-9-]+)", table) for table in tables)
    kept = (
        table for table, check in zip(tables, named, strict=True) if not check or check[1] in FEW
    )
    known = "|".join(FEW)
    return re.sub(rf'(?m)^diagnose = \["(?!({known})"\]).*\n', "", "".join(kept))


@pytest.fixture(autouse=True)
def _no_daemon_outlives_its_test() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture
async def daemon(configuration_file: Path) -> AsyncIterator[Process]:
    process = Process(configuration_file)
    await process.start()
    # What has a time of day waits for it; these stories do not.
    process.look("main-number")
    yield process
    if process.process.returncode is None:
        await process.stop(signal.SIGKILL)
