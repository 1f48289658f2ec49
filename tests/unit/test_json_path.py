"""JSONPath in its plain parts, on the bookstore of RFC 9535 and beside it."""

from __future__ import annotations

from typing import Any

import pytest

from checks.web.json_path import values

STORE: dict[str, Any] = {
    "store": {
        "book": [{"title": "Sayings", "price": 8.95}, {"title": "Sword", "price": 12.99}],
        "open until": "18:00",
    },
    "none": None,
    "0": "name",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [STORE]),
        ("$.store.book[0].title", ["Sayings"]),
        ("$.store.book[-1].title", ["Sword"]),
        ("$.store.book[*].price", [8.95, 12.99]),
        ("$.store['open until']", ["18:00"]),
        ('$["store"]["book"][1]["title"]', ["Sword"]),
        ("$.none", [None]),
        ("$['0']", ["name"]),
        ("$[0]", []),
        ("$.store.book[2]", []),
        ("$.store.book.title", []),
        ("$.nowhere.at.all", []),
        ("$.store.book[0].*", ["Sayings", 8.95]),
    ],
)
def test_a_path_leads_to_its_values(path: str, found: list[Any]) -> None:
    assert values(STORE, path) == found


@pytest.mark.parametrize(
    "path", ["", "store", "$store", "$.", "$..book", "$.a[", "$[?@.price<10]", "$.a b", "$['a]"]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no JSON path"):
        values(STORE, path)
