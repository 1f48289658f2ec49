"""Prove who asks, by digest (RFC 2617, RFC 7616, RFC 8760 for SIP).

Rule: of several challenges the strongest that we know is answered: SHA-256 before MD5.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence

from checks.masking import hide

# RFC 7616 section 3.3: values are quoted strings or tokens, in any order.
_PARAMETER = re.compile(r'(?<![\w-])([A-Za-z][\w-]*+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]++))')
# The strongest first: RFC 8760 section 2.4 has the client answer the topmost that it supports.
_HASHES = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}


def challenge(values: Sequence[str]) -> dict[str, str] | None:
    """The parameters of the strongest Digest challenge among these header values; None if none is
    known.
    """
    known = [read for value in values if (read := _read(value)) and read["algorithm"] in _HASHES]
    return min(known, key=lambda read: list(_HASHES).index(read["algorithm"]), default=None)


def credentials(asked: dict[str, str], user: str, password: str, method: str, uri: str) -> str:
    """The value of the Authorization (or Proxy-Authorization) header that answers a challenge."""
    realm, nonce, name = asked.get("realm", ""), asked.get("nonce", ""), asked["algorithm"]
    secret, what = _hash(name, f"{user}:{realm}:{password}"), _hash(name, f"{method}:{uri}")
    given = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
    bare = {"algorithm": name}
    # With qop the response covers a nonce of our own and a count; without it RFC 2069's form is
    # used.
    if "auth" in [part.strip() for part in asked.get("qop", "").split(",")]:
        own = secrets.token_hex(8)
        given |= {
            "cnonce": own,
            # A nonce is used once here, so that the count is always 1 (RFC 7616 section 3.4).
            "response": _hash(name, f"{secret}:{nonce}:00000001:{own}:auth:{what}"),
        }
        bare |= {"qop": "auth", "nc": "00000001"}
    else:
        given["response"] = _hash(name, f"{secret}:{nonce}:{what}")
    if "opaque" in asked:
        given["opaque"] = asked["opaque"]
    # MD5 over a nonce of the far end's choice: whoever reads it can try passwords against it.
    hide(given["response"])
    parts = [f'{key}="{_escaped(value)}"' for key, value in given.items()]
    return "Digest " + ", ".join(parts + [f"{key}={value}" for key, value in bare.items()])


def _read(value: str) -> dict[str, str] | None:
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    found = {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else bare
        for name, quoted, bare in _PARAMETER.findall(rest)
    }
    # No algorithm parameter means MD5 (RFC 7616 section 3.3).
    return {**found, "algorithm": found.get("algorithm", "MD5").upper()}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _hash(name: str, text: str) -> str:
    """Hexadecimal. MD5 is what most registrars ask for; only TLS hides the exchange."""
    made = hashlib.new(name.replace("-", "").lower(), text.encode(), usedforsecurity=False)
    return made.hexdigest()
