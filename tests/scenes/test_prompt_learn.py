"""`reveille prompt learn`, on a lab that is really there: what was learned is what the lab says."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from checks.telephony.audio.prompt import Hearing, Reference
from checks.telephony.audio.sound import read_wav
from lab import Lab, prompts
from monitor.cli import main
from monitor.config import load


async def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = await asyncio.to_thread(main, words)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.engine
async def test_a_prompt_is_learned_shown_and_not_replaced_unasked(
    capsys: pytest.CaptureFixture[str], configuration_file: Path, lab: Lab
) -> None:
    line = next(iter(load(configuration_file).lines))
    target = configuration_file.parent / "hours.wav"
    words = (
        "--config",
        str(configuration_file),
        "prompt",
        "learn",
        "hours",
        "--to",
        "8000",
        "--line",
        line,
    )
    more = ("--press", "2", "--seconds", "12s")
    code, said, complaint = await ran(capsys, *words, *more)
    assert code == 0, complaint
    assert re.search(r"[▁▂▃▄▅▆▇█]{10}", said), "a picture of it"
    assert re.search(r"\d\.\d s at -\d+ dBm0", said)
    learned, original = read_wav(target), Reference.read(prompts.FOLDER / "opening-hours.wav")
    assert Hearing(original, 0).hear(learned).whole
    assert len(learned) / 8000 == pytest.approx(original.seconds, abs=0.6), "nothing but the prompt"
    assert target.with_suffix(".svg").read_text().startswith("<svg")
    before = target.read_bytes()
    code, _, complaint = await ran(capsys, *words, *more)
    assert code == 2
    assert "--yes replaces it" in complaint
    assert target.read_bytes() == before
    code, said, _ = await ran(capsys, *words, *more, "--yes", "--json")
    assert code == 0
    assert json.loads(said)["file"] == str(target)


@pytest.mark.engine
async def test_nothing_is_learned_from_silence_or_a_call_that_fails(
    capsys: pytest.CaptureFixture[str], configuration_file: Path, lab: Lab
) -> None:
    line = next(iter(load(configuration_file).lines))
    words = (
        "--config",
        str(configuration_file),
        "prompt",
        "learn",
        "x",
        "--to",
        "8000",
        "--line",
        line,
    )
    for fault, told in (("ivr-silent", "silence"), ("busy", "sip:486")):
        lab.faults.switch_on(fault)
        code, _, complaint = await ran(capsys, *words, "--seconds", "2s")
        lab.faults.switch_off(fault)
        assert (code, "nothing was learned" in complaint, told in complaint) == (1, True, True), (
            complaint
        )
    assert not (configuration_file.parent / "x.wav").exists()


async def test_what_cannot_be_called_is_said(
    capsys: pytest.CaptureFixture[str], configuration_file: Path
) -> None:
    for words, told in (
        ((), "say whom to call"),
        (("--to", "8000", "--line", "no-such"), "there is no [lines.no-such]"),
        (("--check", "no-such"), "there is no [checks.no-such]"),
    ):
        code, _, complaint = await ran(
            capsys, "--config", str(configuration_file), "prompt", "learn", "x", *words
        )
        assert code == 2
        assert told in complaint
