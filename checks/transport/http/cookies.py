"""Cookies between the steps of a journey (RFC 6265, and its revision "6265bis" as browsers have
it): who set them, for whom, under which path.

Rules: a cookie goes back to its host alone unless it names a domain, and then to that domain's
hosts; a domain of one label (com, localhost) is taken from that very host only; a secure cookie
never goes over plain http but to this host; no more than a browser would keep. http.cookiejar does
the same for 4 MB of memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from checks.transport.http.address import Address
from checks.transport.http.cookie_date import seconds

# RFC 6265 section 6.1 has a browser keep at least 4096 bytes a cookie and 50 cookies a domain;
# Chromium keeps 180 of a domain, and refuses what is longer.
_MOST_BYTES = 4096
_MOST = 180
# More than the 50 of RFC 6265 in one answer is a faulty application, and each costs a parse.
_MOST_PER_ANSWER = 50
_LONGEST_ATTRIBUTE = 1024
_AGE = re.compile(r"\+?(-?\d+)", re.A)


# RFC 6265bis section 5.6 lets a tab pass; Chromium does so between the parts alone.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|^[^;\t]+\t+[^;\t]")


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie. With `host_only` it is for that very host, and not for those below it."""

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool

    def fits(self, address: Address) -> bool:
        """Whether it goes along with a request."""
        host, path = address.host, address.path
        below = not self.host_only and not address.literal and host.endswith("." + self.domain)
        inside = path == self.path or path.startswith(
            self.path if self.path.endswith("/") else self.path + "/"
        )
        safe = not self.secure or is_trustworthy(address)
        return (host == self.domain or below) and inside and safe

    def __str__(self) -> str:
        # RFC 6265bis section 5.8.3: a cookie without a name goes out without an equals sign.
        return f"{self.name}={self.value}" if self.name else self.value


def is_trustworthy(address: Address) -> bool:
    """Whether a secure cookie goes there: over TLS, and to this very host (W3C Secure Contexts
    section 3.1), which browsers take for as safe.
    """
    host = address.host
    here = host == "::1" or (address.literal and host.startswith("127."))
    return address.secure or here or host == "localhost" or host.endswith(".localhost")


def _is_kept(cookie: Cookie, address: Address, has_path: bool) -> bool:
    """Whether it is what its name promises (RFC 6265bis section 4.1.3), and may be secure."""
    # A value without a name goes out as if it were one: the same holds for it.
    name = (cookie.name or cookie.value).lower()
    if cookie.secure and not is_trustworthy(address):
        return False
    if name.startswith(("__secure-", "__host-")) and not cookie.secure:
        return False
    return not name.startswith("__host-") or (cookie.host_only and has_path and cookie.path == "/")


class CookieJar:
    """The cookies of one journey."""

    def __init__(self, now: float = 0.0) -> None:
        """`now`: seconds since 1970; what has expired by then is thrown away."""
        self._now = now
        self._kept: dict[tuple[str, str, str], Cookie] = {}

    def header(self, address: Address) -> str:
        """The Cookie header of a request; longer paths first."""
        fit = [cookie for cookie in self._kept.values() if cookie.fits(address)]
        # RFC 6265 section 5.4: some applications read only the first cookie of a name.
        fit.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(map(str, fit))

    def take(self, address: Address, set_cookies: list[str]) -> bool:
        """Keep what an answer sets; says whether that changed anything."""
        changed = False
        for written in set_cookies[:_MOST_PER_ANSWER]:
            cookie, alive = self._read(address, written)
            if cookie is None:
                continue
            key = (cookie.domain, cookie.path, cookie.name)
            if not alive:
                changed |= self._kept.pop(key, None) is not None
            elif self._kept.get(key) != cookie and (key in self._kept or len(self._kept) < _MOST):
                self._kept[key], changed = cookie, True
        return changed

    def value(self, name: str) -> str | None:
        """The value of a cookie of that name, the newest."""
        return next((one.value for one in reversed(self._kept.values()) if one.name == name), None)

    def values(self) -> list[str]:
        """Every value: a session cookie is as good as a password."""
        return [cookie.value for cookie in self._kept.values()]

    def _read(self, address: Address, written: str) -> tuple[Cookie | None, bool]:
        """A Set-Cookie header, and whether the cookie lives; None for one that is not taken."""
        pair, _, rest = written.partition(";")
        name, equals, value = (part.strip() for part in pair.partition("="))
        # RFC 6265bis section 5.6: what has no equals sign is a value without a name; a control
        # character ends the whole cookie, and so does a length beyond the limit.
        if not equals:
            name, value = "", name
        if not (name or value) or len(pair.encode()) > _MOST_BYTES or _CONTROL.search(written):
            return None, False
        said = _attributes(rest)
        # RFC 6265 section 5.2.3: a leading dot is dropped; Chromium refuses one that is alone.
        named = said.get("domain", "").lower()
        domain = named.removeprefix(".")
        below = "." in domain and not address.literal and address.host.endswith("." + domain)
        # RFC 6265 section 5.3: a host sets no cookie for a stranger's domain.
        if named and domain != address.host and not below:
            return None, False
        path = said.get("path", "")
        if not path.startswith("/"):
            # The default path (RFC 6265 section 5.1.4): the folder of the page that set it.
            path = address.path.rpartition("/")[0] or "/"
        secure = "secure" in said
        # An address has no hosts below it: its cookie is its own, whatever domain it names.
        own = not domain or address.literal
        cookie = Cookie(name, value, domain or address.host, own, path, secure)
        kept = _is_kept(cookie, address, "path" in said) and not _lacks_secure(cookie, said)
        return (cookie, self._lives(said)) if kept else (None, False)

    def _lives(self, said: dict[str, str]) -> bool:
        # Max-Age wins over Expires (RFC 6265 section 5.3); what is no number is ignored.
        if age := _AGE.fullmatch(said.get("max-age", "")):
            return not age[1].startswith("-") and int(age[1][:18]) > 0
        # A date that cannot be read makes a session cookie (RFC 6265 section 5.2.1).
        ends = seconds(said.get("expires", ""))
        return ends is None or ends > self._now


def _attributes(rest: str) -> dict[str, str]:
    """What stands behind a cookie, the last of each name; quotes are part of a value, as in every
    browser.
    """
    said = {}
    for part in rest.split(";"):
        key, _, given = part.partition("=")
        # RFC 6265bis section 5.6: an attribute whose value is longer is ignored.
        if len(given := given.strip()) <= _LONGEST_ATTRIBUTE:
            said[key.strip().lower()] = given
    return said


def _lacks_secure(cookie: Cookie, said: dict[str, str]) -> bool:
    """Whether it asks for what only a secure cookie is given: to go along from other sites (RFC
    6265bis section 5.7), a jar for each site (CHIPS section 2).
    """
    elsewhere = said.get("samesite", "").lower() == "none" or "partitioned" in said
    return elsewhere and not cookie.secure
