"""Prove who asks, by digest (RFC 3261 section 22, RFC 7616, RFC 8760 for SIP).

    < SIP/2.0 407                Proxy-Authenticate: Digest realm="edge", nonce="p1", qop="auth"
    > Proxy-Authorization: …     the proxy lets us through
    < SIP/2.0 401                WWW-Authenticate: Digest realm="home", nonce="h1", …
    > Proxy-Authorization: …     both proofs, since both doors are passed again
    > Authorization: …

Rules: each realm has its own proof, and none is dropped when another door asks; of a realm's
several challenges the strongest is answered that many stacks speak. A proof that is refused is not
given again, unless only its nonce was too old (stale).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Sequence

from sipmessage import Request, Response

from checks.masking import hide
from checks.telephony.sip.name_address import listed, plain

# SHA-512-256 comes last: registrars that offer it beside MD5 seldom have it right (RFC 8760).
_HASHES = {"SHA-256": "sha256", "MD5": "md5", "SHA-512-256": "sha512_256"}
_ALGORITHMS = [*_HASHES, *(f"{name}-SESS" for name in _HASHES)]
# RFC 7616 section 3.4.3: auth covers what everybody can send; auth-int the body as well.
_QUALITIES = ("auth", "auth-int")
# A scheme, then the first of its parameters (RFC 9110 section 11.3); any blanks between (LWS).
_SCHEME = re.compile(r"([\w-]+)(?:\s+([\w-]+\s*=.*))?", re.DOTALL)
# The header that asks, the one that answers, and the one that names the next nonce (RFC 7615).
_DOORS = {
    "WWW-Authenticate": ("Authorization", "Authentication-Info"),
    "Proxy-Authenticate": ("Proxy-Authorization", "Proxy-Authentication-Info"),
}
Asked = dict[str, str]
"""a challenge: its parameters, names in lower case"""


class Proofs:
    """The proofs of one account, door by door and realm by realm."""

    def __init__(self, user: str, password: Callable[[], str]) -> None:
        self._user, self._password = user, password
        self._asked: dict[tuple[str, str], Asked] = {}
        self._given = set[tuple[str, str]]()
        self._counts: dict[str, int] = {}

    def begin(self) -> None:
        """Another question begins: it is asked plainly, but where a door named its next nonce."""
        self._given.clear()
        self._asked = {key: asked for key, asked in self._asked.items() if "next" in asked}

    @property
    def realms(self) -> list[str]:
        """Those that were given a proof."""
        return [realm for _, realm in self._given]

    def take(self, answer: Response) -> bool:
        """Whether it is worth asking again with proofs: a challenge was new, or its nonce too old.

        Raises ValueError where no challenge is one that we know.
        """
        found = {
            (door, asked.get("realm", "")): asked
            for door in _DOORS
            for asked in reversed(_strongest(answer.headers.getlist(door)))
        }
        if not found:
            raise ValueError("it asks for no digest that we know")
        new = {
            key: asked
            for key, asked in found.items()
            # stale=true: the nonce was too old and the password good (RFC 7616 section 3.3).
            if key not in self._given or asked.get("stale", "").lower() == "true"
        }
        self._asked |= new
        return bool(new)

    def sign(self, request: Request) -> None:
        """Set the proofs for every door that asked so far."""
        for door, (answers, _) in _DOORS.items():
            proofs = [
                self._proof(asked, request) for key, asked in self._asked.items() if key[0] == door
            ]
            if proofs:
                request.headers.setlist(answers, proofs)
        self._given |= self._asked.keys()

    def note(self, answer: Response) -> None:
        """A door that lets us pass may name the nonce that it wants next (RFC 7615 section 3)."""
        for door, (_, informs) in _DOORS.items():
            found = _parameters(listed(answer.headers.getlist(informs)))
            if nonce := found.get("nextnonce"):
                for key, asked in self._asked.items():
                    if key[0] == door:
                        self._asked[key] = {**asked, "nonce": nonce, "next": "true"}

    def _proof(self, asked: Asked, request: Request) -> str:
        nonce = asked.get("nonce", "")
        # RFC 7616 section 3.4: how often this nonce was used.
        count = self._counts[nonce] = self._counts.get(nonce, 0) + 1
        return credentials(
            asked,
            self._user,
            self._password(),
            request.method,
            str(request.uri),
            body=request.body,
            count=count,
        )


def challenge(values: Sequence[str]) -> Asked | None:
    """The strongest Digest challenge among these header values; None if none is known."""
    known = sorted(_read(values), key=_rank)
    return known[0] if known else None


def beyond_the_engine(values: Sequence[str]) -> bool:
    """Whether these challenges are of a form that the call engine (pjsip 2.15) gives no right proof
    to: a session's key, integrity alone, SHA-512-256, a realm with quotes, a list with blanks.
    """
    return any(
        asked["algorithm"].upper() not in ("MD5", "SHA-256")
        or any(sign in asked.get("realm", "") for sign in '"\\')
        or ("qop" in asked and "auth" not in re.split(",", asked["qop"].lower()))
        for asked in _read(values)
    )


def credentials(
    asked: Asked,
    user: str,
    password: str,
    method: str,
    uri: str,
    *,
    body: bytes = b"",
    count: int = 1,
) -> str:
    """The value of the Authorization (or Proxy-Authorization) header that answers a challenge."""
    realm, nonce, name = asked.get("realm", ""), asked.get("nonce", ""), asked["algorithm"]
    secret, own = _hash(name, f"{user}:{realm}:{password}"), secrets.token_hex(8)
    session = name.upper().endswith("-SESS")
    if session:
        # RFC 7616 section 3.4.2: the session's key is made of both nonces.
        secret = _hash(name, f"{secret}:{nonce}:{own}")
    quality = next((one for one in _QUALITIES if one in _qualities(asked)), "")
    what = f"{method}:{uri}" + (f":{_hash(name, body)}" if quality == "auth-int" else "")
    given = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
    bare = {"algorithm": name}
    between = ""
    if quality:
        bare |= {"qop": quality, "nc": f"{count:08x}"}
        between = f":{bare['nc']}:{own}:{quality}"
    # With qop the response covers a nonce of our own and a count; without, RFC 2069's form is used.
    if quality or session:
        given["cnonce"] = own
    given["response"] = _hash(name, f"{secret}:{nonce}{between}:{_hash(name, what)}")
    if "opaque" in asked:
        given["opaque"] = asked["opaque"]
    # MD5 over a nonce of the far end's choice: whoever reads it can try passwords against it.
    hide(given["response"])
    parts = [f'{key}="{_escaped(value)}"' for key, value in given.items()]
    return "Digest " + ", ".join(parts + [f"{key}={value}" for key, value in bare.items()])


def _strongest(values: Sequence[str]) -> list[Asked]:
    """The best challenge of each realm (RFC 3261 section 22.1: realms are proven apart)."""
    best: dict[str, Asked] = {}
    for asked in _read(values):
        realm = asked.get("realm", "")
        if realm not in best or _rank(asked) < _rank(best[realm]):
            best[realm] = asked
    return list(best.values())


def _read(values: Sequence[str]) -> list[Asked]:
    """The Digest challenges that we know; several may stand in a line (RFC 9110 section 11.6.1)."""
    schemes: list[tuple[str, list[str]]] = []
    for part in listed(values):
        found = _SCHEME.fullmatch(part)
        if found:
            schemes.append((found[1].lower(), [found[2] or ""]))
        elif schemes:
            schemes[-1][1].append(part)
    read = [_parameters(parts) for scheme, parts in schemes if scheme == "digest"]
    # No algorithm parameter means MD5 (RFC 7616 section 3.3). A token has no case; the answer
    # repeats it in the usual one.
    named = [{**one, "algorithm": one.get("algorithm") or "MD5"} for one in read]
    return [one for one in named if one["algorithm"].upper() in _ALGORITHMS and _answerable(one)]


def _parameters(parts: Iterable[str]) -> Asked:
    pairs = (part.partition("=") for part in parts)
    return {name.strip().lower(): plain(value) for name, _, value in pairs if name.strip()}


def _answerable(asked: Asked) -> bool:
    qualities = _qualities(asked)
    return not qualities or any(one in qualities for one in _QUALITIES)


def _qualities(asked: Asked) -> list[str]:
    return [word.lower() for word in re.split(r"[\s,]+", asked.get("qop", "")) if word]


def _rank(asked: Asked) -> int:
    return _ALGORITHMS.index(asked["algorithm"].upper())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _hash(name: str, what: str | bytes) -> str:
    """Hexadecimal. MD5 is what most registrars ask for; only TLS hides the exchange."""
    data = what.encode() if isinstance(what, str) else what
    plainly = _HASHES[name.upper().removesuffix("-SESS")]
    return hashlib.new(plainly, data, usedforsecurity=False).hexdigest()
