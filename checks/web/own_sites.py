"""Whom secrets are told: the sites that the administrator has named, and no other.

    url = "https://portal.example.net/"           named
    steps = [{ url = "https://sso.example.net/" }]  named by a step's own address
    sign_in_at = ["https://login.example.net"]    named: an answer leads there, and no step

Rule: a redirect, or a link that a page gives, names nothing. A site is an origin (RFC 6454); of one
that is named with http its https is meant too.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from checks.settings import Settings
from checks.transport.host_port import without_variable
from checks.transport.http.address import Address


def _site(written: str) -> str:
    without_variable(written)
    try:
        address = Address.parse(written)
    except ValueError as error:
        raise ValueError(f"{written!r} is no site: {error}") from None
    if address.target != "/":
        raise ValueError(f"{written!r} is more than a site; write {address.origin!r}")
    return address.origin


Site = Annotated[str, AfterValidator(_site)]


class SigningIn(Settings):
    """The settings of what signs in to a portal: a mixin."""

    sign_in_at: tuple[Site, ...] = Field(default=(), examples=[["https://login.example.net"]])
    """sites that may be told secrets beside those of `url` and of steps' own addresses: a single
    sign-on to which the portal leads
    """


class Sites:
    """The sites that are named."""

    def __init__(self, *urls: str) -> None:
        """Raises ValueError for what is no URL."""
        self.origins = dict[str, None]()
        for url in urls:
            self.add(Address.parse(url))

    def add(self, address: Address) -> None:
        """Name one more."""
        self.origins[address.origin] = None
        if not address.secure:
            # RFC 6797 section 8.3: whoever asks for https instead keeps the port that was written.
            self.origins[f"https://{address.authority}"] = None

    def __contains__(self, origin: str) -> bool:
        return origin in self.origins
