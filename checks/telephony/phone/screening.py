"""Which calls a phone of ours takes. An agent's phone, in a queue that real callers wait in, must
not take theirs; and nobody's that does not come by the line's own registrar.

A registrar's call that is not ours is refused with 486 (Busy Here), so that the queue gives it to
another agent, and the phone goes on waiting for ours. What comes from elsewhere (SIP scanners knock
at every port) gets 403 (Forbidden), and counts for nothing: not as a call, not as a customer's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checks.telephony.sip.caller_id import identities, is_it, number_of, same_number
from checks.telephony.sip.ladder import Ladder

Identities = Mapping[str, Sequence[str]]
"""header -> its values (caller_id.py)"""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a line's calls come from: host:port, address or network, as `Account.sources` has them;
    none at all: from anywhere.
    """

    places: tuple[str, ...] = ()

    def hold(self, far: str) -> bool:
        """Whether a far address (host:port) is one of them."""
        host = far.rpartition(":")[0].strip("[]")
        return (
            not self.places
            or far in self.places
            or any(_within(host, place) for place in self.places)
        )


def _within(host: str, place: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(place, strict=False)
    except ValueError:  # host:port, which was compared as it is
        return False


@dataclass(frozen=True, slots=True)
class Screen:
    """Takes every call of the registrar's, unless `caller` or `own` say whose are to be taken."""

    caller: str | None = None
    """the number that our own calls show; "*" stands for any beginning or end"""
    own: str | None = None
    """where `caller` is not said: our line's own number, in whatever way networks write it"""
    picks_up: bool = False
    """whether the phone answers by itself as soon as it rings"""

    def admits(self, identities: Identities) -> bool:
        """Whether one of the headers that say who calls holds the number."""
        shown = [number_of(value) for values in identities.values() for value in values]
        # RFC 3325 and Remote-Party-ID may differ from From: any of them may show our number.
        if self.caller is not None:
            return any(is_it(number, self.caller) for number in shown if number)
        if self.own is not None:
            return any(same_number(number, self.own) for number in shown if number)
        return True


def callers_in(ladder: Ladder) -> Identities:
    """Who the latest INVITE says that it is from."""
    invite = ladder.far_request("INVITE")
    return identities(invite) if invite else {}
