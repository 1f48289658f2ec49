"""Whether a manifest and its proof are this monitor's own: an HMAC beside each, by a key that lies
in the state folder.

    manifest.seal  proof.seal      lines of "KEY-NUMBER HMAC-SHA256", in hexadecimal digits

Whoever can write the store can write a manifest, and checksums that fit it; without the key he
cannot seal it. A backup of release 0.1.0 has no seal, one of another monitor (or of this one,
before it lost its state) has that of another key: both can be restored, and it is said of them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

KEY = "backup.key"
"""its file in the state folder, for the service's user alone"""
_KEY_BYTES = 32
# Enough to tell keys apart, and nothing of the key itself.
_NUMBER_DIGITS = 16
# The seal of the file that is about to be written, and of the one that is there: whichever of them
# a crash leaves is sealed.
_MOST_LINES = 2


class Seal(Enum):
    """What a seal says."""

    OURS = "ours"
    NONE = "unsealed"
    ANOTHER = "sealed with another key"
    BROKEN = "changed after it was sealed"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of ours."""

    secret: bytes

    @property
    def number(self) -> str:
        """What tells it from another."""
        return hashlib.sha256(b"number\0" + self.secret).hexdigest()[:_NUMBER_DIGITS]

    def seal(self, name: str, content: bytes) -> bytes:
        """The seal of a file of this name."""
        return f"{self.number} {self._digest(name, content)}\n".encode()

    def says(self, name: str, content: bytes, seal: bytes | None) -> Seal:
        """What the seal beside it says of it."""
        if seal is None:
            return Seal.NONE
        lines = [line.partition(b" ") for line in seal.splitlines()[:_MOST_LINES]]
        own = [digest for number, _, digest in lines if number == self.number.encode()]
        if not own:
            return Seal.ANOTHER
        digest = self._digest(name, content).encode()
        # All of them, whichever it is: what is compared takes the same time.
        same = [hmac.compare_digest(each, digest) for each in own]
        return Seal.OURS if any(same) else Seal.BROKEN

    def _digest(self, name: str, content: bytes) -> str:
        message = name.encode() + b"\0" + content
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()


def key_of(state: Path | None, make: bool = False) -> Key | None:
    """The key in a state folder; made where there is none yet and `make` says so. None without a
    state folder, or where it is not for us to read. Raises OSError where it cannot be made.
    """
    if state is None:
        return None
    path = state / KEY
    for _ in range(2):
        with suppress(FileNotFoundError, PermissionError):
            secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
            return Key(secret) if len(secret) == _KEY_BYTES else None
        if not make or not state.is_dir():
            return None
        make_once(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n")
    return None


def make_once(path: Path, content: bytes) -> None:
    """A file for this user alone, whole from its first moment on; one that is there stays. Raises
    OSError.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
        # A link, and no rename: of two that begin at once the first one's content stays.
        with suppress(FileExistsError):
            path.hardlink_to(part)
    finally:
        os.close(descriptor)
        part.unlink()
