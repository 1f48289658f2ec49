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

HEADERS: Mapping[str, tuple[str, ...]] = {
    "from": ("From", "f"),
    "p-asserted-identity": ("P-Asserted-Identity",),
    "remote-party-id": ("Remote-Party-ID",),
    "diversion": ("Diversion",),
    "call-id": ("Call-ID", "i"),
}
"""as written in a script -> how the header is spelled; the last says which call it is"""
_URI = re.compile(r"(?:sips?|tel):(?:([^@;>\s]+)@)?([^;>\s,]*)", re.IGNORECASE)
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
    return found[1] or ("" if value[found.start() :].lower().startswith("sip") else found[2])


def is_it(presented: str, expected: str) -> bool:
    """Whether a presented number is the expected one."""
    return fnmatchcase(_plain(presented), _plain(expected))


def _plain(number: str) -> str:
    return re.sub(r"(?<=\d)[ .()/-]+(?=[\d*(])|[()]", "", number.strip()).casefold()
