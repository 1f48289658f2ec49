"""docs/desks.md: every example is a good configuration, and every desk has one; `desks test` says
what it found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.config import load
from monitor.desks.list import desk_kinds
from tests.desks.server import serving
from tests.desks.vendors import VENDORS
from tests.house.source import ROOT

SITE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\nregion = "india"\n\n'
PAGE = (ROOT / "docs" / "desks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_is_good_as_it_stands(block: str, tmp_path: Path) -> None:
    file = tmp_path / "reveille.toml"
    file.write_text(SITE + block, encoding="utf-8")
    (desk,) = load(file).desks.values()
    assert desk.desk("desk")


def test_every_desk_that_takes_tickets_has_its_example() -> None:
    shown = {kind for block in BLOCKS for kind in re.findall(r'^kind = "(.*)"', block, re.M)}
    assert shown >= {kind for kind, desk in desk_kinds().items() if "tickets" in desk.TAKES}


async def test_a_desk_is_proven_by_a_verb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    vendor = VENDORS["zammad"]
    async with serving(vendor.begun()) as port:
        vendor.configured(port, tmp_path)
        file = tmp_path / "reveille.toml"
        text = (
            f'{SITE}[desks.helpdesk]\nkind = "zammad"\nurl = "http://127.0.0.1:{port}"\n'
            'token = { file = "token" }\ngroup = "NOC"\ncustomer = "r@example.net"\n'
        )
        file.write_text(text, encoding="utf-8")
        words = ["--config", str(file), "--json", "desks", "test", "helpdesk"]
        assert await asyncio.to_thread(main, words) == 0
        assert json.loads(capsys.readouterr().out)["outcome"] == "opens"
        file.write_text(text.replace('"NOC"', '"NOK"'), encoding="utf-8")
        assert await asyncio.to_thread(main, words) == 1
        assert "there is no group 'NOK'" in capsys.readouterr().out
