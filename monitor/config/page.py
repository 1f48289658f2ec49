"""The status page and the dead man's switch, as they are configured; and what is doubtful of them.

Rule: the page is for this host alone until somebody says otherwise, and saying so without a log-in
or without TLS is told: it shows tickets, numbers that are dialled, and recordings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from checks.settings import Duration, ReadableFile, Secret, Settings, shown
from monitor.config.errors.explanation import Found

# [::1]:8322, 127.0.0.1:8322, reveille.example.net:8322
_LISTEN = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
_LEAST_LETTERS = 8


def _listened(written: str) -> str:
    match = _LISTEN.fullmatch(written)
    if match is None or not int(match["port"]) <= 65535:
        raise ValueError(
            f"{shown(written)} is no address to listen on; write host and port, as in"
            " '127.0.0.1:8322' or '[::]:8322'"
        )
    return written


def _reached(written: str) -> str:
    parts = urlsplit(written)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            f"{shown(written)} is no address of a page; write it as people reach it, as in"
            " 'https://reveille.example.net'"
        )
    return written.rstrip("/")


def _pinged(written: str) -> str:
    parts = urlsplit(written)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            "that is no address to ping; write the one that the watcher gave you, as in"
            " 'https://hc.example.net/ping/1234'"
        )
    return written


class PageUser(Settings):
    """Somebody who may log in to the page."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$", examples=["asha"])
    """the name; a ticket that is taken on the page says it"""
    password: Secret = Field(examples=[{"credential": "page-asha"}])
    """where the password is; at least eight characters"""


class OtherSite(Settings):
    """Another site's page, to be seen on this one at a glance."""

    name: str = Field(min_length=1, max_length=60, examples=["Mumbai"])
    """how it is called here"""
    url: Annotated[str, AfterValidator(_reached)] = Field(
        examples=["https://reveille.mumbai.example.net"]
    )
    """its address"""
    user: str | None = Field(default=None, examples=["pune"])
    """a user of that page, where it asks for a log-in"""
    password: Secret | None = Field(default=None, examples=[{"credential": "page-mumbai"}])
    """where that user's password is"""

    @model_validator(mode="after")
    def _log_in(self) -> OtherSite:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together; give both or neither")
        return self


class Page(Settings):
    """The status page, its metrics and its state of health, over HTTP."""

    listen: Annotated[str, AfterValidator(_listened)] = Field(
        default="127.0.0.1:8322", examples=["127.0.0.1:8322"]
    )
    """the address and port it listens on; port 0 takes any that is free"""
    url: Annotated[str, AfterValidator(_reached)] | None = Field(
        default=None, examples=["https://reveille.example.net"]
    )
    """how people reach it, where that is another address, as behind a proxy; mails link to it"""
    users: tuple[PageUser, ...] = Field(
        default=(), examples=[[{"name": "asha", "password": {"credential": "page-asha"}}]]
    )
    """who may log in: they take tickets and write notes; without any the page is read-only"""
    everybody_reads: bool = False
    """whether those who are not logged in may read, where there are users"""
    sites: tuple[OtherSite, ...] = Field(
        default=(),
        max_length=50,
        examples=[[{"name": "Mumbai", "url": "https://reveille.mumbai.example.net"}]],
    )
    """other sites whose pages are asked, and shown here in a line each"""
    certificate: ReadableFile | None = Field(default=None, examples=["page.pem"])
    """the certificate (PEM, with its chain) for TLS"""
    key: ReadableFile | None = Field(default=None, examples=["page.key"])
    """its private key (PEM)"""

    @model_validator(mode="after")
    def _whole(self) -> Page:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("has a certificate or a key alone; TLS needs both")
        names = [user.name for user in self.users]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"user {twice[0]!r} stands there twice; give each one name")
        return self

    @property
    def host(self) -> str:
        """The address without its port and brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port."""
        return int(self.listen.rpartition(":")[2])

    @property
    def for_this_host_alone(self) -> bool:
        """Whether nobody else can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def reached_at(self) -> str:
        """Where it is to be found: what was written, else the address it listens on."""
        scheme = "https" if self.certificate else "http"
        return self.url or f"{scheme}://{self.listen}"


class DeadMan(Settings):
    """A watcher elsewhere that hears from this monitor, and cries when it hears no more."""

    url: Annotated[str, AfterValidator(_pinged)] | Secret = Field(
        examples=["https://hc.example.net/ping/1234"]
    )
    """the address that is asked (GET), or where it is written as a secret is"""
    every: Annotated[Duration, Field(ge=30)] = 300.0
    """how often, beside once after each audit"""


def page_doubts(page: Page | None) -> Iterator[Found]:
    """What is allowed of a page, and probably not meant."""
    if page is None:
        return
    if not page.for_this_host_alone:
        yield from _open_to_others(page)
    for number, user in enumerate(page.users):
        try:
            short = len(user.password.reveal()) < _LEAST_LETTERS
        # That a secret is missing is told with all the other secrets.
        except LookupError:
            continue
        if short:
            yield Found(
                ("page", "users", number, "password"),
                f"has fewer than {_LEAST_LETTERS} characters: it is found by trying",
                "take a longer one",
            )


def _open_to_others(page: Page) -> Iterator[Found]:
    if not page.users or page.everybody_reads:
        yield Found(
            ("page", "listen"),
            f"whoever reaches {page.listen} reads tickets and hears recordings without a log-in",
            "write [[page.users]]"
            if not page.users
            else "leave everybody_reads out, or listen on 127.0.0.1",
        )
    if page.certificate is None:
        yield Found(
            ("page", "listen"),
            f"what is read at {page.listen}, passwords too, crosses the network in the clear",
            "write certificate and key, or listen on 127.0.0.1 behind a proxy that has TLS",
        )
