"""`reveille baseline`: what a check saw is taken for right by a person, and until then nobody is
woken by it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.json_diff import difference
from monitor.core.verdict import State
from monitor.ledger import Ledger
from monitor.testing.scenario import Scene, World
from monitor.verbs import accepting
from monitor.verbs.opening import whoami

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class Toolbar(Check):
    """Compares what is shown with what was accepted."""

    KIND: ClassVar[str] = "ui-config"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    ACCEPTS: ClassVar[bool] = True
    SHOWN: ClassVar[list[str]]

    name: str
    world: World

    def measures(self) -> dict[str, str]:
        """None."""
        return {}

    async def probe(self, trace: Trace) -> None:
        """Propose, then compare."""
        with trace.stage("compare"):
            trace.propose("toolbar", self.SHOWN)
            if "toolbar" not in trace.accepted:
                raise CannotTell("not accepted yet")
            if told := difference(trace.accepted["toolbar"], self.SHOWN):
                raise Failed("differs", told.words())


class Screen:
    """A scene with one such check, and the verb as a person types it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.scene = Scene(START, {"toolbar": {"of": Toolbar, "every": 300.0}})
        self._capsys = capsys
        monkeypatch.setattr(
            accepting, "configuration_of", lambda _arguments: self.scene.configuration
        )
        monkeypatch.setattr(accepting, "SystemClock", lambda: self.scene.clock)
        monkeypatch.setattr(Toolbar, "SHOWN", ["Hold", "Mute"], raising=False)

    def accept(self, *written: str) -> tuple[int, str]:
        """Its exit code, and what it says."""
        from monitor.cli import main

        code = main(["baseline", "toolbar", *written])
        return code, self._capsys.readouterr().out

    def states(self) -> list[State]:
        return [seen.verdict.state for _, _, seen in self.scene.seen]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Screen]:
    made = Screen(monkeypatch, capsys)
    yield made
    made.scene.stop_daemon()


async def test_a_first_look_waits_for_a_person(screen: Screen) -> None:
    await screen.scene.turn()
    assert screen.states() == [State.UNKNOWN]
    assert screen.scene.ledger.open_incidents() == []
    code, said = screen.accept("--yes", "--by", "asha")
    assert code == 0
    assert "never accepted before" in said
    assert '+ "Hold"' in said
    await screen.scene.run_for(minutes=1)
    assert screen.states()[-1] is State.OK


async def test_a_change_is_one_ticket_until_it_is_accepted(screen: Screen) -> None:
    scene = screen.scene
    await scene.turn()
    screen.accept("--yes")
    Toolbar.SHOWN = ["Hold"]
    await scene.run_for(minutes=10)
    assert [row.issue for row in scene.ledger.open_incidents()] == ["ui-configuration"]
    assert '1 removed: - "Mute"' in str(
        scene.ledger.attempts("toolbar", limit=1)[0].observation.fault
    )
    code, said = screen.accept("--yes", "--by", "asha")
    assert code == 0
    assert '- "Mute"' in said
    await scene.run_for(minutes=15)
    assert scene.ledger.open_incidents() == []
    assert [row.accepted_by for row in scene.ledger.acceptances("toolbar")][-1] == (
        f"{whoami()} (asha)"
    )
    assert [row.value for row in scene.ledger.acceptances("toolbar")] == [
        ["Hold", "Mute"],
        ["Hold"],
    ]
    assert [row.body["by"] for row in scene.ledger.history(None) if row.kind == "accepted"][
        -1
    ] == f"{whoami()} (asha)"


async def test_without_a_yes_nothing_changes(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    await screen.scene.turn()
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    code, _ = screen.accept()
    assert code == 1
    assert screen.scene.ledger.accepted("toolbar") == {}


async def test_what_is_accepted_already_needs_nobody(screen: Screen) -> None:
    await screen.scene.turn()
    screen.accept("--yes")
    code, said = screen.accept("--json")
    assert code == 0
    told = json.loads(said)
    assert told["accepted"] is True
    assert told["parts"][0]["difference"] == []
    assert len(screen.scene.ledger.acceptances("toolbar")) == 1


def test_before_any_look_there_is_nothing_to_accept(screen: Screen) -> None:
    assert screen.accept("--yes")[0] == 2


def test_an_acceptance_is_never_changed(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with ledger.transaction() as t:
            t.propose("a", {"x": 1, "y": [None, "\udcff"]}, START)
            t.propose("b", {"x": 2}, START)
        for hours in (0, 1):
            with ledger.transaction() as t:
                t.propose("a", {"x": hours}, START + timedelta(hours=hours))
            for proposal in ledger.proposals("a"):
                with ledger.transaction() as t:
                    t.accept(proposal, "asha", START + timedelta(hours=hours))
        assert ledger.accepted("a") == {"x": 1, "y": [None, "\udcff"]}
        assert [(row.name, row.value) for row in ledger.acceptances("a")][:2] == [
            ("x", 0),
            ("y", [None, "\udcff"]),
        ]
        assert ledger.accepted("b") == {}
        with pytest.raises(Exception, match="append-only"), ledger.transaction() as t:
            t._database.change("UPDATE acceptances SET accepted_by = 'nobody'")
