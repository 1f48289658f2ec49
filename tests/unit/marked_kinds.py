"""The kinds of checks as parameters of a test, those that need a browser with its mark."""

from __future__ import annotations

import pytest

from checks.kinds import kinds
from checks.web.browsing import Executable


def marked() -> list[object]:
    """A name each."""
    return [
        pytest.param(name, marks=[pytest.mark.browser] * issubclass(kind, Executable))
        for name, kind in kinds().items()
    ]
