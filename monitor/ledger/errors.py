"""What can go wrong with a ledger, in words that an administrator can act on."""

from __future__ import annotations

import errno


class LedgerFault(Exception):
    """The ledger cannot be used: damaged, not writable, full, locked, or of a newer program."""

    def __init__(self, text: str, cause: str = "ledger", *, mended: bool = False) -> None:
        """`cause` is the word that faults of one cause share: "disk", "damaged" ...; `mended` says
        that it is put right already: it is told, and the daemon looks and tells as before.
        """
        super().__init__(text)
        self.cause, self.mended = cause, mended


class AlreadyOpen(Exception):
    """There is an open incident under this key already."""

    def __init__(self, key: str) -> None:
        super().__init__(f"an incident is open already under {key!r}")
        self.key = key


class ConstraintBroken(Exception):
    """A rule of the ledger itself stands against a change: what happened is not altered, a key is
    there once. No fault of the ledger, but an answer: the caller knows what it means.
    """

    def __init__(self, text: str, taken_in: str = "") -> None:
        """`taken_in` is the table that has such a row already, where that is the reason."""
        super().__init__(text)
        self.taken_in = taken_in


_OF_SYSTEM = {
    errno.ENOSPC: "disk",
    errno.EDQUOT: "disk",
    errno.EIO: "disk",
    errno.EROFS: "not-writable",
    errno.EACCES: "not-writable",
    errno.EPERM: "not-writable",
}


def cause_of(error: BaseException) -> str:
    """The word for what lies behind a fault: a full disk breaks ledger and heartbeat alike."""
    if isinstance(error, LedgerFault):
        return error.cause
    if isinstance(error, OSError):
        return _OF_SYSTEM.get(error.errno or 0, "system")
    return "ledger"
