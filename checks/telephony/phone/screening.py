"""Which calls a phone of ours takes. An agent's phone, in a queue that real callers wait in, must
not take theirs.

A call from somebody else is refused with 486 (Busy Here), so that the queue gives it to another
agent, and the phone goes on waiting for ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checks.telephony.sip.caller_id import identities, is_it, number_of
from checks.telephony.sip.ladder import Ladder

Identities = Mapping[str, Sequence[str]]
"""header -> its values (caller_id.py)"""


@dataclass(frozen=True, slots=True)
class Screen:
    """Takes every call, unless `caller` names whose calls are to be taken."""

    caller: str | None = None
    """the number that our own calls show; "*" stands for any beginning or end"""
    picks_up: bool = False
    """whether the phone answers by itself as soon as it rings"""

    def admits(self, identities: Identities) -> bool:
        """Whether one of the headers that say who calls holds the number."""
        if self.caller is None:
            return True
        shown = [number_of(value) for values in identities.values() for value in values]
        # RFC 3325 and Remote-Party-ID may differ from From: any of them may show our number.
        return any(is_it(number, self.caller) for number in shown if number)


def callers_in(ladder: Ladder) -> Identities:
    """Who the latest INVITE says that it is from."""
    invite = ladder.far_request("INVITE")
    return identities(invite) if invite else {}
