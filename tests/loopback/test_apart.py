"""What a far end sent, read in a process of its own: schemas and pages, honest and not."""

from __future__ import annotations

from typing import Any

import psutil
import pytest

from checks.contract import CannotTell, Failed
from checks.web.sandbox import reader
from lab.crm import CUSTOMER, SCHEMA

PAGE = """<!doctype html><nav id="toolbar"><button data-action="hold"> Ho<b>ld</b>
</button><button data-action="mute">Mute</button></nav><p class=x>a<p class=x>b"""


async def test_a_document_as_its_schema_says_passes() -> None:
    await reader.hold_to_schema(CUSTOMER, SCHEMA)


async def test_every_difference_is_told_with_its_place() -> None:
    with pytest.raises(Failed) as refused:
        await reader.hold_to_schema(
            {**CUSTOMER, "tier": "bronze", "open_cases": "two", "id": "1"}, SCHEMA
        )
    assert refused.value.code == "schema"
    assert "$.tier: 'bronze' is not one of ['silver', 'gold']" in refused.value.text
    assert "$.open_cases: 'two' is not of type 'integer'" in refused.value.text


@pytest.mark.parametrize(
    "schema", [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:9/schema.json"}]
)
async def test_a_schema_that_is_wrong_is_no_fault_of_the_far_end(schema: dict[str, Any]) -> None:
    with pytest.raises(CannotTell):
        await reader.hold_to_schema({}, schema)


async def test_a_pattern_that_takes_for_ever_ends_in_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "_WITHIN_SECONDS", 2.0)
    with pytest.raises(CannotTell, match="within 2 s"):
        await reader.hold_to_schema("a" * 60 + "!", {"pattern": "^(a+)+$"})
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
