"""What a far end sent, read in a process of its own: schemas and pages, honest and not."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import suppress
from typing import Any

import psutil
import pytest

from checks.contract import CannotTell, Failed
from checks.web.expected import at_paths
from checks.web.sandbox import reader
from checks.web.sandbox.patterns import Found, search
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
    assert await stalls < 0.01


async def test_a_page_as_long_as_any_is_handed_over_in_pieces() -> None:
    page = "<p>\N{DEVANAGARI LETTER A}" * 1_000_000 + "order no. 4711"
    stalls = asyncio.create_task(longest_stall())
    await asyncio.sleep(0)
    assert await search(r"order no. (\d+)", page) == Found("4711")
    stalls.cancel()
    assert await stalls < 0.01


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"(?<=no\. )\d+(?! pieces)", "no. 4711", "4711"),
        (r"(['\"])(\w+)\1", "say 'yes'", "'"),
        (r"queue: (\w+)", "queue: \N{DEVANAGARI LETTER KA}\N{DEVANAGARI LETTER KHA} 1",
         "\N{DEVANAGARI LETTER KA}\N{DEVANAGARI LETTER KHA}"),
        (r"(?P<id>[A-Z]++)-", "ID-1", "ID"),
        (r"ok$", "ok\n", "ok"),
        (r"end\Z", "the end", "end"),
        (r"(?i)(?>ab)c", "ABC", "ABC"),
        (r"a(b)?", "a", None),
        (r"x*", "", ""),
        ("\ud83d", "half \ud83d", "\ud83d"),
        (r"\r\n(.)", "a\r\n0\n", "0"),
    ],
)  # fmt: skip
async def test_a_pattern_finds_what_re_finds(pattern: str, text: str, found: str | None) -> None:
    match = re.search(pattern, text)
    assert match and found == (match[1] if match.re.groups else match[0])
    assert await search(pattern, text) == Found(found)


async def test_patterns_share_a_process_and_a_killed_one_is_replaced() -> None:
    for number in range(20):
        assert await search(r"\d+", f"call {number}") == Found(str(number))
    (reader,) = pattern_readers()
    reader.kill()
    assert await search("b", "aaa") is None
    with pytest.raises(CannotTell, match="cannot be used"):
        await search("(", "")
    with pytest.raises(Failed, match="finds 200000 letters"):
        await search("(?s).+", "a" * 200_000)
    assert len(pattern_readers()) == 1


async def test_one_that_a_page_has_made_slow_keeps_nobody_else_and_can_be_let_go_of() -> None:
    slow = asyncio.create_task(search("(a+)+$", "a" * 60 + "!"))
    assert await search("b", "ab") == Found("b")
    assert not slow.done()
    slow.cancel()
    await asyncio.wait({slow})
    assert slow.cancelled() and len(pattern_readers()) == 1


def pattern_readers() -> list[psutil.Process]:
    """Those below this process."""
    return [
        one
        for one in psutil.Process().children(recursive=True)
        if one.cmdline()[1:4] == ["-P", "-m", "checks.web.sandbox.pattern_child"]
    ]


async def longest_stall() -> float:
    """The longest that this thread worked between two turns of the loop, in seconds, until this is
    cancelled; what other programs of a busy host take does not count.
    """
    longest = 0.0
    with suppress(asyncio.CancelledError):
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)  # a turn of the loop is what is measured here
            longest = max(longest, time.thread_time() - before)
    return longest
