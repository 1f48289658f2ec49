"""Who is logged in to the page: a signed cookie, a proof that a form is the page's own, and a limit
to guessing.

Rules:
1. The cookie holds a name and an end, signed with a key that lies in the state folder and with the
   user's password: who has a new password is logged out everywhere.
2. A form acts only with the proof that stands in it, made of the cookie: another site's page has
   neither (CSRF).
3. Every comparison takes the same time, whatever is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable, Mapping

# A shift, and the hand-over after it.
SESSION_SECONDS = 12 * 3600
# Five slips of the finger in a minute are a person's; fifty from everywhere are nobody's.
_GUESSES_EACH, _GUESSES_ALL, _GUESSES_SECONDS = 5, 50, 60.0
_MOST_ADDRESSES = 1000
_LONGEST = 512


class Sessions:
    """The log-in of one page."""

    def __init__(
        self, key: bytes, passwords: Mapping[str, str], seconds: Callable[[], float]
    ) -> None:
        """`seconds` is a clock (Unix time)."""
        self._key, self._passwords, self._seconds = key, passwords, seconds
        self._guesses: dict[str, deque[float]] = {}
        self._all: deque[float] = deque()

    @property
    def anybody(self) -> bool:
        """Whether there is anybody who may log in."""
        return bool(self._passwords)

    def known(self, name: str, password: str) -> bool:
        """Whether this is a user with the right password."""
        right = self._passwords.get(name, secrets.token_hex(16))
        given, wanted = (_digest(one.encode("utf-8", "replace")) for one in (password, right))
        return hmac.compare_digest(given, wanted) and name in self._passwords

    def may_guess(self, address: str) -> bool:
        """Whether somebody there may try once more."""
        now = self._seconds()
        for guesses in (self._all, self._guesses.get(address, deque())):
            while guesses and guesses[0] <= now - _GUESSES_SECONDS:
                guesses.popleft()
        each = len(self._guesses.get(address, ()))
        return each < _GUESSES_EACH and len(self._all) < _GUESSES_ALL

    def guessed_wrong(self, address: str) -> None:
        """Somebody there did not know it."""
        if len(self._guesses) >= _MOST_ADDRESSES:
            self._guesses.clear()
        self._guesses.setdefault(address, deque()).append(self._seconds())
        self._all.append(self._seconds())

    def begun(self, name: str) -> str:
        """A cookie for a user who has just logged in."""
        until = int(self._seconds()) + SESSION_SECONDS
        told = f"{until}.{secrets.token_urlsafe(9)}.{name}"
        return f"{told}.{self._signed(told, name)}"

    def user(self, cookie: str) -> str:
        """Whose cookie that is; "" for one that is none, is over, or was made with another
        password.
        """
        told, _, signature = cookie[:_LONGEST].rpartition(".")
        until, _, rest = told.partition(".")
        name = rest.partition(".")[2]
        if name not in self._passwords:
            return ""
        if not hmac.compare_digest(self._signed(told, name).encode(), _bytes(signature)):
            return ""
        return name if until.isdecimal() and int(until) > self._seconds() else ""

    def proof(self, cookie: str) -> str:
        """What a form of this session brings along."""
        return _text(hmac.digest(self._key, b"form " + _bytes(cookie), "sha256"))

    def proven(self, cookie: str, proof: str) -> bool:
        """Whether a form is of this session."""
        return hmac.compare_digest(self.proof(cookie).encode(), _bytes(proof[:_LONGEST]))

    def _signed(self, told: str, name: str) -> str:
        password = _digest(self._passwords.get(name, "").encode("utf-8", "replace"))
        return _text(hmac.digest(self._key, password + _bytes(told), "sha256"))


def _digest(what: bytes) -> bytes:
    return hashlib.sha256(what).digest()


def _bytes(text: str) -> bytes:
    """A far end's text: bytes of a header that are no UTF-8 stand in it as surrogates (PEP 383)."""
    return text.encode("utf-8", "surrogatepass")


def _text(what: bytes) -> str:
    return base64.urlsafe_b64encode(what).decode().rstrip("=")
