"""Zammad: https://docs.zammad.org/en/latest/api/

POST /api/v1/tickets {title, group, customer, article}     the key stands in the title
GET  /api/v1/tickets/search?query="KEY"                    over titles where it has no index
GET  /api/v1/tickets/ID?expand=true, /api/v1/ticket_articles/by_ticket/ID
PUT  /api/v1/tickets/ID {state, priority, owner}     200 and nobody, for an owner it does not allow
GET  /api/v1/users/search?query=LOGIN
POST /api/v1/ticket_articles {ticket_id, body, internal}
PUT  /api/v1/ticket_merge/ID/NUMBER      200 with result "failed" for what it does not do
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

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


class ZammadSettings(FileSettings):
    """Tickets at Zammad, by its REST API."""

    KIND: ClassVar[str] = "zammad"
    STATUSES: ClassVar[Mapping[Status, str]] = {
        "open": "new",
        "taken": "open",
        "resolved": "closed",
    }
    SAMPLE: ClassVar[str] = """
[desks.zammad]
kind = "zammad"
url = "https://zammad.example.net"
token = { credential = "zammad" }
group = "NOC"
customer = "reveille@example.net"
severities = { P0 = "3 high", P1 = "3 high", P2 = "2 normal", P3 = "1 low" }
"""

    token: Secret
    """an access token with the permission ticket.agent, by reference"""
    group: str
    """the group that gets the tickets"""
    customer: str
    """whose tickets they are: login or mail address of a user there"""

    def helpdesk(self) -> Helpdesk:
        """The adapter."""
        return Zammad(self)


class Zammad(FileHelpdesk[ZammadSettings]):
    """One group's tickets."""

    def account(self) -> Headers:
        """An access token (docs, "Authentication")."""
        return (("Authorization", f"Token token={revealed(self._settings.token)}"),)

    async def find(self, key: str) -> list[str]:
        """By the title, and by that alone: a search engine takes parts of words for a hit."""
        query: Mapping[str, str | int] = {"query": f'"{key}"', "limit": 50, "expand": "true"}
        found = await self.ask("GET", "/api/v1/tickets/search", query=query)
        mine = [one["id"] for one in found or [] if f"[{key}]" in one["title"]]
        return [str(number) for number in sorted(mine)]

    async def open(self, draft: Draft) -> str:
        """In the group, with its first article internal."""
        ticket = {
            "title": draft.subject,
            "group": self._settings.group,
            "customer": self._settings.customer,
            "state": self._settings.word("open"),
            "article": {
                "subject": draft.subject,
                "body": draft.text,
                "content_type": "text/plain",
                "type": "note",
                "internal": not self._settings.public,
            },
            **({"priority": draft.severity} if draft.severity else {}),
            **draft.fields,
        }
        return str((await self.ask("POST", "/api/v1/tickets", ticket))["id"])

    async def read(self, reference: str) -> DeskTicket | None:
        """A merged one lives on in another."""
        path = f"/api/v1/tickets/{reference}"
        reply = await self.reply("GET", path, query={"expand": "true"}, taken=(404,))
        if reply.status == 404 or reply.json["state"] in ("merged", "removed"):
            return None
        one = reply.json
        articles = await self.ask("GET", f"/api/v1/ticket_articles/by_ticket/{reference}")
        return DeskTicket(
            str(one["id"]),
            self._settings.status_of(one["state"]),
            one.get("priority") or "",
            next(iter(_owners(one)), ""),
            tuple(Remark(a.get("created_by") or "", without_tags(a["body"])) for a in articles),
            owners=_owners(one),
            fields={name: str(one.get(name)) for name in self._settings.fields},
        )

    async def note(self, reference: str, text: str, public: bool, /) -> None:
        """An article of type note; an agent's reopens nothing."""
        await self._write(reference, text, {"internal": not public})

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """A note with attachments (Ticket Articles, "Create")."""
        attachments = [
            {
                "filename": one.name,
                "data": b64encode(one.content).decode(),
                "mime-type": one.media_type,
            }
            for one in files
        ]
        await self._write(reference, text, {"internal": True, "attachments": attachments})

    async def _write(self, reference: str, text: str, more: Mapping[str, Any]) -> None:
        note = {"ticket_id": int(reference), "body": text, "content_type": "text/plain"}
        await self.ask("POST", "/api/v1/ticket_articles", {**note, "type": "note", **more})

    async def change(self, reference: str, change: Change) -> None:
        """State and priority by their names."""
        given: dict[str, Any] = {}
        if change.status is not None:
            given["state"] = self._settings.word(change.status)
        if change.severity is not None:
            given["priority"] = change.severity
        if change.owner is not None:
            given["owner"] = change.owner
        path = f"/api/v1/tickets/{reference}"
        await self.ask("PUT", path, given)
        if change.owner is not None:
            there = await self.ask("GET", path, query={"expand": "true"})
            # An agent without full access to the group becomes nobody, with 200.
            if _owners(there) != (change.owner,):
                raise Never(f"{change.owner!r} has no full access to the group {there['group']!r}")

    async def user(self, written: str) -> str:
        """An active user, by login or mail address; whether he has full access to the group shows
        when he is to own: roles give it too.
        """
        query: Mapping[str, str | int] = {"query": f'"{written}"', "limit": 50}
        for one in await self.ask("GET", "/api/v1/users/search", query=query) or []:
            if written.lower() in (one["login"].lower(), (one.get("email") or "").lower()):
                if not one.get("active", True):
                    raise Never(f"the user {written!r} is not active")
                return str(one["login"])
        raise Never(f"there is no user {written!r}")

    async def merge(self, newer: str, older: str) -> None:
        """The target goes by its number, which is not its id."""
        target = await self.ask("GET", f"/api/v1/tickets/{older}", query={"expand": "true"})
        done = await self.ask("PUT", f"/api/v1/ticket_merge/{newer}/{target['number']}")
        if done.get("result") != "success":
            raise Never(f"{newer} is not merged into {older}: {done.get('message', '')}")

    async def prove(self) -> list[str]:
        """Who we are, the group, the states and priorities."""
        await self.ask("GET", "/api/v1/users/me")
        there = {
            name: [one["name"] for one in await self.ask("GET", f"/api/v1/{name}")]
            for name in ("groups", "ticket_states", "ticket_priorities")
        }
        words = [self._settings.word(status) for status in ("open", "taken", "resolved")]
        severities = self._settings.severities.values()
        return [
            *lacking("group", [self._settings.group], there["groups"]),
            *lacking("state", words, there["ticket_states"]),
            *lacking("priority", severities, there["ticket_priorities"]),
        ]


def _owners(ticket: Mapping[str, Any]) -> tuple[str, ...]:
    # User 1 is nobody, and is called "-".
    return () if ticket.get("owner") in (None, "", "-") else (ticket["owner"],)
