"""A look at the host whose time is over: what it saw stays, and what it did not reach is named."""

from __future__ import annotations

from typing import Any

import pytest

from checks.host import child
from checks.host.collectors import resources, virus
from checks.host.collectors.clamav import Clamd
from checks.host.collectors.collector import Look, NotLooked

JOB = {"settings": {}, "recalled": {}, "accepted": {}, "now": 0.0, "monitor": 1}


def looked(monkeypatch: pytest.MonkeyPatch, begun: int) -> list[dict[str, Any]]:
    """What is told of a look at resources that has time for so many stages."""
    said: list[dict[str, Any]] = []

    def look(at: Look) -> None:
        for number, stage in enumerate(resources.STAGES):
            if number == begun:
                at._until = 0.0  # as if all its seconds had gone by
            with at.stage(stage):
                at.fault("filling", f"seen in {stage}")

    monkeypatch.setattr(resources, "look", look)
    # It would stay low for all tests after this one.
    monkeypatch.setattr(child, "step_back", lambda *_, **__: True)
    job = {**JOB, "look": "resources", "heavy": False, "seconds": 60.0}
    assert child.looked(job, lambda **facts: said.append(facts)) == 0
    return said


def test_what_was_seen_stays_and_the_rest_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = looked(monkeypatch, begun=2)
    assert [one["text"] for one in said if "fault" in one] == [
        "seen in processor",
        "seen in memory",
    ]
    [warned] = [one["warning"] for one in said if "warning" in one]
    assert warned == "not looked at: kernel, processes, monitor: the time budget is over"
    assert not any("blind" in one for one in said)
    assert said[-1] == {"done": {}}


def test_a_look_without_any_time_is_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    said = looked(monkeypatch, begun=0)
    assert [one["blind"] for one in said if "blind" in one] == [
        "the time budget was over before the first stage"
    ]


def test_a_scanner_that_was_not_asked_is_not_said_to_find_nothing() -> None:
    said: list[dict[str, Any]] = []
    at = Look({**JOB, "seconds": -1.0}, lambda **facts: said.append(facts))
    with pytest.raises(NotLooked, match="time budget"):
        virus.self_test(at, Clamd("/nowhere"))
    assert not said
