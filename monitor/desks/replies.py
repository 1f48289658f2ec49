"""Where answers to letters arrive, and whose verdict on their senders counts."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from checks.network.imap import Mailbox
from checks.settings import Duration
from checks.transport.clear_text import is_here

# RFC 8601 section 2.5: an authserv-id is mostly the host's name.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")


class OwnMailbox(Mailbox):
    """A mailbox of Reveille's own, read by IMAP."""

    authserv_id: str = Field(default="", examples=["mx.example.net"])
    """the name in the Authentication-Results of your own mail server, which takes those of others
    out; without it no sender is vouched for"""
    own_received: int = Field(default=1, ge=0, le=20)
    """how many Received lines your own servers put above that header"""

    @model_validator(mode="after")
    def _hidden(self) -> OwnMailbox:
        if self.security == "none" and not is_here(self.host):
            raise ValueError('a password never goes out in the clear; write security = "tls"')
        return self

    @field_validator("authserv_id")
    @classmethod
    def _one_name(cls, written: str) -> str:
        if written and not _ID.fullmatch(written):
            raise ValueError(f"{written!r} is no authserv-id; write it as in 'mx.example.net'")
        return written


class Replies(OwnMailbox):
    """A mailbox of Reveille's own, read by IMAP: people answer letters with a word on the first
    line.
    """

    address: str | None = Field(default=None, examples=["reveille@example.net"])
    """the address that answers go to, where it is not the sender; it takes `+` and a signature
    before its `@`"""
    every: Duration = Field(default=30.0, ge=5.0)
    """how often to look"""
