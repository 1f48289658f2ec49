"""Where a request goes: an http or https URL (RFC 3986; RFC 9110, section 4.2), made fit for the
wire.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

from checks.transport.host_port import ascii_name, without_variable

# RFC 9110 sections 4.2.1 and 4.2.2.
_PORTS = {"http": 80, "https": 443}
# Nearly every URL is of this form, and nothing in it has to be quoted or looked at twice; the rest
# goes the long way over urlsplit.
_PLAIN = re.compile(r"(https?)://([a-z0-9][a-z0-9.-]*)(?::([1-9]\d{0,4}))?(/[a-zA-Z0-9/_.?&=-]*)?")
# What a path or a query may hold as it is: the reserved signs of RFC 3986 section 2.2 and those
# that browsers send unquoted. A percent sign was put there by whoever wrote the URL, so it is not
# quoted again.
_KEPT = "%/:?&=;,@!$'()*+~-._[]"


# WHATWG URL section 4.4: these are removed wherever they stand.
_PASSED_OVER = {ord(sign): None for sign in "\t\r\n"}
# WHATWG URL section 3.5: forbidden domain code points, less the colons of IPv6.
_NEVER_IN_A_HOST = re.compile(r"[\x00-\x20#/<>?@\\^|%\x7f\[\]]")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.A)
_AUTHORITY = re.compile(r"(?i)(https?:)?//+([^/]*)")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL. `host` is without brackets, `target` is path and query as they go over the wire."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, written: str) -> Address:
        """Raises ValueError for what is no URL to fetch."""
        if match := _PLAIN.fullmatch(written):
            scheme, host, given, target = match.groups()
            # What ends in a digit or a dot may be an address in another spelling.
            plain = host[-1].isalpha() or _is_literal(host)
            if plain and (port := int(given) if given else _PORTS[scheme]) < 65536:
                return cls(scheme, host, port, target or "/")
        parts = urlsplit(written.strip())
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("not a URL to fetch")
        # RFC 9110 section 4.2.4: the user information of a URL is deprecated, and it would stand in
        # every note and report that names the address.
        if parts.username or parts.password:
            raise ValueError("a URL with a user name or password in it")
        port = parts.port if parts.port is not None else _PORTS[parts.scheme]
        if not 0 < port < 65536:
            raise ValueError(f"no port: {port}")
        target = quote(parts.path or "/", safe=_KEPT)
        query = f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
        return cls(parts.scheme, _host(parts.hostname), port, target + query)

    def joined(self, reference: str) -> Address:
        """What a reference on the page here leads to, as browsers read it (WHATWG URL section 4.4).
        Raises ValueError.
        """
        return Address.parse(urljoin(str(self), _as_browsers_read(reference)))

    @property
    def secure(self) -> bool:
        """Whether the URL is an https one."""
        return self.scheme == "https"

    @property
    def literal(self) -> bool:
        """Whether the host is an address already, and no name."""
        # Hardly any name ends in a digit, so only such a host is worth the question to inet_pton.
        return ":" in self.host or (self.host[-1:].isdigit() and _is_literal(self.host))

    @property
    def authority(self) -> str:
        """Host, and port where it is not the usual one: the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port (RFC 6454): within it credentials may travel."""
        return f"{self.scheme}://{self.authority}"

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return self.origin + self.target


def _as_browsers_read(reference: str) -> str:
    """A reference of a far end's without what browsers pass over: tabs and line ends, backslashes
    for slashes, more slashes than two, a user name.
    """
    plain = reference.strip("".join(map(chr, range(33)))).translate(_PASSED_OVER)
    path, mark, rest = _split_once(plain)
    path = path.replace("\\", "/")
    if match := _AUTHORITY.match(path):
        # What a far end says of a user is sent nowhere: RFC 9110 section 4.2.4 deprecates it.
        scheme, host = match[1] or "", match[2].rpartition("@")[2]
        path = f"{scheme}//{host}{path[match.end() :]}"
    return path + mark + rest


def _split_once(reference: str) -> tuple[str, str, str]:
    """What comes before the query or the fragment, the sign, and what comes after."""
    at = min((at for sign in "?#" if (at := reference.find(sign)) >= 0), default=len(reference))
    return reference[:at], reference[at : at + 1], reference[at + 1 :]


def _is_literal(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return False
    return True


def _host(name: str) -> str:
    """A host as it goes over the wire, in DNS, SNI and Host alike (WHATWG URL section 3.5)."""
    try:
        host = ascii_name(unquote(name, errors="strict"))
    except UnicodeError:
        raise ValueError("no name of a host") from None
    if _NEVER_IN_A_HOST.search(host):
        raise ValueError("no name of a host")
    return _as_number(host)


def _as_number(host: str) -> str:
    """An IPv4 address in any of its spellings (0x7f.1, 127.0.0.1.) in its usual one."""
    if ":" in host or not _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        return host
    try:
        return socket.inet_ntoa(socket.inet_aton(host.removesuffix(".")))
    except OSError:
        raise ValueError("no name of a host: it ends in a number") from None


def web_address(written: str) -> str:
    """A validator of settings: a URL to fetch, as it was written."""
    without_variable(written)
    try:
        Address.parse(written)
    except ValueError as error:
        if "user name" in str(error):
            raise ValueError(
                "a URL with a user name or password in it would be seen in reports; leave them out"
            ) from None
        example = "write it like 'https://portal.example.net/login'"
        raise ValueError(f"{written[:200]!r} is not a URL to fetch; {example}") from None
    return written
