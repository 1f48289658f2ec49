"""What a registrar grants: the bindings in its answer to REGISTER (RFC 3261 section 10.3).

    < SIP/2.0 200 OK
    < Contact: <sip:monitor@192.0.2.7:49152>;expires=60        as we gave it
    < Contact: <sip:monitor@198.51.100.7:40000>;expires=60     or as a NAT helper rewrote it
    < Expires: 60                                              or this alone

Rules: the Contact that is the same as ours is ours; without one, that of our user, since
registrars write the address there that the request came from. A registrar that writes no Contact
and names a time has bound what it was asked for; "*", or a Contact of nobody, is a list without us.
A time that cannot be read in the Expires header is 3600 s (RFC 3261 section 20.19).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sipmessage import Response

from checks.telephony.sip.name_address import NameAddress, SipUri, addresses, sip_uri

# RFC 3261 section 20.19: a number of 32 bits; what is malformed counts as 3600.
_LARGEST, _MALFORMED_SECONDS = 2**32 - 1, 3600
# RFC 3261 sections 19.1.2 and 18: the port where none is written.
_USUAL_PORTS = {"sip": 5060, "sips": 5061}


@dataclass(frozen=True, slots=True)
class Bindings:
    """The contacts of an account as its registrar tells them, and the time in Expires."""

    contacts: Sequence[NameAddress]
    header_seconds: int | None
    listed: bool
    """whether the answer has a Contact at all, be it "*" or empty, which name nobody"""

    @classmethod
    def told(cls, answer: Response) -> Bindings:
        """Those in an answer. Raises ValueError for a Contact that is none."""
        written = answer.headers.getlist("Contact")
        # "*" stands for what is taken away, and names nobody (RFC 3261 section 10.2.2).
        contacts = [one for one in addresses(written) if one.uri != "*"]
        return cls(contacts, _of_header(answer.headers.get("Expires")), bool(written))

    def of(self, own: SipUri) -> NameAddress | None:
        """Our Contact among them, as it was given or as it was rewritten; None if neither."""
        sip = [(one, uri) for one in self.contacts if (uri := _sip(one))]
        same = (one for one, uri in sip if _place(uri) == _place(own))
        rewritten = (one for one, uri in sip if uri.user == own.user and own.user)
        return next(same, None) or next(rewritten, None)

    def bind(self, own: NameAddress | None) -> bool:
        """Whether ours is among them, or none is listed and yet a time is granted."""
        return own is not None or (not self.listed and self.header_seconds is not None)

    def granted(self, own: NameAddress | None) -> int | None:
        """For how many seconds ours is bound; None where nothing is said of it. Raises ValueError
        for a time that is none.
        """
        # The expires parameter of a Contact wins over the Expires header (RFC 3261 section 10.3,
        # step 7).
        written = own.parameters.get("expires") if own else None
        if written is None:
            return self.header_seconds
        # RFC 2543 section 6.20 had dates here, in quotes for their comma.
        if "GMT" in written:
            return _MALFORMED_SECONDS
        if not (written.isascii() and written.isdigit()):
            raise ValueError(f"expires={written[:20]!r} is no number of seconds")
        return min(int(written[:11]), _LARGEST)


def least_seconds(answer: Response) -> float | None:
    """The least time that a registrar takes, where it refuses a shorter one (423 Interval Too
    Brief, RFC 3261 section 10.2.8); None for any other answer.
    """
    longer = (answer.headers.get("Min-Expires") or "").strip()
    known = longer.isascii() and longer.isdigit() and len(longer) < 8
    return float(longer) if answer.code == 423 and known else None


def _of_header(written: str | None) -> int | None:
    if written is None:
        return None
    # RFC 3261 section 20.19 has digits alone; a comment or a date is what older ones sent.
    digits = written.strip()
    known = digits.isascii() and digits.isdigit()
    return min(int(digits[:11]), _LARGEST) if known else _MALFORMED_SECONDS


def _sip(one: NameAddress) -> SipUri | None:
    try:
        return sip_uri(one.uri)
    except ValueError:
        # tel:, mailto: and others may stand beside ours (RFC 3261 section 20.10).
        return None


def _place(uri: SipUri) -> tuple[str, str, int]:
    return uri.user, uri.host, uri.port or _USUAL_PORTS[uri.scheme]
