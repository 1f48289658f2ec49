"""What lets somebody answer a letter without a log-in: a signature that says for whom the letter
was, and of which ticket.

Rules:
1. HMAC-SHA256 by a key that lies in the state folder, over purpose, ledger, ticket, reader and,
   for a link, the letter; 80 bits of it, compared in constant time.
2. Case does not count: mail servers may lower the local part of an address (RFC 5321 section 2.4
   forbids it to all but the last, which does).
"""

from __future__ import annotations

import base64
import hmac
import secrets
from contextlib import suppress
from pathlib import Path

from checks.data.backup.store.seal import make_once

KEY = "page.key"
"""its file in the state folder, for the service's user alone"""
_KEY_BYTES = 32
_TOKEN_BYTES = 10


def key_of(state: Path) -> bytes:
    """The key that lies in the state folder; made where there is none. Raises OSError."""
    path = state / KEY
    with suppress(FileNotFoundError):
        if len(kept := path.read_bytes()) >= _KEY_BYTES:
            return kept
        # Cut short by a full disk: whoever was logged in logs in anew, and signatures of before are
        # none any more.
        path.unlink()
    # The page, the daemon and a mail server's pipe may all be the first to ask.
    make_once(path, secrets.token_bytes(_KEY_BYTES))
    return path.read_bytes()


def reply_token(key: bytes, ledger: str, incident: int, reader: str) -> str:
    """What an answer by mail brings along: that of all letters of a ticket to one reader."""
    return _token(key, "reply", ledger, str(incident), reader.lower())


def link_token(key: bytes, ledger: str, letter: int, reader: str) -> str:
    """What the link of one letter brings along, as in "4711-abcdefghij234567"."""
    return f"{letter}-{_token(key, 'link', ledger, str(letter), reader.lower())}"


def same(given: str, right: str) -> bool:
    """Whether a token is the right one."""
    return hmac.compare_digest(given.lower().encode("utf-8", "replace"), right.encode())


def _token(key: bytes, *what: str) -> str:
    # No part has a NUL in it: an address is plain (is_address), the others are ours.
    signed = hmac.digest(key, b"answer\0" + "\0".join(what).encode("utf-8", "replace"), "sha256")
    return base64.b32encode(signed[:_TOKEN_BYTES]).decode().lower()
