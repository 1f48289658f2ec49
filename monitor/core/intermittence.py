"""Trouble that comes and goes: when single failures amount to a break, and how long a ticket is
held for them.

Rule 1: `BAD_LOOKS` of the last `COUNTED_LOOKS` looks break a check as a row of `confirm` does;
never fewer than `confirm`, so that whoever asked for more patience has it here too. Looks before
the last recovery do not count. Rule 2: what comes back under its key is counted. The first time it
is reopened within the hour, from the second time on within a day, and from then on a recovery
closes the ticket only after a quiet time that doubles each time.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.core.flapping import STATES

# The states that are kept for the flap rule anyway (Nagios keeps 21).
COUNTED_LOOKS = STATES
# A good quarter of them: what one dead backend of four behind a balancer costs, whose failures
# never come in a row. The odds by simulation of `step`, 3000 days of one check each (every five
# minutes, confirm = 2 after 20 s):
#
# | looks that fail, at random | breaks by a row, a day | by 6 of 21, a day | median to the first |
# |----------------------------|------------------------|-------------------|---------------------|
# |  5 % (a rare failure)      | 0.69                   | 0.004             | 27 h                |
# | 10 %                       | 2.3                    | 0.11              | 5 h                 |
# | 20 %                       | 2.7                    | 0.35              | 70 min              |
# | 50 %                       | 0.09 (it flaps on)     | 0                 | 10 min              |
#
# 5 of 21 would be 0.06 a day at 5 %, fifteen times as many for nothing; 7 of 21 would miss the one
# of four. Every other look: 25 min; every third: 50 min; every fourth: 75 min; every fifth or
# rarer: never, whatever the time.
BAD_LOOKS = 6

# The same trouble within this time after closing goes on under the old ticket.
REOPEN_WITHIN_SECONDS = 3600.0
# Within this time after closing the same trouble counts as having come back; the second time it is
# one ticket.
RECUR_WITHIN_SECONDS = 86400.0
# Doubling with each return is what RFC 2439 (BGP route flap damping) does: the more often, the
# longer it is held down.
LONGEST_HOLD_SECONDS = 12 * 3600.0
# Up to this many returns each end and each return is told; after that they are only counted.
TOLD_RETURNS = 2


def misses(states: Sequence[str], counted: int, failed: str) -> tuple[int, int]:
    """How many of the last `counted` states failed, and of how many: those since the first failure
    among them.
    """
    recent = states[-counted:] if counted else ()
    first = next((place for place, state in enumerate(recent) if state == failed), len(recent))
    since = recent[first:]
    return sum(state == failed for state in since), len(since)


def hold_seconds(returns: int) -> float:
    """How long trouble that came back so often has to be quiet before its ticket is closed."""
    # The first return alone may be chance. From the second on the hold is 1, 2, 4 and 8 hours, and
    # then stays at 12.
    return min(3600.0 * 2 ** (returns - 2), LONGEST_HOLD_SECONDS) if returns >= 2 else 0.0


def reopen_within_seconds(returns: int) -> float:
    """How long after its closing a ticket goes on under its number."""
    return RECUR_WITHIN_SECONDS if returns else REOPEN_WITHIN_SECONDS
