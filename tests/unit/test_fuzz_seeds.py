"""Each example and each find of fuzzing is read once: by its parser or by its clear answer, in no
time. What `./reveille bench fuzz` finds stays a test so.
"""

from __future__ import annotations

import pytest

from tests.fuzz.target import MOST_SECONDS, Target
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS.values(), ids=str)
def test_every_seed_and_every_find_is_read_or_answered(target: Target) -> None:
    assert target.seeds(), f"tests/fuzz/seeds/{target.name} holds no example"
    for path in target.seeds():
        seconds = target.hold(path.read_bytes())
        assert seconds < MOST_SECONDS, f"{path} takes {seconds:.1f} s"
