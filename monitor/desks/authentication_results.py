"""Whether our own mail server vouches for the address in From (RFC 8601).

    Authentication-Results: mx.example.net; dmarc=pass header.from=example.com;
        dkim=pass (good signature) header.d=example.com header.s=2026

Rules:
1. Only headers that carry the configured authserv-id count, and only above the Received lines of
   our own servers: what stands further down came with the mail, from its author (section 7.1).
2. One of our name further down says that our server lets such headers pass: then none counts.
3. "pass" counts for the domain in From alone: by DMARC, or by a signature whose domain is that one
   or above it (RFC 7489 section 3.1.1, but for a sibling below a common parent: telling whether
   that parent is a registry takes a list that changes).
4. A verdict by DMARC is the last word, and pass its only good one: an answer acts on a ticket, so
   the mail has to be proven. "none" (a domain without a policy), temperror and permerror prove
   nothing, whatever signature stands beside them; where our server gives no verdict by DMARC, a
   signature by rule 3 does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NAME = "authentication-results"
# RFC 5322 section 2.1.1 has lines of 998; a verdict of six methods is some 600 letters.
_LONGEST = 4000
_PAIR = re.compile(r"([a-z][a-z0-9-]{0,30})(?:\.([a-z][a-z0-9-]{0,30}))?=([^\s;]{1,260})", re.I)


def vouched(
    headers: Iterable[tuple[str, str]], authserv_id: str, own_received: int, domain: str
) -> bool:
    """Whether one of our servers has found a mail to be of `domain`. `headers` are in their order;
    `own_received` is how many Received lines our servers may have put above their verdict.
    """
    verdicts, received = list[str](), 0
    for name, value in headers:
        received += name.lower() == "received"
        if name.lower() != _NAME:
            continue
        words = without_comments(value[:_LONGEST])
        server, _, results = words.partition(";")
        if server.split()[:1] != [authserv_id.lower()]:
            continue
        if received > own_received:
            return False
        verdicts.append(results)
    found = [one for verdict in verdicts for one in _results(verdict)]
    if any(one.get("") == "dmarc" and one["result"] != "pass" for one in found):
        return False
    return any(one["result"] == "pass" and _is_of(one, domain.lower()) for one in found)


def _is_of(result: dict[str, str], domain: str) -> bool:
    if result[""] == "dmarc":
        return result.get("header.from", "") == domain
    if result[""] != "dkim":
        return False
    signed = result.get("header.d", "") or result.get("header.i", "").rpartition("@")[2]
    return "." in signed and (signed == domain or domain.endswith(f".{signed}"))


def _results(verdict: str) -> Iterator[dict[str, str]]:
    """Each method with its result and its properties: {"": "dkim", "result": "pass", "header.d":
    "example.com"}.
    """
    for part in verdict.split(";"):
        pairs = [(m[1], m[2], m[3].strip('"')) for m in _PAIR.finditer(part)]
        if not pairs or pairs[0][1]:
            continue
        (method, _, result), *properties = pairs
        named = {f"{kind}.{name}": value for kind, name, value in properties if name}
        yield {**named, "": method, "result": result}


def without_comments(value: str) -> str:
    """A header's value in small letters, its comments (RFC 5322 section 3.2.2) gone. What stands in
    quotes is kept, but for what would end a result.
    """
    kept, depth, quoted, escaped = list[str](), 0, False, False
    for sign in value.lower():
        if escaped:
            escaped = False
            continue
        if sign == "\\":
            escaped = True
        elif sign == '"' and not depth:
            quoted = not quoted
        elif sign == "(" and not quoted:
            depth += 1
        elif sign == ")" and not quoted and depth:
            depth -= 1
        elif not depth:
            kept.append(" " if sign.isspace() or (quoted and sign in ";=") else sign)
    return "".join(kept)
