"""What the records of an answer say, in a process of its own: the library for it takes more memory
than a daemon that mostly waits should keep. `python -m checks.network.dns_reader TYPE` reads the
answer from its standard input.

    {"status": "NOERROR", "ttl": 300, "found": ["192.0.2.10", ...]}     what the answer says
    {"wrong": "ShortHeader"}                                            it is no answer
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from checks.contract import CannotTell, Failed
from checks.process.parent import answered, python

if TYPE_CHECKING:
    from dns.message import Message
    from dns.rdata import Rdata
    from dns.rdatatype import RdataType
    from dns.rrset import RRset

_PROGRAM = "checks.network.dns_reader"
# A datagram is read in milliseconds; the rest is for a machine that is busy.
_WITHIN_SECONDS = 20.0
_LONGEST = 300


async def read(data: bytes, record: str) -> dict[str, Any]:
    """Status, time to live and records of the type asked for. Raises Failed for what is no answer,
    CannotTell.
    """
    try:
        answer = await answered(python(_PROGRAM, record), data, _WITHIN_SECONDS)
    except TimeoutError:
        raise CannotTell(f"the answer could not be read within {_WITHIN_SECONDS:g} s") from None
    except OSError as problem:
        raise CannotTell(f"the process that reads answers cannot start: {problem}") from problem
    if answer.status:
        raise CannotTell(
            f"the process that reads answers ended with status {answer.status}:"
            f" {answer.complaint[:200]}"
        )
    told: dict[str, Any] = json.loads(answer.output)
    if "wrong" in told:
        raise Failed("bad-peer", f"the answer cannot be read: {told['wrong']}")
    return told


def said(data: bytes, record: str) -> dict[str, Any]:
    """Read an answer, in the process of its own: what `read` returns, or what is wrong."""
    import struct

    import dns.exception
    import dns.message
    import dns.rcode
    import dns.rdatatype

    try:
        message = dns.message.from_wire(data, ignore_trailing=True)
    except dns.message.Truncated as cut:
        message = cut.message()  # type: ignore[no-untyped-call]
    except (dns.exception.DNSException, ValueError, IndexError, struct.error) as problem:
        return {"wrong": type(problem).__name__}
    sets, alias, circle = _at_the_end(message, dns.rdatatype.from_text(record))
    return {
        "status": dns.rcode.to_text(message.rcode()),
        # RFC 2181 section 5.2: records of one set should have one TTL; where they differ the least
        # counts.
        "ttl": min((one.ttl for one in sets), default=None),
        "found": sorted(_written(record) for one in sets for record in one),
        "alias": alias,
        "circle": circle,
        # RFC 2308 section 2.2: neither an answer nor the SOA of "there is none".
        "referral": not message.answer
        and any(one.rdtype == dns.rdatatype.NS for one in message.authority),
    }


def _at_the_end(message: Message, wanted: RdataType) -> tuple[list[RRset], str, bool]:
    """The records of the type at the end of the chain of aliases that begins with the question (RFC
    1034 section 4.3.2), the last alias, and whether the chain is a circle.
    """
    import dns.rdataclass
    import dns.rdatatype

    if not message.question:
        return [], "", False
    by_owner: dict[tuple[Any, Any], list[RRset]] = {}
    for one in message.answer:
        if one.rdclass == dns.rdataclass.IN:
            by_owner.setdefault((one.name, one.rdtype), []).append(one)
    first = name = message.question[0].name
    been, circle = set[Any](), False
    while not (found := by_owner.get((name, wanted), [])) and not circle:
        been.add(name)
        if not (aliases := by_owner.get((name, dns.rdatatype.CNAME))):
            break
        name = aliases[0][0].target
        circle = name in been
    last = "" if name == first else name.to_text(omit_final_dot=True)[:_LONGEST]
    return found, last, circle


def _written(record: Rdata) -> str:
    """A record as a zone file has it; a text record without its quotes."""
    strings: tuple[bytes, ...] | None = getattr(record, "strings", None)
    # A TXT record is several strings of 255 bytes at most, which SPF and DKIM read as one (RFC 7208
    # section 3.3).
    text = record.to_text() if strings is None else b"".join(strings).decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else " " for sign in text)[:_LONGEST]


if __name__ == "__main__":
    json.dump(said(sys.stdin.buffer.read(), sys.argv[1]), sys.stdout)
