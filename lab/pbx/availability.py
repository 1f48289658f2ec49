"""What an INVITE to a number would get just now, also said to OPTIONS (RFC 3261 section 11.2)."""

from __future__ import annotations

from collections.abc import Sequence

from lab.injected_faults import Faults
from lab.pbx import routing, sip_messages
from lab.pbx.ivr import MAIN_NUMBER

# ITU-T Q.850 causes, as a trunk's provider sends them in Reason (RFC 3326); the SIP codes beside
# them are those of RFC 3398 section 7.2.4.1.
UNALLOCATED = sip_messages.reason(1, "Unallocated (unassigned) number")
BUSY = sip_messages.reason(17, "User busy")
NO_CIRCUIT = sip_messages.reason(34, "No circuit/channel available")


def availability(number: str | None, users: Sequence[str], faults: Faults) -> tuple[int, str]:
    """The SIP code, and the value of a Reason header where the answer is no. `number` is None for
    an OPTIONS that asks for the exchange itself.
    """
    if faults.broken("trunk-refuses"):
        return 503, NO_CIRCUIT
    if number is None:
        return 200, ""
    if number != MAIN_NUMBER:
        known = routing.is_special(number) or routing.user_of(number, users)
        return (200, "") if known else (404, UNALLOCATED)
    return (486, BUSY) if faults.broken("busy") else (200, "")
