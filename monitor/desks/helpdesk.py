"""What a helpdesk has to be able to do, and nothing more: the contract that every adapter keeps.

    find(key)        every ticket that carries the key, the oldest first
    open(draft)      a new one; its name at the desk
    read(reference)  how it stands, and what was written under it
    note             a remark, internal or public
    change           status, severity, owner
    close, merge     over; the newer of two goes into the older
    user             somebody who may own tickets, by the desk's own id
    prove            what is missing before anything breaks: account, queue, fields, rights
    enclose          a remark with files, where the desk takes them (TakesFiles)

An adapter says done, `TryLater` or `Never`. It decides nothing, tries nothing twice, and remembers
nothing: what has to be done for a letter stands in monitor/desks/ticket_desk.py, once for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol, runtime_checkable
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from checks.settings import Duration, ReadableFile, Secret
from checks.transport.clear_text import MEANT, ClearText, is_open
from checks.transport.http.address import Address
from monitor.desks import field_mapping
from monitor.desks.desk import DeskSettings, Takes
from monitor.desks.evidence_files import EvidenceFile
from monitor.desks.owners import Owners
from monitor.desks.policy_words import SEVERITY

Status = Literal["open", "taken", "resolved"]
"""how a ticket stands: nobody has it, somebody has it in hand, it is over"""


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody wrote under a ticket."""

    author: str
    text: str


@dataclass(frozen=True, slots=True)
class DeskTicket:
    """A ticket as the desk has it."""

    reference: str
    status: Status
    severity: str = ""
    """in the desk's own word; "" where it has none"""
    owner: str = ""
    """who has it in hand, by the desk's own name; "" nobody"""
    remarks: tuple[Remark, ...] = ()
    """the oldest first, with its first text"""
    final: bool = False
    """whether the desk lets nobody change it any more"""
    fields: Mapping[str, str] = field(default_factory=dict)
    """custom fields by the names in `fields`, as far as the desk tells them"""
    owners: tuple[str, ...] = ()
    """who has it in hand, by the desk's own ids; several at a desk that assigns to several"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket to be opened."""

    key: str
    """what it is found by again, whatever becomes of the answer"""
    letter: str
    """the key of the letter that opens it: the same at every try"""
    subject: str
    text: str
    severity: str
    """in the desk's own word; "" where none is set"""
    fields: Mapping[str, Any]
    """custom fields, by the desk's own names"""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be set; None leaves it as it is."""

    status: Status | None = None
    severity: str | None = None
    owner: str | None = None
    """by the desk's own id (`Helpdesk.user`), instead of whoever owns it"""


class Helpdesk(Protocol):
    """The adapter of one vendor. All of it raises TryLater or Never, nothing else that is meant."""

    async def find(self, key: str) -> list[str]:
        """The references of all that carry the key, merged ones apart; the oldest first."""

    async def open(self, draft: Draft) -> str:
        """Open it; its reference."""

    async def read(self, reference: str) -> DeskTicket | None:
        """How it stands; None where it is gone, or lives on in another."""

    async def note(self, reference: str, text: str, public: bool, /) -> None:
        """Write under it; this changes its status in no way."""

    async def change(self, reference: str, change: Change) -> None:
        """Set what is named; "open" reopens."""

    async def close(self, reference: str, text: str, /) -> None:
        """It is resolved; `text` says how it ended."""

    async def merge(self, newer: str, older: str) -> None:
        """The newer one goes on in the older."""

    async def user(self, written: str) -> str:
        """The id of whom `owners` calls so; Never where he is not there, or owns no tickets."""

    async def prove(self) -> list[str]:
        """What is missing, a sentence each; [] where all is there. Leaves nothing behind."""


@runtime_checkable
class TakesFiles(Protocol):
    """A helpdesk that keeps files with its tickets."""

    @property
    def most_file_bytes(self) -> int:
        """How much of a ticket's evidence goes there with one letter."""

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """Write a remark for those inside, with these files, and change no status."""


def _url(written: str) -> str:
    try:
        Address.parse(written)
    except ValueError as problem:
        raise ValueError(f"{problem}; write it as in 'https://desk.example.net'") from None
    if urlsplit(written).query or urlsplit(written).fragment:
        raise ValueError("it ends with the path; no query belongs to it")
    return written.rstrip("/")


Url = Annotated[str, AfterValidator(_url)]
FieldMapping = Annotated[dict[str, Any], BeforeValidator(field_mapping.checked)]


class Vocabulary(ClearText, DeskSettings):
    """What every helpdesk is told: where it is, and what our words are called there."""

    TAKES: ClassVar[frozenset[Takes]] = frozenset({"tickets"})
    SETTLES_SECONDS: ClassVar[float] = 0.0
    """how long its search may not know yet what was opened, by the vendor's own words"""
    STATUSES: ClassVar[Mapping[Status, str]] = {}
    """what the three states are called as the vendor ships it"""

    url: Url
    """where it is, with its path: https://desk.example.net"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust; without it the system's"""
    timeout: Duration = 30.0
    """how long to wait for each answer"""
    severities: Annotated[dict[str, str], SEVERITY] = Field(default_factory=dict)
    """severity of the policy = what it is called there, as in { P0 = "1", P2 = "3" }; what is not
    named is not set"""
    statuses: dict[Status, str] = Field(default_factory=dict)
    """what open, taken and resolved are called there, where that was changed"""
    fields: FieldMapping = Field(default_factory=dict)
    """custom fields by their names there; {site}, {severity}, {owner}, {resolution_due} and the
    like are filled in"""
    owners: Owners = Field(default_factory=dict)
    """who takes tickets here = the user who owns them there, as in { asha = "asha.k" }; here he is
    called as the ticket says who has acknowledged it, there as the desk's page in docs/desks.md
    says"""
    owned_is_taken: bool = True
    """whether a ticket with an owner is taken in hand; false where the desk assigns by itself"""
    public: bool = False
    """whether remarks are for the desk's customer too; by default they are internal"""
    reopen_within: Duration = 7 * 86400.0
    """a ticket that was resolved so lately is reopened when the trouble is back; later a new one is
    opened"""
    poll: Duration = 60.0
    """how often to look what people have done there"""
    pushes: Secret | None = None
    """what it signs its webhooks with, by reference; they go to /hooks/NAME of the page, and have
    its tickets looked at at once"""

    def pushed_by(self) -> Secret | None:
        """The secret of its webhooks."""
        return self.pushes

    def clear_text(self) -> str | None:
        """An address that everybody on the way can read with."""
        if is_open(self.url):
            return f"the account goes out in the clear; write https, {MEANT}"
        return None

    def word(self, status: Status) -> str:
        """What a state is called there."""
        return self.statuses.get(status) or self.STATUSES[status]

    def status_of(self, word: str) -> Status:
        """The state behind a word of the desk's; one that nobody named has been taken in hand: it
        is neither new nor over."""
        for status in ("open", "taken", "resolved"):
            if self.word(status).lower() == word.lower():
                return status
        return "taken"


_TAG = re.compile(r"<[^<>]{0,2000}>")


def without_tags(html: str) -> str:
    """The text of a remark that a desk keeps as HTML, its lines kept apart."""
    from html import unescape

    broken = re.sub(r"(?i)<(?:br|/p|/div|/li)\b[^<>]{0,200}>", "\n", html)
    return unescape(_TAG.sub("", broken))
