"""Digest credentials for SIP (RFC 3261 section 22, RFC 7616, RFC 8760): MD5 and SHA-256, with qop=auth or without."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence

from checks.contract import Refused

_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


def chosen(written: Sequence[str]) -> Mapping[str, str]:
    """The parameters of the first challenge that can be answered. Raises Refused."""
    for value in written:
        scheme, _, rest = value.strip().partition(" ")
        asked = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}
        known = asked.get("algorithm", "MD5").upper() in _HASHES
        if scheme.lower() == "digest" and known and {"realm", "nonce"} <= set(asked):
            return asked
    raise Refused("bad-peer", "credentials were asked for in a way that is no digest of MD5 or SHA-256")


def credentials(asked: Mapping[str, str], user: str, password: str, method: str, uri: str) -> str:
    """The value of an Authorization header that answers a challenge (RFC 7616 section 3.4)."""
    algorithm, nonce, client = asked.get("algorithm", "MD5"), asked["nonce"], secrets.token_hex(8)
    secret = _hashed(algorithm, f"{user}:{asked['realm']}:{password}")
    about = _hashed(algorithm, f"{method}:{uri}")
    counted = "auth" in [option.strip() for option in asked.get("qop", "").split(",")]
    middle = f"{nonce}:00000001:{client}:auth" if counted else nonce
    given = {"username": user, "realm": asked["realm"], "nonce": nonce, "uri": uri}
    given["response"] = _hashed(algorithm, f"{secret}:{middle}:{about}")
    if "opaque" in asked:
        given["opaque"] = asked["opaque"]
    text = ", ".join(f'{name}="{value}"' for name, value in given.items())
    more = f', qop=auth, nc=00000001, cnonce="{client}"' if counted else ""
    return f"Digest {text}, algorithm={algorithm}{more}"


def _hashed(algorithm: str, text: str) -> str:
    return hashlib.new(_HASHES[algorithm.upper()], text.encode(), usedforsecurity=False).hexdigest()
