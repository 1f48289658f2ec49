"""Zendesk: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/

    POST /api/v2/tickets.json {ticket: {subject, comment, external_id, priority, custom_fields}}
         with Idempotency-Key: the same one gives the first answer again, for two hours
    GET  /api/v2/tickets.json?external_id=KEY
    GET  /api/v2/tickets/ID.json and .../comments.json
    PUT  /api/v2/tickets/ID.json {ticket: {status, priority, assignee_id, comment: {body, public}}}
    GET  /api/v2/users/ID.json, /api/v2/users/search.json?query=email:MAIL
    POST /api/v2/uploads.json?filename=NAME, then {comment: {body, uploads: [TOKEN]}}
    POST /api/v2/tickets/OLDER/merge.json {ids: [NEWER]}      done by a job, a little later

Rule: a closed ticket takes nothing any more (422); a merge closes the newer one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from checks.settings import Secret
from checks.transport.http.message import Headers
from monitor.desks.desk import Never
from monitor.desks.evidence_files import EvidenceFile
from monitor.desks.helpdesk import Change, DeskTicket, Draft, Helpdesk, Remark, Status
from monitor.desks.rest import basic
from monitor.desks.rest_helpdesk import FileHelpdesk, FileSettings, lacking, revealed

_PRIORITIES = ("urgent", "high", "normal", "low")
_CLOSED = "closed"


class ZendeskSettings(FileSettings):
    """Tickets at Zendesk."""

    KIND: ClassVar[str] = "zendesk"
    STATUSES: ClassVar[Mapping[Status, str]] = {
        "open": "new",
        "taken": "open",
        "resolved": "solved",
    }
    SAMPLE: ClassVar[str] = """
[desks.zendesk]
kind = "zendesk"
url = "https://example.zendesk.com"
user = "reveille@example.net"
token = { credential = "zendesk" }
severities = { P0 = "urgent", P1 = "high", P2 = "normal", P3 = "low" }
"""

    user: str
    """the agent's mail address"""
    token: Secret
    """an API token, by reference"""
    group: str = ""
    """the group that gets the tickets, by its name"""

    def helpdesk(self) -> Helpdesk:
        """The adapter."""
        return Zendesk(self)


class Zendesk(FileHelpdesk[ZendeskSettings]):
    """One account's tickets."""

    def account(self) -> Headers:
        """An API token ("Security and authentication")."""
        login = basic(f"{self._settings.user}/token", revealed(self._settings.token))
        return (("Authorization", login),)

    async def find(self, key: str) -> list[str]:
        """By external_id, in every status; copies that were merged carry it no more."""
        query = {"external_id": key}
        found = (await self.ask("GET", "/api/v2/tickets.json", query=query))["tickets"]
        return [str(n) for n in sorted(one["id"] for one in found if one["external_id"] == key)]

    async def open(self, draft: Draft) -> str:
        """With the key of the letter: a repetition makes no second one."""
        ticket: dict[str, Any] = {
            "subject": draft.subject.rpartition(" [")[0],
            "comment": {"body": draft.text, "public": self._settings.public},
            "external_id": draft.key,
            "status": self._settings.word("open"),
            "tags": ["reveille"],
        }
        if draft.severity:
            ticket["priority"] = draft.severity
        if draft.fields:
            ids = {one["title"]: one["id"] for one in await self._fields()}
            if unknown := list(lacking("ticket field", draft.fields, ids)):
                raise Never("; ".join(unknown))
            custom = [{"id": ids[name], "value": value} for name, value in draft.fields.items()]
            ticket["custom_fields"] = custom
        if self._settings.group:
            groups = {one["name"]: one["id"] for one in await self._groups()}
            ticket["group_id"] = groups.get(self._settings.group)
        once = (("Idempotency-Key", draft.letter),)
        body = {"ticket": ticket}
        made = await self.ask("POST", "/api/v2/tickets.json", body, headers=once)
        return str(made["ticket"]["id"])

    async def read(self, reference: str) -> DeskTicket | None:
        """With its comments, the first of which is the description."""
        reply = await self.reply("GET", f"/api/v2/tickets/{reference}.json", taken=(404,))
        if reply.status == 404:
            return None
        one = reply.json["ticket"]
        path = f"/api/v2/tickets/{reference}/comments.json"
        comments = (await self.ask("GET", path, query={"page[size]": 100}))["comments"]
        final = one["status"] == _CLOSED
        return DeskTicket(
            str(one["id"]),
            "resolved" if final else self._settings.status_of(one["status"]),
            one.get("priority") or "",
            str(one.get("assignee_id") or ""),
            tuple(Remark(str(said["author_id"]), said["plain_body"]) for said in comments),
            owners=(str(one["assignee_id"]),) if one.get("assignee_id") else (),
            final=final,
        )

    async def note(self, reference: str, text: str, public: bool, /) -> None:
        """A comment of an agent; it reopens nothing."""
        await self._put(reference, {"comment": {"body": text, "public": public}})

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """Each file gets a token, the comment takes them ("Ticket Attachments")."""
        tokens = []
        for one in files:
            query, kind = {"filename": one.name}, one.media_type
            path = "/api/v2/uploads.json"
            made = await self.ask("POST", path, one.content, query=query, kind=kind)
            tokens.append(made["upload"]["token"])
        comment = {"body": text, "public": False, "uploads": tokens}
        await self._put(reference, {"comment": comment})

    async def change(self, reference: str, change: Change) -> None:
        """Status, priority and assignee."""
        given: dict[str, Any] = {}
        if change.status is not None:
            given["status"] = self._settings.word(change.status)
        if change.severity is not None:
            given["priority"] = change.severity
        if change.owner is not None:
            given["assignee_id"] = int(change.owner)
        await self._put(reference, given)

    async def user(self, written: str) -> str:
        """An agent, by mail address or number ("Search Users", "Show User")."""
        if "@" in written:
            query = {"query": f"email:{written}"}
            found = (await self.ask("GET", "/api/v2/users/search.json", query=query))["users"]
        else:
            path = f"/api/v2/users/{quote(written, safe='')}.json"
            reply = await self.reply("GET", path, taken=(400, 404))
            found = [reply.json["user"]] if reply.status == 200 else []
        for one in found:
            if written.lower() not in (str(one["id"]), (one.get("email") or "").lower()):
                continue
            if one.get("role") not in ("agent", "admin") or one.get("suspended"):
                raise Never(f"{written!r} is no agent, or suspended")
            return str(one["id"])
        raise Never(f"there is no agent {written!r}")

    async def merge(self, newer: str, older: str) -> None:
        """The newer one loses the key before it is merged: afterwards it is closed to changes."""
        await self._put(newer, {"external_id": None})
        body = {"ids": [int(newer)], "target_comment_is_public": False}
        await self.ask("POST", f"/api/v2/tickets/{older}/merge.json", body)

    async def prove(self) -> list[str]:
        """Who we are, the group, the fields, the priorities."""
        me = (await self.ask("GET", "/api/v2/users/me.json"))["user"]
        group = [self._settings.group] if self._settings.group else []
        groups = [one["name"] for one in await self._groups()] if group else []
        fields = [one["title"] for one in await self._fields()] if self._settings.fields else []
        # A wrong token is answered as "nobody", with 200 ("Show Self").
        who = [] if me.get("role") in ("agent", "admin") else ["this account is no agent"]
        return [
            *who,
            *lacking("group", group, groups),
            *lacking("ticket field", self._settings.fields, fields),
            *lacking("priority", self._settings.severities.values(), _PRIORITIES),
        ]

    async def _fields(self) -> Any:
        return (await self.ask("GET", "/api/v2/ticket_fields.json"))["ticket_fields"]

    async def _groups(self) -> Any:
        return (await self.ask("GET", "/api/v2/groups/assignable.json"))["groups"]

    async def _put(self, reference: str, ticket: Mapping[str, Any]) -> None:
        await self.ask("PUT", f"/api/v2/tickets/{reference}.json", {"ticket": ticket})
