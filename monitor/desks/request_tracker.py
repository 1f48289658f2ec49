"""Request Tracker 5 by REST2 (RT::REST2, "Summary" and "Creating Tickets"):

    POST /REST/2.0/ticket {Queue, Subject, Content, Priority, CustomFields}
    GET  /REST/2.0/tickets?query=Subject LIKE 'KEY'
    GET  /REST/2.0/ticket/ID, its history, and each transaction's attachments
    PUT  /REST/2.0/ticket/ID {Status, Priority, Owner, MergeInto}
                                                              200, also with a complaint as text
    GET  /REST/2.0/user/LOGIN
    POST /REST/2.0/ticket/ID/comment                          a reply would reopen what is resolved

Rule: what it answers to a change proves nothing; the ticket is read again. The key is looked for in
the subject, which every query knows: a custom field that is not there finds nothing, with 200.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from checks.settings import Secret
from checks.transport.http.message import Headers
from monitor.desks.desk import Never
from monitor.desks.evidence_files import EvidenceFile
from monitor.desks.helpdesk import (
    Change,
    DeskTicket,
    Draft,
    Helpdesk,
    Remark,
    Status,
    without_tags,
)
from monitor.desks.rest_helpdesk import FileHelpdesk, FileSettings, lacking, revealed

_WRITTEN = ("Create", "Comment", "Correspond")
# Each is a request of its own, of 0.5 s and more.
_MOST_REMARKS = 40
# A transaction never changes, so its text is fetched once; some kB each.
_KEPT_TEXTS = 500


class RequestTrackerSettings(FileSettings):
    """Tickets at Request Tracker 5, by REST2."""

    KIND: ClassVar[str] = "request-tracker"
    STATUSES: ClassVar[Mapping[Status, str]] = {
        "open": "new",
        "taken": "open",
        "resolved": "resolved",
    }
    SAMPLE: ClassVar[str] = """
[desks.rt]
kind = "request-tracker"
url = "https://rt.example.net"
token = { credential = "rt" }
queue = "NOC"
severities = { P0 = "90", P1 = "70", P2 = "40", P3 = "10" }
"""

    token: Secret
    """an auth token (RT::Authen::Token) of a user who may create and modify, by reference"""
    queue: str
    """the queue that gets the tickets"""

    def helpdesk(self) -> Helpdesk:
        """The adapter."""
        return RequestTracker(self)


class RequestTracker(FileHelpdesk[RequestTrackerSettings]):
    """One queue's tickets."""

    def __init__(self, settings: RequestTrackerSettings) -> None:
        super().__init__(settings)
        self._texts: dict[str, str] = {}

    def account(self) -> Headers:
        """An auth token ("Authentication Methods")."""
        return (("Authorization", f"token {revealed(self._settings.token)}"),)

    async def find(self, key: str) -> list[str]:
        """Over subjects, in every queue: somebody may have moved it."""
        query = {"query": f"Subject LIKE '{key}'", "fields": "Subject", "per_page": "50"}
        found = await self.ask("GET", "/REST/2.0/tickets", query=query)
        mine = [int(one["id"]) for one in found["items"] if f"[{key}]" in one["Subject"]]
        return [str(number) for number in sorted(mine)]

    async def open(self, draft: Draft) -> str:
        """In the queue; nobody is requestor, so nobody is mailed."""
        ticket: dict[str, Any] = {
            "Queue": self._settings.queue,
            "Subject": draft.subject,
            "Content": draft.text,
            "ContentType": "text/plain",
            "Status": self._settings.word("open"),
            "CustomFields": dict(draft.fields),
        }
        if draft.severity:
            ticket["Priority"] = draft.severity
        return str((await self.ask("POST", "/REST/2.0/ticket", ticket))["id"])

    async def read(self, reference: str) -> DeskTicket | None:
        """One that was merged answers as the one it lives on in."""
        reply = await self.reply("GET", f"/REST/2.0/ticket/{reference}", taken=(404,))
        if reply.status == 404:
            return None
        one = reply.json
        if str(one["EffectiveId"]["id"]) != reference or one["Status"] == "deleted":
            return None
        owner = one["Owner"]["id"]
        there = {field["name"]: field["values"] for field in one.get("CustomFields") or []}
        return DeskTicket(
            reference,
            self._settings.status_of(one["Status"]),
            str(one.get("Priority", "")),
            "" if owner == "Nobody" else owner,
            await self._remarks(reference),
            owners=() if owner == "Nobody" else (owner.lower(),),
            fields={name: ", ".join(there.get(name, ())) for name in self._settings.fields},
        )

    async def _remarks(self, reference: str) -> tuple[Remark, ...]:
        query = {"fields": "Type,Creator", "per_page": "100"}
        path = f"/REST/2.0/ticket/{reference}/history"
        told = [
            one
            for one in (await self.ask("GET", path, query=query))["items"]
            if one["Type"] in _WRITTEN
        ]
        # The first one opens it, and tells copies apart.
        kept = told if len(told) <= _MOST_REMARKS else [told[0], *told[1 - _MOST_REMARKS :]]
        return tuple([Remark(one["Creator"]["id"], await self._text(one["id"])) for one in kept])

    async def _text(self, transaction: str) -> str:
        if transaction not in self._texts:
            if len(self._texts) >= _KEPT_TEXTS:
                self._texts.clear()
            self._texts[transaction] = await self._fetched(transaction)
        return self._texts[transaction]

    async def _fetched(self, transaction: str) -> str:
        path = f"/REST/2.0/transaction/{transaction}/attachments"
        found = await self.ask("GET", path, query={"fields": "Content,ContentType"})
        texts = [
            (one["ContentType"], one["Content"] or "")
            for one in found["items"]
            if str(one.get("ContentType", "")).startswith("text/")
        ]
        plain = [text for kind, text in texts if kind.startswith("text/plain")]
        return plain[0] if plain else without_tags(texts[0][1]) if texts else ""

    async def note(self, reference: str, text: str, public: bool, /) -> None:
        """A comment, or a reply where it is for the customer too: that would reopen it, which
        nobody asks for under a ticket that is over."""
        how = "correspond" if public else "comment"
        remark = {"Content": text, "ContentType": "text/plain"}
        await self.ask("POST", f"/REST/2.0/ticket/{reference}/{how}", remark)

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """A comment with attachments (RT::REST2, "Replying/Commenting Tickets")."""
        remark = {
            "Content": text,
            "ContentType": "text/plain",
            "Attachments": [
                {
                    "FileName": one.name,
                    "FileType": one.media_type,
                    "FileContent": b64encode(one.content).decode(),
                }
                for one in files
            ],
        }
        await self.ask("POST", f"/REST/2.0/ticket/{reference}/comment", remark)

    async def change(self, reference: str, change: Change) -> None:
        """Set, and read again: a wrong status is answered with 200 and a sentence."""
        given: dict[str, str] = {}
        if change.status is not None:
            given["Status"] = self._settings.word(change.status)
        if change.severity is not None:
            given["Priority"] = change.severity
        if change.owner is not None:
            given["Owner"] = change.owner
        path = f"/REST/2.0/ticket/{reference}"
        said = await self.ask("PUT", path, given)
        there = await self.ask("GET", path)
        stands = {**there, "Owner": there["Owner"]["id"].lower()}
        for name, value in given.items():
            if str(stands[name]) != value:
                raise Never(f"{name} of {reference} is {stands[name]!r} still: {said}"[:300])

    async def user(self, written: str) -> str:
        """By login; whether he has OwnTicket shows when he is to own."""
        path = f"/REST/2.0/user/{quote(written, safe='')}"
        reply = await self.reply("GET", path, taken=(404,))
        if reply.status == 404:
            raise Never(f"there is no user {written!r}")
        # Accounts without AdminUsers are told little of others (RT::REST2::Resource::User).
        if int(reply.json.get("Disabled") or 0):
            raise Never(f"the user {written!r} is disabled")
        return str(reply.json.get("Name") or written).lower()

    async def merge(self, newer: str, older: str) -> None:
        """Its history goes along."""
        await self.ask("PUT", f"/REST/2.0/ticket/{newer}", {"MergeInto": int(older)})
        if await self.read(newer) is not None:
            raise Never(f"{newer} was not merged into {older}")

    async def prove(self) -> list[str]:
        """The queue, the right to create in it, and its custom fields."""
        queue = self._settings.queue
        reply = await self.reply("GET", f"/REST/2.0/queue/{queue}", taken=(404,))
        if reply.status == 404:
            return [f"there is no queue {queue!r}, or this account does not see it"]
        links = {(one.get("ref"), one.get("type")) for one in reply.json["_hyperlinks"]}
        fields = [one["name"] for one in reply.json.get("TicketCustomFields") or []]
        numbers = [one for one in self._settings.severities.values() if not one.isdigit()]
        return [
            *([] if ("create", "ticket") in links else [f"no right CreateTicket in {queue!r}"]),
            *lacking("custom field of tickets in this queue", self._settings.fields, fields),
            *(f"a priority is a whole number, and {one!r} is none" for one in numbers),
        ]
