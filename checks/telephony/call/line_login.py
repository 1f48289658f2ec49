"""How an agent's line is logged in before the queue rings it, as written in the configuration.

agent_login.py dials it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from checks.settings import Duration, Secret, Settings
from checks.telephony.call.prompt_file import PromptFile

# Until the far end has taken the number in, and hung up: PBXs that play nothing do so within 2 s.
SETTLE_SECONDS = 3.0
# The longest announcement "you are logged in" that is waited for, after it has begun.
PROMPT_SECONDS = 12.0

FeatureCode = Annotated[str, Field(pattern=r"^[0-9*#A-Za-z._+-]{1,32}$")]


class LogIn(Settings):
    """How an agent logs in."""

    to: FeatureCode
    """the number to dial"""
    pin: Secret | None = None
    """the personal number to press then, by reference"""
    end: Annotated[str, Field(pattern=r"^[0-9A-D*#]{0,4}$")] = "#"
    """what is pressed after it"""
    hear: PromptFile | None = None
    """the recording that says that it was taken (WAV, 8000 Hz, mono, 16-bit); without it nobody
    knows until it rings
    """
    out: FeatureCode | None = None
    """the number to dial after the test, to log out"""
    within: Duration = 10.0
    """how soon the code must be answered, and the recording begin"""

    def longest_seconds(self) -> float:
        """The longest that logging in and out can take, in seconds."""
        return 2 * (2 * self.within + PROMPT_SECONDS + SETTLE_SECONDS)
