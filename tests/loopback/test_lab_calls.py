"""The lab's own test call, in health; tests/scenes/test_lab_faults.py tells of its every fault."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from checks.contract import Check, Failed, Observation, Trace
from lab import Lab
from monitor.config import load


async def look(check: Check, folder: Path) -> Observation:
    await asyncio.to_thread(folder.mkdir)
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except Failed as refused:
        return trace.observation(refused)
    return trace.observation()


@pytest.mark.engine
async def test_a_healthy_call_over_tls_with_every_invite_challenged(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab", challenge_calls=True) as lab:
        path = lab.folder / "reveille.toml"
        secure = lab.configuration(lab.folder / "state").replace(
            f'registrar = "127.0.0.1:{lab.pbx.port}"',
            f'registrar = "127.0.0.1:{lab.pbx.tls_port}"\ntransport = "tls"\n'
            f'trusted_certificates = "{lab.certificate.certificate}"',
        )
        path.write_text(secure)
        seen = await look(load(path).checks["main-number"].probe, tmp_path / "look")
        assert (seen.fault, seen.blind) == (None, None), seen
        assert [stage.name for stage in seen.stages][-3:] == ["talk", "hold", "hang-up"]
        assert lab.pbx.mishaps == []
    assert lab.pbx.legs == {}
