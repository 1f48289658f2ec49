"""What every check in our own browser has in common: which browser, how much of a page, one of two
places in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from checks.contract import CannotTell, Claim
from checks.settings import Duration, ReadableFile, Secret, Settings
from checks.transport.host_port import without_variable

# The same as in shared_browser.py, which the daemon does not import before a browser is needed.
AT_ONCE = 2
# For a browser to be started, and for its evidence to be kept afterwards: START_SECONDS and the 20
# s of job.py, and a little. No part of it is measured.
LAUNCH_SECONDS = 90.0

MEASURES = {
    "console_errors": "errors that the page wrote to its console",
    "failed_requests": "requests of the page that failed or were answered 400 and above",
    "page_bytes": "how much came, in bytes",
    "total_seconds": "everything, in seconds",
}


def _page_address(written: str) -> str:
    without_variable(written)
    try:
        parts = urlsplit(written)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{written!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"{written!r} is not a URL to open; write it like 'https://portal.example.net/login'"
        )
    if parts.username or parts.password:
        raise ValueError(
            "a URL with a user name or password in it would be seen in reports; leave them out"
        )
    return written


PageAddress = Annotated[str, AfterValidator(_page_address)]


class Executable(Settings):
    """Settings of a check that runs in our own browser."""

    browser: Path | None = None
    """the Chromium to run; without it the first of this host: chromium-headless-shell, chromium,
    google-chrome
    """

    def lacks(self) -> str | None:
        """What this host lacks for it, in words."""
        from checks.web.browser.executable import missing

        return missing(self.browser)

    def rights(self) -> frozenset[str]:
        """A browser's own sandbox, and its compiler of scripts."""
        return frozenset({"browser"})

    def program(self) -> str:
        """The browser's path. Raises CannotTell."""
        from checks.web.browser.executable import wanted

        return wanted(self.browser)

    def place(self) -> Claim:
        """The claim on one of the places in the browser."""
        return Claim("our own browser", AT_ONCE)


class Browsing(Executable):
    """Settings of a check that looks at pages."""

    step_within: Duration = Field(default=15.0, gt=0)
    """how soon each stage must pass, where nothing else is said"""
    max_bytes: int = Field(default=50_000_000, ge=1)
    """how much may come; more is a fault"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust on https; without it the browser's own"""

    def claims(self) -> tuple[Claim, ...]:
        """A place in the browser."""
        return (self.place(),)


def revealed(secret: Secret | None) -> str:
    """The secret, or "" where there is none. Raises CannotTell."""
    try:
        return secret.reveal() if secret else ""
    except LookupError as problem:
        raise CannotTell(str(problem)) from None
