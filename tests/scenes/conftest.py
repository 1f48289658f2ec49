"""A lab, the configuration that watches it, and the real daemon beside it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab import Lab
from monitor.config import Configuration, load
from tests.scenes.daemon_process import Process


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as opened:
        yield opened


@pytest.fixture
def configuration_file(lab: Lab, tmp_path: Path) -> Path:
    file = tmp_path / "reveille.toml"
    file.write_text(lab.configuration(tmp_path / "state"), encoding="utf-8")
    return file


@pytest.fixture
def configuration(configuration_file: Path) -> Configuration:
    return load(configuration_file)


@pytest.fixture
async def daemon(configuration_file: Path) -> AsyncIterator[Process]:
    process = Process(configuration_file)
    await process.start()
    yield process
    if process.process.returncode is None:
        await process.stop(signal.SIGKILL)
