"""Nothing is lost and nothing doubled, wherever the daemon is killed; `bench crash` does the same
200 times.
"""

from __future__ import annotations

import random
from pathlib import Path

from tests.scenes.crash import live


async def test_a_life_with_eight_kills(tmp_path: Path) -> None:
    life = await live(tmp_path, random.Random(20261122), kills=8)
    assert life.faults == ()
    assert len(life.kills) == 8
