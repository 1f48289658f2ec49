"""GLPI: its REST API, as its own page "GLPI REST API" has it.

    GET  /apirest.php/initSession, with a user token and the application's; killSession at the end
    POST /apirest.php/Ticket {input: {name, content, status, urgency, impact, itilcategories_id}}
    GET  /apirest.php/search/Ticket?criteria[0][field]=1&...value=KEY      1 is the name, 2 the id
    GET  /apirest.php/Ticket/ID and its ITILFollowup, Ticket_User
    PUT  /apirest.php/Ticket/ID {input: {status, urgency, impact}}
    POST /apirest.php/Ticket_User {input: {tickets_id, users_id, type: 2}}; DELETE Ticket_User/ID
    GET  /apirest.php/search/User?criteria[0][field]=1&...value=^LOGIN$    8 is whether he is active
    POST /apirest.php/ITILFollowup, ITILSolution, Ticket_Ticket
    POST /apirest.php/Document, a form: uploadManifest {input: {comment, itemtype, items_id}}, and
         filename[0]; each file once, since its comment has the letter's key

Rules: a followup under a solved ticket reopens it unless it is private, so ours are. A severity is
impact/urgency, as in "5/4". It merges nothing by its API: the newer one is linked as a duplicate,
loses the key, and is closed. Releases before 10.0.4 strip backslashes from a manifest before they
read it: there is none in ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from checks import masking
from checks.settings import Secret
from checks.transport.http.message import Headers
from monitor.desks.desk import Never, TryLater
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
from monitor.desks.rest import Reply, multipart
from monitor.desks.rest_helpdesk import FileHelpdesk, FileSettings, revealed

_CLOSED, _ASSIGNED, _DUPLICATE_WITH = "6", 2, 2


class GlpiSettings(FileSettings):
    """Tickets at GLPI 10, by its REST API."""

    KIND: ClassVar[str] = "glpi"
    # CommonITILObject: 1 new, 2 processing (assigned), 3 planned, 4 pending, 5 solved, 6 closed.
    STATUSES: ClassVar[Mapping[Status, str]] = {"open": "1", "taken": "2", "resolved": "5"}
    SAMPLE: ClassVar[str] = """
[desks.glpi]
kind = "glpi"
url = "https://glpi.example.net"
user_token = { credential = "glpi-user" }
app_token = { credential = "glpi-app" }
severities = { P0 = "5/5", P1 = "4/4", P2 = "3/3", P3 = "2/2" }
"""

    user_token: Secret
    """the remote access key of a technician, by reference"""
    app_token: Secret
    """the API client's application token, by reference"""
    category: int = 0
    """the id of the ITIL category"""

    def helpdesk(self) -> Helpdesk:
        """The adapter."""
        return Glpi(self)


class Glpi(FileHelpdesk[GlpiSettings]):
    """One instance's tickets."""

    def __init__(self, settings: GlpiSettings) -> None:
        super().__init__(settings)
        self._session = ""

    def account(self) -> Headers:
        """The application, and the session where there is one."""
        application = ("App-Token", revealed(self._settings.app_token))
        return (application, ("Session-Token", self._session)) if self._session else (application,)

    async def reply(self, method: str, path: str, body: object = None, **more: Any) -> Reply:
        """In a session, begun anew where the old one has ended: nothing was done then."""
        for _ in range(2):
            if not self._session:
                await self._log_in()
            taken = (*more.get("taken", ()), 401)
            reply = await super().reply(method, path, body, **{**more, "taken": taken})
            if reply.status != 401:
                return reply
            self._session = ""
        raise TryLater(f"GLPI ends each session at once: {reply.text[:200]}", whole_desk=True)

    async def find(self, key: str) -> list[str]:
        """By a part of the name."""
        query: Mapping[str, str | int] = {
            "criteria[0][field]": 1,
            "criteria[0][searchtype]": "contains",
            "criteria[0][value]": key,
            "forcedisplay[0]": 2,
            "forcedisplay[1]": 1,
            "range": "0-49",
        }
        found = (await self.ask("GET", "/apirest.php/search/Ticket", query=query)).get("data") or []
        return [str(n) for n in sorted(int(o["2"]) for o in found if f"[{key}]" in o["1"])]

    async def open(self, draft: Draft) -> str:
        """With the key in the name."""
        ticket: dict[str, Any] = {
            "name": draft.subject,
            "content": draft.text,
            "status": int(self._settings.word("open")),
            **_levels(draft.severity),
            **draft.fields,
        }
        if self._settings.category:
            ticket["itilcategories_id"] = self._settings.category
        return str((await self.ask("POST", "/apirest.php/Ticket", {"input": ticket}))["id"])

    async def read(self, reference: str) -> DeskTicket | None:
        """The content is its first remark; texts are HTML, escaped once more."""
        path = f"/apirest.php/Ticket/{reference}"
        reply = await self.reply("GET", path, taken=(404,))
        if reply.status == 404 or reply.json.get("is_deleted") or "[rv-" not in reply.json["name"]:
            return None
        one = reply.json
        said = await self.ask("GET", f"{path}/ITILFollowup", query={"range": "0-99"})
        users = await self.ask("GET", f"{path}/Ticket_User")
        owners = tuple(str(user["users_id"]) for user in users if user["type"] == _ASSIGNED)
        status = str(one["status"])
        return DeskTicket(
            str(one["id"]),
            "resolved" if status == _CLOSED else self._settings.status_of(status),
            f"{one['impact']}/{one['urgency']}",
            ", ".join(owners),
            (
                Remark("", _text(one["content"])),
                *(Remark(str(entry["users_id"]), _text(entry["content"])) for entry in said),
            ),
            owners=owners,
            final=status == _CLOSED,
            fields={name: str(one.get(name)) for name in self._settings.fields},
        )

    async def note(self, reference: str, text: str, public: bool, /) -> None:
        """A followup."""
        said = {"itemtype": "Ticket", "items_id": int(reference), "content": text}
        body = {"input": {**said, "is_private": int(not public)}}
        await self.ask("POST", "/apirest.php/ITILFollowup", body)

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """A document for each, with the ticket at once; then a private followup that names them."""
        # The last line of a remark of ours is its letter's key.
        mark = text.split()[-1]
        query = {"with_documents": "true"}
        there = await self.ask("GET", f"/apirest.php/Ticket/{reference}", query=query)
        known = {str(one["comment"]) for one in there.get("_documents") or []}
        for one in files:
            if (comment := _plain(f"{one.name} {mark}")) not in known:
                await self._upload(reference, comment, one)
        await self.note(reference, text, False)

    async def _upload(self, reference: str, comment: str, file: EvidenceFile) -> None:
        given = {"comment": comment, "itemtype": "Ticket", "items_id": int(reference)}
        manifest = json.dumps({"input": given}, ensure_ascii=False)
        form, kind = multipart({"uploadManifest": manifest}, [("filename[0]", file)])
        await self.ask("POST", "/apirest.php/Document", form, kind=kind)

    async def change(self, reference: str, change: Change) -> None:
        """Status; impact and urgency."""
        given: dict[str, Any] = _levels(change.severity or "")
        if change.status is not None:
            given["status"] = int(self._settings.word(change.status))
        if given:
            await self._put(reference, given)
        if change.owner is not None:
            await self._assign(reference, change.owner)

    async def _assign(self, reference: str, owner: str) -> None:
        """Whoever was assigned before goes last: at no time is it nobody's."""
        before = await self.ask("GET", f"/apirest.php/Ticket/{reference}/Ticket_User")
        assigned = [one for one in before if one["type"] == _ASSIGNED]
        if owner not in {str(one["users_id"]) for one in assigned}:
            link = {"tickets_id": int(reference), "users_id": int(owner), "type": _ASSIGNED}
            await self.ask("POST", "/apirest.php/Ticket_User", {"input": link})
        for one in assigned:
            if str(one["users_id"]) != owner:
                await self.ask("DELETE", f"/apirest.php/Ticket_User/{one['id']}")

    async def user(self, written: str) -> str:
        """An active user, by login or number."""
        by = 2 if written.isdigit() else 1
        query: Mapping[str, str | int] = {
            "criteria[0][field]": by,
            "criteria[0][searchtype]": "contains",
            "criteria[0][value]": f"^{written}$",
            **{f"forcedisplay[{n}]": field for n, field in enumerate((1, 2, 8))},
            "range": "0-49",
        }
        found = (await self.ask("GET", "/apirest.php/search/User", query=query)).get("data") or []
        for one in found:
            if str(one[str(by)]).lower() == written.lower():
                if not int(one.get("8") or 0):
                    raise Never(f"the user {written!r} is not active")
                return str(one["2"])
        raise Never(f"there is no user {written!r}, or the profile may not read users")

    async def close(self, reference: str, text: str, /) -> None:
        """A solution; it sets the status."""
        said = {"itemtype": "Ticket", "items_id": int(reference), "content": text}
        await self.ask("POST", "/apirest.php/ITILSolution", {"input": said})

    async def merge(self, newer: str, older: str) -> None:
        """Linked, closed, without the key."""
        ids = {"tickets_id_1": int(newer), "tickets_id_2": int(older), "link": _DUPLICATE_WITH}
        # 400: they are linked already.
        await self.ask("POST", "/apirest.php/Ticket_Ticket", {"input": ids}, taken=(400,))
        await self._put(newer, {"status": int(_CLOSED), "name": f"Duplicate of {older}"})

    async def prove(self) -> list[str]:
        """A session, rights on tickets and followups, the category, numbers for the severities."""
        profile = (await self.ask("GET", "/apirest.php/getActiveProfile"))["active_profile"]
        missing = [
            f"the profile has no right on {what}s"
            for what in ("ticket", "followup")
            if not profile.get(what)
        ]
        if number := self._settings.category:
            path = f"/apirest.php/ITILCategory/{number}"
            if (await self.reply("GET", path, taken=(404,))).status == 404:
                missing.append(f"there is no category {number}")
        missing += [
            f"impact/urgency are two numbers from 1 to 5, and {word!r} is not"
            for word in self._settings.severities.values()
            if not _levels(word)
        ]
        await self.reply("GET", "/apirest.php/killSession")
        self._session = ""
        return missing

    async def _log_in(self) -> None:
        login = f"user_token {revealed(self._settings.user_token)}"
        head = (("Authorization", login), ("App-Token", revealed(self._settings.app_token)))
        reply = await self._rest("GET", "/apirest.php/initSession", private=head, taken=(400, 401))
        if reply.status != 200:
            said = f"GLPI lets nobody in: {reply.text[:200]} (user_token or app_token)"
            raise TryLater(said, whole_desk=True)
        self._session = reply.json["session_token"]
        masking.hide(self._session)

    async def _put(self, reference: str, given: Mapping[str, Any]) -> None:
        await self.ask("PUT", f"/apirest.php/Ticket/{reference}", {"input": dict(given)})


def _plain(text: str) -> str:
    """Without what JSON would write with a backslash."""
    return "".join(letter for letter in text if letter.isprintable() and letter not in '"\\')


def _levels(severity: str) -> dict[str, Any]:
    parts = severity.split("/")
    if len(parts) != 2 or not all(part in tuple("12345") for part in parts):
        return {}
    return {"impact": int(parts[0]), "urgency": int(parts[1])}


def _text(content: str) -> str:
    return without_tags(without_tags(content))
