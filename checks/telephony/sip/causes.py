"""Q.850 causes: why a trunk let go of a call.

A gateway keeps the ISDN cause in `Reason: Q.850;cause=34;text="..."` (RFC 3326). Vendors differ in
the SIP status that they make of it (RFC 3398, 7.2.4.1), so the cause is kept beside the status and
never guessed from it.
"""

from __future__ import annotations

from collections.abc import Iterable

from checks.contract import Failed
from checks.digits import whole
from checks.telephony.sip.name_address import listed, parameters

# ITU-T Q.850 section 2.2.5: seven bits, and no cause has the value 0: Asterisk and others write it
# where they know of none.
_CAUSES = range(1, 128)
# A far end may write a header of kilobytes: the cause stands at its beginning.
_LONGEST = 2000

# ITU-T Q.850, table 1: the causes met on contact-centre trunks.
NAMES: dict[int, str] = {
    1: "unallocated number",
    2: "no route to transit network",
    3: "no route to destination",
    16: "normal call clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer from user",
    20: "subscriber absent",
    21: "call rejected",
    22: "number changed",
    26: "non-selected user clearing",
    27: "destination out of order",
    28: "invalid number format",
    29: "facility rejected",
    31: "normal, unspecified",
    34: "no circuit or channel available",
    38: "network out of order",
    41: "temporary failure",
    42: "switching equipment congestion",
    44: "requested circuit or channel not available",
    47: "resource unavailable",
    55: "incoming calls barred within closed user group",
    57: "bearer capability not authorised",
    58: "bearer capability not presently available",
    65: "bearer capability not implemented",
    70: "only restricted digital information is available",
    79: "service or option not implemented",
    87: "user not member of closed user group",
    88: "incompatible destination",
    102: "recovery on timer expiry",
    111: "protocol error",
    127: "interworking, unspecified",
}


def cause_in(reasons: Iterable[str]) -> int | None:
    """The Q.850 cause among the values of a message's Reason headers, or None (RFC 3326): it is a
    parameter, and what stands between the quotes of a text is none.
    """
    for one in listed(reason[:_LONGEST] for reason in reasons):
        protocol, _, rest = one.partition(";")
        cause = whole(parameters(rest).get("cause", ""))
        if protocol.strip().upper() == "Q.850" and cause in _CAUSES:
            return cause
    return None


def refused(status: int, phrase: str, reasons: Iterable[str] = ()) -> Failed:
    """A final response that says no, as a fault: `sip:503`, or `sip:503/34` with the Q.850 cause of
    its Reason headers (RFC 3326).
    """
    given = list(reasons)
    cause = cause_in(given)
    code = f"sip:{status}" if cause is None else f"sip:{status}/{cause}"
    return Failed(code, with_reasons(phrase, given))


def with_reasons(said: str, reasons: Iterable[str]) -> str:
    """What was said, the Q.850 cause in words, and the Reason headers as they came."""
    given = list(reasons)
    cause = cause_in(given)
    named = [] if cause is None else [f"Q.850 cause {cause}, {name_of(cause)}"]
    return "; ".join([said, *named, *(f"Reason: {reason}" for reason in given)])


def name_of(cause: int) -> str:
    """The cause in words; "cause 99" for one that the table does not hold."""
    return NAMES.get(cause, f"cause {cause}")
