"""Encryption of an artefact to age keys (https://age-encryption.org), and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from checks.contract import Failed
from checks.data.backup.store.throttle import Readable


class Target(Protocol):
    """Where the encrypted bytes go. `fault` is what broke the writing, if anything did."""

    fault: OSError | None

    def write(self, data: bytes, /) -> int:
        """Take them all."""


def encrypt(reader: Any, sink: Target, recipients: Sequence[str]) -> None:
    """Write what `reader` has to `sink`, encrypted. Raises Failed, and the sink's own fault."""
    import pyrage

    try:
        keys = [pyrage.x25519.Recipient.from_str(written) for written in recipients]
        pyrage.encrypt_io(reader, sink, keys)
    except pyrage.RecipientError as problem:
        raise Failed("bad-recipient", str(problem), origin="local") from problem
    # The cipher reports only that writing failed; the sink knows why (a full disk).
    except pyrage.EncryptError as problem:
        if sink.fault:
            raise sink.fault from problem
        raise Failed("not-encrypted", str(problem), origin="local") from problem


def decrypt(reader: Readable, target: Any, identities: Sequence[str]) -> None:
    """Write the plain content to `target`. Raises Failed "wrong-key"."""
    import pyrage

    try:
        keys = [pyrage.x25519.Identity.from_str(written) for written in identities]
    except pyrage.IdentityError:
        raise Failed("wrong-key", "the identity is no age key", origin="local") from None
    try:
        pyrage.decrypt_io(reader, target, keys)
    except pyrage.DecryptError as problem:
        raise Failed("wrong-key", str(problem), origin="local") from problem
