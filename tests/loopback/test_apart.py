"""What a far end sent, read in a process of its own: schemas and pages, honest and not."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import psutil
import pytest

from checks.contract import CannotTell, Failed
from checks.web.expected import at_paths
from checks.web.sandbox import reader
from checks.web.steps.patterns import search
from lab.crm import CUSTOMER, SCHEMA

PAGE = """<!doctype html><nav id="toolbar"><button data-action="hold"> Ho<b>ld</b>
</button><button data-action="mute">Mute</button></nav><p class=x>a<p class=x>b"""


async def test_a_document_as_its_schema_says_passes() -> None:
    await reader.hold_to_schema(json.dumps(CUSTOMER), SCHEMA)


async def test_every_difference_is_told_with_its_place() -> None:
    with pytest.raises(Failed) as refused:
        document = {**CUSTOMER, "tier": "bronze", "open_cases": "two", "id": "1"}
        await reader.hold_to_schema(json.dumps(document), SCHEMA)
    assert refused.value.code == "schema"
    assert "$.tier: 'bronze' is not one of ['silver', 'gold']" in refused.value.text
    assert "$.open_cases: 'two' is not of type 'integer'" in refused.value.text


@pytest.mark.parametrize(
    "schema", [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:9/schema.json"}]
)
async def test_a_schema_that_is_wrong_is_no_fault_of_the_far_end(schema: dict[str, Any]) -> None:
    with pytest.raises(CannotTell):
        await reader.hold_to_schema("{}", schema)


async def test_a_pattern_that_takes_for_ever_ends_in_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "_WITHIN_SECONDS", 2.0)
    with pytest.raises(Failed, match="bad-peer: took too long to read"):
        await reader.hold_to_schema(json.dumps("a" * 60 + "!"), {"pattern": "^(a+)+$"})
    assert not [
        one
        for one in psutil.Process().children(recursive=True)
        if "checks.web.sandbox.child" in " ".join(one.cmdline())
    ]


async def test_elements_of_a_page_are_found_as_a_browser_would() -> None:
    looks = [
        {"name": "toolbar", "css": "#toolbar > button", "attributes": []},
        {"name": "actions", "css": "#toolbar button", "attributes": ["data-action", "disabled"]},
        {"name": "open", "css": "p.x", "attributes": []},
        {"name": "nothing", "css": "table", "attributes": []},
    ]
    assert await reader.elements(PAGE, looks) == {
        "toolbar": ["Hold", "Mute"],
        "actions": [
            {"text": "Hold", "data-action": "hold"},
            {"text": "Mute", "data-action": "mute"},
        ],
        "open": ["a", "b"],
        "nothing": [],
    }


@pytest.mark.parametrize(
    "html", ["", "\ufffd" * 10, "<" * 100_000, "<div>" * 5_000, "<p " + "a='" * 10_000]
)
async def test_a_page_may_be_anything(html: str) -> None:
    assert (
        await reader.elements(html, [{"name": "all", "css": "p", "attributes": ["a"]}]) is not None
    )


async def test_what_stands_at_paths_of_a_large_document_is_read_there() -> None:
    text = json.dumps({"rows": [{"name": f"n{number}"} for number in range(20_000)]})
    assert len(text) > 262_144
    found = await at_paths(text, ["$.rows[19999].name", "$.rows[*].name", "$.none"])
    assert found[0] == ["n19999"] and len(found[1]) == 500 and found[2] == []
    for broken in (text[:-1], "[" * 300_000, '{"a":' * 60_000 + "9" * 5000):
        with pytest.raises(Failed, match="bad-json"):
            await at_paths(broken, ["$.a"])


@pytest.mark.parametrize("pattern", ["^(<p>)?(a+)+$", r"(a|aa)+$", r"(?:a*)*b", r"(\w+\s?)*!$"])
async def test_a_pattern_of_ours_is_given_up_in_its_time_and_nobody_waits(pattern: str) -> None:
    """`re` would read this for years, and hold the interpreter meanwhile."""
    stalls = asyncio.create_task(longest_stall())
    await asyncio.sleep(0)
    with suppress(Failed):
        assert await search(pattern, "a" * 200_000 + "?") is None
    stalls.cancel()
    assert await stalls < 0.1


async def longest_stall() -> float:
    """The longest that the loop was held, in seconds, until this is cancelled."""
    longest, loop = 0.0, asyncio.get_running_loop()
    with suppress(asyncio.CancelledError):
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)  # a tick of the loop is what is measured here
            longest = max(longest, loop.time() - before - 0.005)
    return longest
