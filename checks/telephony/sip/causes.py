"""Q.850 causes: why a trunk let go of a call, and what SIP makes of it.

A gateway keeps the ISDN cause in `Reason: Q.850;cause=34;text="..."` (RFC 3326). The mapping to SIP
statuses is RFC 3398 section 7.2.4.1; vendors differ, so the cause is kept beside the status and
never guessed from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

_REASON = re.compile(r"\bQ\.850\s*;(?:[^,]*;)?\s*cause\s*=\s*(\d{1,3})\b", re.IGNORECASE)


class CauseClass(StrEnum):
    """Whose trouble a cause points at."""

    NORMAL = "normal"
    ROUTING = "routing or number plan"
    FAR_END = "far end"
    CONGESTION = "congestion or network"
    TRUNK = "trunk or far end down"
    OTHER = "other"


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
"""ITU-T Q.850, table 1: the causes met on contact-centre trunks."""

_CLASSES: dict[CauseClass, tuple[int, ...]] = {
    CauseClass.NORMAL: (16, 31),
    CauseClass.ROUTING: (1, 2, 3, 22, 28),
    CauseClass.FAR_END: (17, 18, 19, 20, 21),
    CauseClass.CONGESTION: (34, 38, 41, 42, 44, 47),
    CauseClass.TRUNK: (27, 102),
}

_STATUSES: dict[int, tuple[int, ...]] = {
    403: (21, 55, 57, 87),
    404: (1, 2, 3, 26),
    408: (18,),
    410: (22,),
    480: (19, 20, 31),
    484: (28,),
    486: (17,),
    488: (65, 70),
    500: (111, 127),
    501: (29, 79),
    502: (27,),
    503: (34, 38, 41, 42, 47, 58, 88),
    504: (102,),
}


def cause_in(reasons: Iterable[str]) -> int | None:
    """The Q.850 cause among the values of a message's Reason headers, or None."""
    return next((int(match[1]) for reason in reasons if (match := _REASON.search(reason))), None)


def name_of(cause: int) -> str:
    """The cause in words; "cause 99" for one that the table does not hold."""
    return NAMES.get(cause, f"cause {cause}")


def class_of(cause: int) -> CauseClass:
    """Whose trouble it is."""
    return next((of for of, causes in _CLASSES.items() if cause in causes), CauseClass.OTHER)


def status_of(cause: int) -> int | None:
    """The SIP status that RFC 3398 makes of it; None where it names none (16 ends a call with BYE)."""
    return next((status for status, causes in _STATUSES.items() if cause in causes), None)
