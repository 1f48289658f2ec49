"""Freshdesk: https://developers.freshdesk.com/api/

    POST /api/v2/tickets {subject, description, email, priority, status, tags, custom_fields}
    GET  /api/v2/search/tickets?query="tag:'KEY'"    its index lags some minutes behind
    GET  /api/v2/tickets?order_by=created_at         the newest hundred, which lag behind nothing
    GET  /api/v2/tickets/ID, /api/v2/tickets/ID/conversations
    PUT  /api/v2/tickets/ID {status, priority, responder_id, tags}
    GET  /api/v2/agents?email=MAIL, /api/v2/agents/ID
    POST /api/v2/tickets/ID/notes {body, private}; with files it is a form

Rules: texts are HTML there, so ours are escaped. The key is a tag, of at most 32 letters. It merges
nothing by its API: the newer one loses the tag, and is closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
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
from monitor.desks.rest import basic, multipart
from monitor.desks.rest_helpdesk import FileHelpdesk, FileSettings, lacking, revealed

_LONGEST_TAG = 32
_CLOSED = 5
_PRIORITIES = ("1", "2", "3", "4")


class FreshdeskSettings(FileSettings):
    """Tickets at Freshdesk."""

    KIND: ClassVar[str] = "freshdesk"
    # "Ticket Properties": 2 Open, 3 Pending, 4 Resolved, 5 Closed.
    STATUSES: ClassVar[Mapping[Status, str]] = {"open": "2", "taken": "3", "resolved": "4"}
    # "Filter Tickets": it may take a few minutes for the index to be updated.
    SETTLES_SECONDS: ClassVar[float] = 180.0
    SAMPLE: ClassVar[str] = """
[desks.freshdesk]
kind = "freshdesk"
url = "https://example.freshdesk.com"
api_key = { credential = "freshdesk" }
email = "reveille@example.net"
severities = { P0 = "4", P1 = "3", P2 = "2", P3 = "1" }
"""

    api_key: Secret
    """an agent's API key, by reference"""
    email: str
    """whose tickets they are: the requester's mail address"""
    group: str = ""
    """the group that gets them, by its name"""

    def helpdesk(self) -> Helpdesk:
        """The adapter."""
        return Freshdesk(self)


class Freshdesk(FileHelpdesk[FreshdeskSettings]):
    """One account's tickets."""

    def account(self) -> Headers:
        """The key as the name; any password ("Authentication")."""
        return (("Authorization", basic(revealed(self._settings.api_key), "X")),)

    async def find(self, key: str) -> list[str]:
        """By the tag: out of the index, and out of the newest, which it does not know yet."""
        tag = key[:_LONGEST_TAG]
        query: Mapping[str, str | int] = {"query": f"\"tag:'{tag}'\""}
        found = (await self.ask("GET", "/api/v2/search/tickets", query=query))["results"]
        newest = {"order_by": "created_at", "order_type": "desc", "per_page": 100}
        found += await self.ask("GET", "/api/v2/tickets", query=newest)
        return [str(n) for n in sorted({one["id"] for one in found if tag in one["tags"]})]

    async def open(self, draft: Draft) -> str:
        """For the requester, with the key as a tag."""
        ticket: dict[str, Any] = {
            "subject": draft.subject.rpartition(" [")[0][:255],
            "description": _html(draft.text),
            "email": self._settings.email,
            "status": int(self._settings.word("open")),
            "priority": int(draft.severity or "1"),
            "source": 2,
            "tags": [draft.key[:_LONGEST_TAG], "reveille"],
        }
        if draft.fields:
            ticket["custom_fields"] = dict(draft.fields)
        if self._settings.group:
            groups = await self.ask("GET", "/api/v2/groups", query={"per_page": 100})
            ids = {one["name"]: one["id"] for one in groups}
            ticket["group_id"] = ids.get(self._settings.group)
        return str((await self.ask("POST", "/api/v2/tickets", ticket))["id"])

    async def read(self, reference: str) -> DeskTicket | None:
        """The description is its first remark."""
        reply = await self.reply("GET", f"/api/v2/tickets/{reference}", taken=(404,))
        if reply.status == 404 or reply.json.get("deleted"):
            return None
        one = reply.json
        if not any(tag.startswith("rv-") for tag in one["tags"]):
            return None
        path = f"/api/v2/tickets/{reference}/conversations"
        said = await self.ask("GET", path, query={"per_page": 100})
        status = str(one["status"])
        owner = one.get("responder_id")
        first = Remark("", without_tags(one.get("description") or one["description_text"]))
        return DeskTicket(
            str(one["id"]),
            "resolved" if one["status"] == _CLOSED else self._settings.status_of(status),
            str(one["priority"]),
            str(owner or ""),
            (first, *(Remark(str(a["user_id"]), without_tags(a["body"])) for a in said)),
            owners=(str(owner),) if owner else (),
            fields={n: str(v) for n, v in (one.get("custom_fields") or {}).items()},
        )

    async def note(self, reference: str, text: str, public: bool, /) -> None:
        """A note; it reopens nothing."""
        note = {"body": _html(text), "private": not public}
        await self.ask("POST", f"/api/v2/tickets/{reference}/notes", note)

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """A private note with attachments ("Create a Note")."""
        fields = {"body": _html(text), "private": "true"}
        form, kind = multipart(fields, [("attachments[]", one) for one in files])
        await self.ask("POST", f"/api/v2/tickets/{reference}/notes", form, kind=kind)

    async def change(self, reference: str, change: Change) -> None:
        """Status, priority and agent by their numbers."""
        given: dict[str, Any] = {}
        if change.status is not None:
            given["status"] = int(self._settings.word(change.status))
        if change.severity is not None:
            given["priority"] = int(change.severity)
        if change.owner is not None:
            given["responder_id"] = int(change.owner)
        await self.ask("PUT", f"/api/v2/tickets/{reference}", given)

    async def user(self, written: str) -> str:
        """An agent, by mail address or number ("List All Agents", "View an Agent")."""
        if "@" in written:
            found = await self.ask("GET", "/api/v2/agents", query={"email": written})
        else:
            path = f"/api/v2/agents/{quote(written, safe='')}"
            reply = await self.reply("GET", path, taken=(400, 404))
            found = [reply.json] if reply.status == 200 else []
        for one in found:
            if written.lower() in (str(one["id"]), one["contact"]["email"].lower()):
                return str(one["id"])
        raise Never(f"there is no agent {written!r}")

    async def merge(self, newer: str, older: str) -> None:
        """Closed, without the key, and saying where it goes on."""
        await self.note(newer, f"A copy of ticket {older}.", False)
        gone = {"status": _CLOSED, "tags": ["reveille-copy"]}
        await self.ask("PUT", f"/api/v2/tickets/{newer}", gone)

    async def prove(self) -> list[str]:
        """Who we are, the group, the fields, the priorities."""
        await self.ask("GET", "/api/v2/agents/me")
        settings = self._settings
        group = [settings.group] if settings.group else []
        query = {"per_page": 100}
        groups = await self.ask("GET", "/api/v2/groups", query=query) if group else []
        fields = await self.ask("GET", "/api/v2/ticket_fields") if settings.fields else []
        return [
            *lacking("group", group, [one["name"] for one in groups]),
            *lacking("ticket field", settings.fields, [one["name"] for one in fields]),
            *lacking("priority", settings.severities.values(), _PRIORITIES),
        ]


def _html(text: str) -> str:
    return escape(text).replace("\n", "<br>")
