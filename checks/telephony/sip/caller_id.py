"""Who calls, as the called side is told: From (RFC 3261), P-Asserted-Identity (RFC 3325),
Remote-Party-ID, Diversion.

A number is compared by its digits, spaces, dots, brackets and dashes aside; "*" stands for any
beginning or end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checks.telephony.sip.ladder import Message

# As written in a script -> how the header is spelled; its compact form is read as well.
HEADERS: Mapping[str, tuple[str, ...]] = {
    "from": ("From",),
    "p-asserted-identity": ("P-Asserted-Identity",),
    "remote-party-id": ("Remote-Party-ID",),
    "diversion": ("Diversion",),
    # Call-ID says which call it is; the others say who calls.
    "call-id": ("Call-ID",),
}
_URI = re.compile(r"(?:sips?|tel):(?:([^@;>\s]+)@)?([^;>\s,]*)", re.IGNORECASE)
# A header of the far end goes into a ticket: it stays short.
_LONGEST = 200


def identities(invite: Message) -> dict[str, list[str]]:
    """Every header of an INVITE that says who calls."""
    found = {
        name: [v[:_LONGEST] for one in spelled for v in invite.headers(one)]
        for name, spelled in HEADERS.items()
    }
    return {name: values for name, values in found.items() if values}


def number_of(value: str) -> str:
    """The user part of an address, or the number of a tel URI; "" where there is none."""
    found = _URI.search(value)
    if not found:
        return ""
    # A sip URI without a user is a host, and shows no number; a tel URI is a number by itself (RFC
    # 3966).
    return found[1] or ("" if value[found.start() :].lower().startswith("sip") else found[2])


def is_it(presented: str, expected: str) -> bool:
    """Whether a presented number is the expected one."""
    return fnmatchcase(_plain(presented), _plain(expected))


def _plain(number: str) -> str:
    # Visual separators of RFC 3966 section 3: they do not change a number.
    return re.sub(r"(?<=\d)[ .()/-]+(?=[\d*(])|[()]", "", number.strip()).casefold()


# Of a number that networks prefix at will (0 91 11, +91 11, 11): what they leave alone.
_TELLING_DIGITS = 6


def same_number(one: str, other: str) -> bool:
    """Whether two spellings are one number: the same, or the last digits of each other's."""
    if is_it(one, other):
        return True
    # ITU-T E.164: 00 and 0 are prefixes that are dialled, and no part of the number.
    digits = [re.sub(r"\D", "", number).lstrip("0") for number in (one, other)]
    shorter, longer = sorted(digits, key=len)
    # Letters make an account's name, not a number: "agent-1" is not "agent-21".
    names = re.search(r"[A-Za-z]", one + other)
    return not names and len(shorter) >= _TELLING_DIGITS and longer.endswith(shorter)
