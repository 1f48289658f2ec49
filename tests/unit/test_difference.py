"""What a person sees of a difference before accepting it."""

from __future__ import annotations

from typing import Any

import pytest

from checks.json_diff import difference, lines

TOOLBAR = {
    "title": "Agent Portal",
    "buttons": ["Hold", "Mute", "Transfer"],
    "queues": [{"name": "support", "sla": 20}],
}


def test_every_leaf_is_a_line() -> None:
    assert lines(TOOLBAR) == [
        'buttons: "Hold"',
        'buttons: "Mute"',
        'buttons: "Transfer"',
        'queues[].name: "support"',
        "queues[].sla: 20",
        'title: "Agent Portal"',
    ]


def test_a_button_more_moves_no_other() -> None:
    told = difference(TOOLBAR, {**TOOLBAR, "buttons": ["Hold", "Park", "Mute", "Transfer"]})
    assert (told.added, told.removed) == (('buttons: "Park"',), ())
    assert told.unified == ('  buttons: "Hold"', '+ buttons: "Park"', '  buttons: "Mute"')
    assert told.words() == '1 added, 0 removed: + buttons: "Park"'


def test_what_is_gone_and_what_came_are_both_said() -> None:
    told = difference(TOOLBAR, {**TOOLBAR, "title": "Agents", "buttons": ["Hold", "Mute"]})
    assert told.added == ('title: "Agents"',)
    assert told.removed == ('buttons: "Transfer"', 'title: "Agent Portal"')
    assert told.words(1) == '1 added, 2 removed: - buttons: "Transfer"; ...'


@pytest.mark.parametrize("value", [TOOLBAR, "text", 3, [], {}, None, [[1], [2]]])
def test_the_same_differs_in_nothing(value: Any) -> None:
    assert not difference([value], [value])


def test_where_nothing_was_accepted_everything_is_new() -> None:
    assert difference(None, {"a": [], "b": {}}).unified == ("+ a: []", "+ b: {}")


@pytest.mark.parametrize(
    ("before", "after"), [([], [None]), ({"a": 1}, {"a": True}), ("1", 1), ([1, [2]], [[1], 2])]
)
def test_what_is_only_alike_differs(before: Any, after: Any) -> None:
    assert difference(before, after)
