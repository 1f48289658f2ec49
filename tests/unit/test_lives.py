"""Lives of incidents on a moved clock, a few of those that `./reveille bench lives` lives; and that
what judges them sees what is wrong.
"""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

from monitor.incidents.opening import Opening
from monitor.incidents.ticket_actions import TicketActions
from monitor.testing.scenario import Scene
from tests.scenes.lives import Aways, faults
from tests.scenes.moved_lives import START, Row


async def test_every_step_of_a_few_lives_comes_once_and_in_time(tmp_path: Path) -> None:
    seen = await Row(tmp_path, random.Random(7), "voxeo").live(1)
    assert seen.lives >= 5
    assert not seen.faults


async def test_what_is_lost_late_or_doubled_is_seen(tmp_path: Path) -> None:
    site = Scene(START, {}, policy="ozonetel", folder=tmp_path)
    Opening(site.ledger, site.configuration, site.clock.now()).issue("pri-down", "dead", "asha")
    await site.run_for(minutes=1)
    # Nobody keeps watch when level 2 is due, and nobody says so.
    site.clock.advance(7200)
    await site.run_for(minutes=1)
    TicketActions(site.ledger, site.configuration, site.clock.now()).resolve(1, "ravi", "mended")
    await site.run_for(minutes=1)
    keys = [letter.key for letter in site.desk.letters]
    found = list(faults(site.ledger, site.configuration, Aways(), keys[1:]))
    assert "came" in found[0], "a letter that did not go out"
    assert any("level 2 was told at" in one for one in found), "late"
    away = Aways([(START + timedelta(minutes=1), START + timedelta(hours=2, minutes=1))])
    assert not list(faults(site.ledger, site.configuration, away, keys))
    site.stop_daemon()
