"""That nothing was taken from a ledger or changed in it: days are sealed, seal after seal, with
this monitor's own key.

A seal is the SHA-256 of a day's looks and of what happened and was sent since the last, and an HMAC
of that and of the seal before. Whoever can write the file can change a row, and drop the triggers
that refuse it; without the key he cannot write the seals anew. The key lies beside the ledger: who
is root on the host can do everything, and only a seal that was told elsewhere (the journal says
each) bears witness against him.

The digests are of values, not of how a database lays them down: another engine gives the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

from checks.data.backup.store.seal import Key
from checks.data.backup.store.seal import Seal as Word
from monitor.ledger.ledger import Ledger
from monitor.ledger.seals import Seal, Sealed

RowT = TypeVar("RowT", bound=Iterable[Any])

NAME = "ledger seal"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(at: datetime) -> int:
    """The day of a moment, counted from 1970-01-01 UTC."""
    return (at - _EPOCH).days


def date_of(day: int) -> str:
    """2026-11-22."""
    return f"{_EPOCH + timedelta(days=day):%Y-%m-%d}"


class Digest:
    """Grows row by row."""

    def __init__(self) -> None:
        self._sum, self.rows = hashlib.sha256(), 0

    def add(self, of: str, rows: Iterable[Iterable[object]]) -> None:
        """Rows of one check, or one table."""
        for _ in self.through(of, rows):
            pass

    def through(self, of: str, rows: Iterable[RowT]) -> Iterator[RowT]:
        """The same rows, each added as it passes."""
        for row in rows:
            self._sum.update(json.dumps([of, *row], ensure_ascii=True).encode() + b"\n")
            self.rows += 1
            yield row

    @property
    def text(self) -> str:
        """In hexadecimal digits."""
        return self._sum.hexdigest()


def linked(seal: Seal, previous: Seal | None, key: Key) -> Seal:
    """The seal with its place in the chain."""
    content = seal.content(previous.chain if previous else "")
    return replace(seal, chain=key.seal(NAME, content).decode().strip())


def goes_on(ledger: Ledger, key: Key) -> bool:
    """Whether the chain's newest link was made with this key; a chain that is not begun goes on
    with any. Of hosts that share a ledger each has a key file of its own.
    """
    newest = ledger.seals()[-2:]
    if not newest:
        return True
    return (
        linked(newest[-1], newest[0] if len(newest) == 2 else None, key).chain == newest[-1].chain
    )


def told(ledger: Ledger, after: tuple[int, int], until: tuple[int, int]) -> str:
    """The digest of what happened, and of what was sent."""
    digest = Digest()
    digest.add("told", ledger.told_rows(after, until))
    return digest.text


def digest_of(ledger: Ledger, day: int, what: Sealed) -> Digest:
    """That of a day: of its looks, or of what they were rolled up into."""
    digest = Digest()
    if what != "dropped":
        for check in ledger.check_names():
            rows = ledger.look_rows if what == "looks" else ledger.rolled_rows
            digest.add(check, rows(check, day))
    return digest


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a day, in words."""

    day: str
    text: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at all seals came to."""

    seals: int
    first: str
    last: str
    looks: int
    """that lie there one by one and are as they were sealed"""
    others: int
    """seals by another key, of which nobody can say anything"""
    findings: tuple[Finding, ...]
    chain: str = ""
    """the end of the chain: what may be told elsewhere"""


def verified(ledger: Ledger, key: Key | None) -> Verified:
    """Work every seal out anew."""
    seals = ledger.seals()
    done = {what: set(ledger.sealed_days(what)) for what in ("rolled", "dropped")}
    findings = [*_links(seals, key), *_gaps(seals)]
    looks = 0
    for seal, before in zip(seals, [None, *seals], strict=False):
        findings += _told_wrong(ledger, seal, before)
        gone = done["rolled"] if seal.what == "looks" else done["dropped"]
        if seal.day in gone or seal.what == "dropped":
            continue
        found = digest_of(ledger, seal.day, seal.what)
        if (found.rows, found.text) == (seal.rows, seal.digest):
            looks += seal.rows if seal.what == "looks" else 0
            continue
        findings.append(Finding(date_of(seal.day), _differs(seal, found.rows)))
    others = sum(_word(seal, previous, key) is Word.ANOTHER for seal, previous in _pairs(seals))
    days = [seal.day for seal in seals if seal.what == "looks"]
    first, last = (date_of(min(days)), date_of(max(days))) if days else ("", "")
    chain = seals[-1].chain if seals else ""
    return Verified(len(seals), first, last, looks, others, tuple(findings), chain)


def _pairs(seals: Sequence[Seal]) -> Iterator[tuple[Seal, Seal | None]]:
    return zip(seals, [None, *seals], strict=False)


def _word(seal: Seal, previous: Seal | None, key: Key | None) -> Word:
    if key is None:
        return Word.ANOTHER
    content = seal.content(previous.chain if previous else "")
    return key.says(NAME, content, seal.chain.encode())


def _links(seals: Sequence[Seal], key: Key | None) -> Iterator[Finding]:
    for seal, previous in _pairs(seals):
        if _word(seal, previous, key) is Word.BROKEN:
            yield Finding(date_of(seal.day), "it is not the seal that this monitor has written")


def _gaps(seals: Sequence[Seal]) -> Iterator[Finding]:
    days = sorted(seal.day for seal in seals if seal.what == "looks")
    for before, after in pairwise(days):
        if after - before > 1:
            missing = f"{date_of(before + 1)} to {date_of(after - 1)}"
            yield Finding(date_of(after), f"there is no seal of the days before it ({missing})")


def _told_wrong(ledger: Ledger, seal: Seal, before: Seal | None) -> Iterator[Finding]:
    after = (before.history, before.receipts) if before else (0, 0)
    if told(ledger, after, (seal.history, seal.receipts)) != seal.told:
        yield Finding(
            date_of(seal.day), "what happened or was sent up to then is not what was sealed"
        )


def _differs(seal: Seal, rows: int) -> str:
    what = "looks" if seal.what == "looks" else "roll-ups"
    if rows == seal.rows:
        return f"{what} were changed after they were sealed"
    if rows < seal.rows:
        return f"{seal.rows - rows} fewer {what} than the {seal.rows} that were sealed"
    return (
        f"{rows - seal.rows} more {what} than the {seal.rows} that were sealed: a clock that was"
        " wrong may have added them"
    )
