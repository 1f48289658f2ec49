"""Letters become tickets: what one letter asks of a helpdesk, worked off so that a repetition after
any crash, time-out or lost answer changes nothing.

| the letter says | what is done |
|---|---|
| opened, blind   | found by its key, else opened, and read back |
| acknowledged    | "taken", where nobody at the desk has touched it; owned by who took it
                    (monitor/desks/ticket_owner.py) |
| reopened        | reopened, if it was resolved lately; else a new ticket under the same key |
| closed          | resolved, unless somebody there has done so |
| any             | the severity follows, unless somebody there has set another; one remark |
| opened, reopened, escalated | the evidence goes with a remark of its own, where files are taken |

Rules:
1. Looked for before it is opened, and looked for again afterwards: of two that are open the newer
   is merged into the older, unless only the newer was ever worked on. An answer that did not come
   is a reason to look, never to open again.
2. Each remark ends with the letter's key in brackets; what stands there already is not written
   again.
3. What a person at the desk has done stays: only what still stands as we last told it is changed,
   and nothing but "reopened" reopens.
4. A request that arrives twice is refused the second time at some desks, since what it asks for is
   so: a refusal counts once the ticket was looked at, and does not stand as it should.
5. A ticket that was opened and is not found by its key is never opened again: its search is broken.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from typing import Any

from monitor.desks.desk import Letter, Never, TryLater, Unowned
from monitor.desks.evidence_files import EVENTS, evidence_of
from monitor.desks.field_mapping import filled
from monitor.desks.helpdesk import Change, DeskTicket, Draft, Helpdesk, TakesFiles, Vocabulary
from monitor.desks.ticket_owner import TicketOwner
from reports.render import Mail, render_mail
from reports.ticket import Ticket

log = logging.getLogger("reveille.desks")
# What ends a ticket opens none.
_OPENS = frozenset({"opened", "blind"})
_ENDS = frozenset({"closed", "recovered"})
# In "reopened" too there is a name: of whoever had closed it before.
_DONE_BY_SOMEBODY = frozenset({"acknowledged", "note", "reclassified", "closed"})
# Copies of one ticket come of one lost answer each; more than a few are no work of ours.
_MOST_COPIES = 5
_MARK = re.compile(r"^\[(rv-[A-Za-z0-9._-]{1,200})\]\s*$", re.MULTILINE)
# A find, a read of two, a change and a remark, each followed by a look; the evidence; and an owner,
# whom some desks have to be asked for in five steps.
_STEPS_OF_A_LETTER = 22


def at_the_desk(person: str, desk: str) -> str:
    """How somebody is named who acted at a helpdesk."""
    return f"{person} at {desk}"


def marked(text: str, key: str) -> str:
    """A text that can be told from every other, and from what people write."""
    return f"{text.rstrip()}\n\n[{key}]\n"


def marks_in(text: str) -> list[str]:
    """The keys of letters of ours in what stands at the desk; quoted ones are none."""
    return _MARK.findall(text)


class TicketDesk:
    """Keeps one ticket for each incident at a helpdesk."""

    def __init__(self, name: str, settings: Vocabulary, helpdesk: Helpdesk) -> None:
        self.name, self.settings, self._helpdesk = name, settings, helpdesk
        # 0.5 to 1.3 s a call were measured at a helpdesk on a small host: two at once are enough.
        self.concurrency = 2
        self.timeout_seconds = _STEPS_OF_A_LETTER * settings.timeout
        self._blind = False
        self._owner = TicketOwner(name, settings.owners, helpdesk)

    async def deliver(self, letter: Letter) -> str:
        """Do what it asks; returns the ticket's name at the desk. Raises TryLater, Never."""
        try:
            return await self._delivered(letter)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as strange:
            raise TryLater(
                f"{self.name} answered otherwise than its document says ({type(strange).__name__})"
            ) from None

    async def look(self, key: str) -> DeskTicket | None:
        """How the ticket of a key stands there, copies merged; None where there is none. Raises
        TryLater, Never.
        """
        try:
            return await self._sole(key)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as strange:
            raise TryLater(f"{self.name}: {type(strange).__name__} in its answer") from None

    async def owned_as_told(self, there: DeskTicket, told: str) -> bool:
        """Whether its owner is whom we have made it, for whoever had taken it in the last letter.
        Raises TryLater.
        """
        try:
            return await self._owner.is_as_told(there, told)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as strange:
            raise TryLater(f"{self.name}: {type(strange).__name__} in its answer") from None

    async def _delivered(self, letter: Letter) -> str:
        if "ticket" not in letter.body:
            raise Never("a report is for people; a helpdesk takes none")
        ticket = Ticket.from_dict(letter.body["ticket"])
        reference = await self._worked_off(letter, ticket)
        if letter.kind in EVENTS and isinstance(self._helpdesk, TakesFiles):
            await self._enclosed(self._helpdesk, reference, letter, ticket)
        return reference

    async def _worked_off(self, letter: Letter, ticket: Ticket) -> str:
        found = await self._known(letter) or await self._sole(letter.thread)
        if found is None and letter.kind in _ENDS:
            return f"{self.name}: it was never opened there"
        if found is None:
            reference = await self._opened(letter, ticket)
            found = await self._helpdesk.read(reference) if letter.kind == "acknowledged" else None
            if found is None:
                return reference
        # It is told to everybody, and there it is known: it comes from there.
        by = str(letter.body.get("extra", {}).get("by", ""))
        if letter.kind in _DONE_BY_SOMEBODY and by.endswith(at_the_desk("", self.name)):
            return found.reference
        return await self._told(found, letter, ticket)

    async def _known(self, letter: Letter) -> DeskTicket | None:
        """By the name that the letter before had from it: no search that lags, or is broken."""
        if not letter.reference or letter.kind in _OPENS:
            return None
        there = await self._helpdesk.read(letter.reference)
        carries = there and any(f"[{letter.thread}." in one.text for one in there.remarks)
        return there if carries else None

    async def _sole(self, key: str) -> DeskTicket | None:
        """The one that is open, copies merged into it; else the newest."""
        there = [
            ticket
            for reference in (await self._helpdesk.find(key))[:_MOST_COPIES]
            if (ticket := await self._helpdesk.read(reference)) is not None
        ]
        kept: list[DeskTicket] = []
        for ticket in there:
            if older := next((one for one in kept if _copies(one, ticket)), None):
                stays, goes = (ticket, older) if _worked_on(older, ticket) else (older, ticket)
                await self._helpdesk.merge(goes.reference, stays.reference)
                said = f"{goes.reference} into {stays.reference}"
                log.warning("action=desk_merged desk=%s %s", self.name, said)
                kept[kept.index(older)] = stays
            else:
                kept.append(ticket)
        alive = [ticket for ticket in kept if ticket.status != "resolved"]
        return next(iter(alive), kept[-1] if kept else None)

    async def _opened(self, letter: Letter, ticket: Ticket) -> str:
        waited, settles = letter.since_last_try_seconds, self.settings.SETTLES_SECONDS
        if waited is not None and waited < settles:
            raise TryLater(
                f"its search may not know for {settles:g} s what the last try has opened"
            )
        words = _words(letter, ticket)
        fields = self.settings.fields
        draft = Draft(
            letter.thread,
            letter.key,
            f"{words.subject} [{letter.thread}]",
            marked(words.text, letter.key),
            self.settings.severities.get(ticket.severity, ""),
            filled(fields, letter, owners=self.settings.owners) if fields else {},
        )
        if self._blind and waited is not None:
            raise TryLater("it may be there already, and this desk finds nothing by its key")
        try:
            reference = await self._helpdesk.open(draft)
        except Never:
            if (there := await self._sole(letter.thread)) is None:
                raise
            return there.reference
        there = await self._sole(letter.thread)
        self._read_back(draft, there)
        return there.reference if there else reference

    def _read_back(self, draft: Draft, there: DeskTicket | None) -> None:
        """Say what the desk has taken with a success, and dropped."""
        self._blind = there is None and not self.settings.SETTLES_SECONDS
        if self._blind:
            log.error("action=desk_search_blind desk=%s key=%s", self.name, draft.key)
        for name, value in draft.fields.items():
            if there and name in there.fields and there.fields[name] != str(value):
                log.error("action=desk_field_dropped desk=%s field=%s", self.name, name)

    async def _told(self, found: DeskTicket, letter: Letter, ticket: Ticket) -> str:
        if letter.kind == "reopened" and found.status == "resolved":
            if found.final or not self._lately(letter):
                return await self._opened(letter, ticket)
            await self._changed(found, Change(status="open"))
        if found.status == "open" and letter.kind == "acknowledged":
            await self._changed(found, Change(status="taken"))
        if found.status != "resolved" and (severity := self._severity(found, letter, ticket)):
            await self._changed(found, Change(severity=severity))
        words = _words(letter, ticket)
        await self._remark(found, letter, words)
        if letter.kind == "closed" and found.status != "resolved":
            text = marked(words.subject, f"{letter.key}.end")
            await self._so_it_stands(
                found, self._helpdesk.close(found.reference, text), Change(status="resolved")
            )
        refused = await self._owner.follow(found, letter, ticket)
        return Unowned(found.reference, refused) if refused else found.reference

    async def _changed(self, found: DeskTicket, change: Change) -> None:
        await self._so_it_stands(found, self._helpdesk.change(found.reference, change), change)

    async def _so_it_stands(
        self, found: DeskTicket, asked: Awaitable[None], change: Change
    ) -> None:
        """Ask for a change; refused, and as it should be all the same, it is done (rule 4)."""
        try:
            await asked
        except Never:
            there = await self._helpdesk.read(found.reference)
            if there is None or change.status not in (None, there.status):
                raise
            if change.severity not in (None, there.severity):
                raise

    async def _remark(self, found: DeskTicket, letter: Letter, words: Mail) -> None:
        if letter.key in _said(found) or found.final:
            return
        # Under a ticket that is over, a public reply reopens it at half the desks.
        public = self.settings.public and found.status != "resolved"
        text = marked(f"{words.subject}\n\n{words.text}", letter.key)
        await self._helpdesk.note(found.reference, text, public)

    async def _enclosed(
        self, helpdesk: TakesFiles, reference: str, letter: Letter, ticket: Ticket
    ) -> None:
        """The evidence, once. That a desk takes no file is no reason to hold back what is told
        next: what fails twice is left.
        """
        files = await evidence_of(ticket, helpdesk.most_file_bytes)
        there = await self._helpdesk.read(reference) if files else None
        mark = f"{letter.key}.files"
        if there is None or there.final or mark in _said(there):
            return
        names = "\n".join(one.name for one in files)
        try:
            await helpdesk.enclose(reference, marked(names, mark), files)
        except (Never, TryLater) as refused:
            if isinstance(refused, TryLater) and letter.since_last_try_seconds is None:
                raise
            log.warning("action=desk_files_refused desk=%s %s", self.name, refused)

    def _severity(self, found: DeskTicket, letter: Letter, ticket: Ticket) -> str:
        """What the severity has to be set to there; "" leaves it."""
        ours = self.settings.severities.get(ticket.severity, "")
        before = Ticket.from_dict(letter.before).severity if letter.before else ticket.severity
        # Some desks open in two steps, of which the second may be lost.
        half_open = letter.kind in _OPENS and letter.since_last_try_seconds is not None
        as_we_left_it = half_open or found.severity == self.settings.severities.get(before, "")
        return ours if ours and as_we_left_it and found.severity != ours else ""

    def _lately(self, letter: Letter) -> bool:
        closed = _moment((letter.before or {}).get("closed_at"))
        within = timedelta(seconds=self.settings.reopen_within)
        return closed is None or letter.written_at - closed <= within


def _said(found: DeskTicket) -> set[str]:
    """The keys of the letters that stand under it."""
    return {key for remark in found.remarks for key in marks_in(remark.text)}


def _words(letter: Letter, ticket: Ticket) -> Mail:
    extra: Mapping[str, Any] = letter.body.get("extra", {})
    return render_mail(letter.kind, ticket, extra)


def _copies(older: DeskTicket, newer: DeskTicket) -> bool:
    """Whether one letter has opened both, or both are open under one key."""
    first = [marks_in(one.remarks[0].text)[:1] for one in (older, newer) if one.remarks]
    same = len(first) == 2 and first[0] == first[1] != []
    return same or "resolved" not in (older.status, newer.status)


def _worked_on(older: DeskTicket, newer: DeskTicket) -> bool:
    """Whether only the newer of two has a history: a search that lags behind tells of the older one
    when that has been written under for a while. To be over is no history: a merge that was broken
    off leaves that."""
    begun = [one.status == "taken" or one.owner or len(one.remarks) > 1 for one in (older, newer)]
    return bool(begun[1] and not begun[0])


def _moment(written: object) -> datetime | None:
    return datetime.fromisoformat(written) if isinstance(written, str) else None
