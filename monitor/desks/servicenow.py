"""ServiceNow: incidents by the Table API (docs, "REST API reference > Table API").

    POST  /api/now/table/incident {short_description, description, correlation_id, impact, urgency}
    GET   /api/now/table/incident?sysparm_query=correlation_id=KEY^ORDERBYsys_created_on
    GET   /api/now/table/incident/SYS_ID, /api/now/table/sys_journal_field?... for what was written
    GET   /api/now/attachment?sysparm_query=table_name=incident^table_sys_id=SYS_ID
    POST  /api/now/attachment/file?table_name=incident&table_sys_id=SYS_ID&file_name=NAME
    PATCH /api/now/table/incident/SYS_ID {state, work_notes, close_code, close_notes, assigned_to}
    GET   /api/now/table/sys_user?sysparm_query=user_name=LOGIN^active=true^roles=itil

Rules: a query over a field that is not there gives every record, so each is held to the key once
more. Resolving wants a close code and notes. A severity is impact/urgency, as in "1/2": the
priority comes of them. It merges nothing: the newer one becomes the child of the older, is closed
as a duplicate and loses the key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar

from pydantic import field_validator

from checks.settings import Secret
from checks.transport.http.message import Headers
from monitor.desks.desk import Never
from monitor.desks.evidence_files import EvidenceFile
from monitor.desks.helpdesk import Change, DeskTicket, Draft, Helpdesk, Remark, Status
from monitor.desks.rest import basic
from monitor.desks.rest_helpdesk import FileHelpdesk, FileSettings, lacking, revealed

_TABLE = "/api/now/table/incident"
_CLOSED, _CANCELLED = "7", "8"
_SHOWN = "sys_id,number,state,impact,urgency,assigned_to,correlation_id,description"
_MOST_REMARKS = 100


class ServicenowSettings(FileSettings):
    """Tickets as incidents of ServiceNow, by the Table API."""

    KIND: ClassVar[str] = "servicenow"
    # State choices of the shipped incident table: 1 New, 2 In Progress, 3 On Hold, 6 Resolved,
    # 7 Closed, 8 Canceled.
    STATUSES: ClassVar[Mapping[Status, str]] = {"open": "1", "taken": "2", "resolved": "6"}
    SAMPLE: ClassVar[str] = """
[desks.servicenow]
kind = "servicenow"
url = "https://example.service-now.com"
user = "reveille"
password = { credential = "servicenow" }
assignment_group = "NOC"
severities = { P0 = "1/1", P1 = "1/2", P2 = "2/2", P3 = "3/3" }
"""

    user: str
    """an account with the role itil"""
    password: Secret
    """its password, by reference"""
    assignment_group: str = ""
    """the group that gets the incidents, by its name"""
    category: str = ""
    """their category, by its value"""
    close_code: str = "Solution provided"
    """the close code of what is over, as the instance has it"""
    duplicate_code: str = "Duplicate"
    """that of a copy"""

    @field_validator("severities")
    @classmethod
    def _impact_and_urgency(cls, written: dict[str, str]) -> dict[str, str]:
        for word in written.values():
            parts = word.split("/")
            if len(parts) != 2 or not all(part.isdigit() for part in parts):
                raise ValueError(f"{word!r} is no impact/urgency; write it as in '1/2'")
        return written

    def helpdesk(self) -> Helpdesk:
        """The adapter."""
        return Servicenow(self)


class Servicenow(FileHelpdesk[ServicenowSettings]):
    """One instance's incidents."""

    def account(self) -> Headers:
        """Basic authentication (RFC 7617)."""
        login = basic(self._settings.user, revealed(self._settings.password))
        return (("Authorization", login),)

    async def find(self, key: str) -> list[str]:
        """By correlation_id, and held to it."""
        query: Mapping[str, str | int] = {
            "sysparm_query": f"correlation_id={key}^ORDERBYsys_created_on",
            "sysparm_fields": _SHOWN,
            "sysparm_limit": 50,
        }
        found = (await self.ask("GET", _TABLE, query=query))["result"]
        return [one["sys_id"] for one in found if one.get("correlation_id") == key]

    async def open(self, draft: Draft) -> str:
        """Its subject is cut at 160 letters by the table."""
        settings = self._settings
        incident: dict[str, Any] = {
            "short_description": draft.subject.rpartition(" [")[0][:160],
            "description": draft.text,
            "correlation_id": draft.key,
            "correlation_display": "Reveille",
            "contact_type": "monitoring",
            "state": settings.word("open"),
            **_levels(draft.severity),
            **draft.fields,
        }
        if settings.assignment_group:
            incident["assignment_group"] = settings.assignment_group
        if settings.category:
            incident["category"] = settings.category
        return str((await self.ask("POST", _TABLE, incident))["result"]["sys_id"])

    async def read(self, reference: str) -> DeskTicket | None:
        """The description is its first remark; a cancelled one is gone."""
        query = {"sysparm_fields": ",".join([_SHOWN, *self._settings.fields])}
        reply = await self.reply("GET", f"{_TABLE}/{reference}", query=query, taken=(404,))
        if reply.status == 404 or not reply.json["result"].get("correlation_id"):
            return None
        one = reply.json["result"]
        if one["state"] == _CANCELLED:
            return None
        status = "resolved" if one["state"] == _CLOSED else self._settings.status_of(one["state"])
        owner = _reference(one.get("assigned_to"))
        return DeskTicket(
            one["sys_id"],
            status,
            f"{one['impact']}/{one['urgency']}",
            owner,
            (Remark("", one.get("description") or ""), *await self._journal(one["sys_id"])),
            owners=(owner,) if owner else (),
            final=one["state"] == _CLOSED,
            fields={name: str(one.get(name, "")) for name in self._settings.fields},
        )

    async def note(self, reference: str, text: str, public: bool, /) -> None:
        """Work notes are the desk's own, comments the caller's too."""
        await self._patch(reference, {"comments" if public else "work_notes": text})

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """Each file by itself ("Attachment API"), unless it is there; then the work note that names
        them.
        """
        record = f"table_name=incident^table_sys_id={reference}"
        query: dict[str, str | int] = {"sysparm_query": record, "sysparm_limit": 100}
        there = await self.ask("GET", "/api/now/attachment", query=query)
        known = {(one["file_name"], one["hash"]) for one in there["result"]}
        for one in files:
            if (one.name, sha256(one.content).hexdigest()) in known:
                continue
            query = {"table_name": "incident", "table_sys_id": reference, "file_name": one.name}
            path, kind = "/api/now/attachment/file", one.media_type
            await self.ask("POST", path, one.content, query=query, kind=kind)
        await self.note(reference, text, False)

    async def change(self, reference: str, change: Change) -> None:
        """State; impact and urgency."""
        given: dict[str, Any] = {}
        if change.status is not None:
            given["state"] = self._settings.word(change.status)
        given |= _levels(change.severity or "")
        if given:
            await self._patch(reference, given)
        if change.owner is not None:
            await self._assign(reference, change.owner)

    async def _assign(self, reference: str, owner: str) -> None:
        """By sys_id, so not as a display value; a rule of the instance may set another."""
        given = {"assigned_to": owner}
        there = (await self.ask("PATCH", f"{_TABLE}/{reference}", given))["result"]
        if _reference(there.get("assigned_to")) != owner:
            raise Never("the instance has assigned it otherwise, with a success")

    async def user(self, written: str) -> str:
        """An active user with the role itil, whom alone the form lets incidents be assigned to
        (reference qualifier of task.assigned_to): by user name, mail address or sys_id.
        """
        name = "email" if "@" in written else "user_name"
        for field in (name, "sys_id"):
            query: Mapping[str, str | int] = {
                "sysparm_query": f"{field}={written}^active=true^roles=itil",
                "sysparm_fields": "sys_id,user_name,email",
                **_few(50),
            }
            # A field that is not there would give everybody.
            for one in (await self.ask("GET", "/api/now/table/sys_user", query=query))["result"]:
                if str(one.get(field, "")).lower() == written.lower():
                    return str(one["sys_id"])
        raise Never(f"there is no active user {written!r} with the role itil")

    async def close(self, reference: str, text: str, /) -> None:
        """Resolved, with the close code and notes that it wants."""
        await self._patch(
            reference,
            {
                "state": self._settings.word("resolved"),
                "close_code": self._settings.close_code,
                "close_notes": text,
            },
        )

    async def merge(self, newer: str, older: str) -> None:
        """The child of the older one, without the key."""
        code = self._settings.duplicate_code
        gone = {"state": self._settings.word("resolved"), "close_code": code}
        notes = {"close_notes": f"A copy of {older}", "parent_incident": older}
        await self._patch(newer, {**gone, **notes, "correlation_id": ""})

    async def prove(self) -> list[str]:
        """The group, the close codes, the fields of the table."""
        settings, missing = self._settings, list[str]()
        await self.ask("GET", _TABLE, query={"sysparm_query": "correlation_id=-", **_few(1)})
        if group := settings.assignment_group:
            query = {"sysparm_query": f"name={group}^active=true", "sysparm_fields": "name"}
            groups = await self._names("sys_user_group", query, "name")
            missing += lacking("group", [group], groups)
        query = {"sysparm_query": "name=incident^element=close_code^inactive=false"}
        codes = await self._names("sys_choice", query, "value")
        missing += lacking("close code", [settings.close_code, settings.duplicate_code], codes)
        if settings.fields:
            query = {"sysparm_query": "nameINincident,task"}
            there = await self._names("sys_dictionary", query, "element")
            missing += lacking("field of incidents", settings.fields, there)
        words = [one for one in settings.severities.values() if set(one) - set("123/")]
        return [*missing, *(f"impact and urgency are 1 to 3, and {one!r} is not" for one in words)]

    async def _names(self, table: str, query: Mapping[str, str], field: str) -> list[str]:
        path = f"/api/now/table/{table}"
        found = (await self.ask("GET", path, query={**query, **_few(2000)}))["result"]
        return [one[field] for one in found]

    async def _journal(self, reference: str) -> list[Remark]:
        query = {
            "sysparm_query": f"element_id={reference}^elementINwork_notes,comments"
            "^ORDERBYsys_created_on",
            "sysparm_fields": "element_id,value,sys_created_by",
            **_few(_MOST_REMARKS),
        }
        found = (await self.ask("GET", "/api/now/table/sys_journal_field", query=query))["result"]
        mine = [one for one in found if one.get("element_id", reference) == reference]
        return [Remark(one["sys_created_by"], one["value"]) for one in mine]

    async def _patch(self, reference: str, given: Mapping[str, Any]) -> None:
        # Names instead of sys_ids are understood for references with this alone.
        query = {"sysparm_input_display_value": "true"}
        await self.ask("PATCH", f"{_TABLE}/{reference}", dict(given), query=query)


def _reference(field: Any) -> str:
    """The sys_id in a field that refers to a record: a text, or one with a link."""
    return str(field.get("value", "")) if isinstance(field, Mapping) else str(field or "")


def _levels(severity: str) -> dict[str, str]:
    impact, slash, urgency = severity.partition("/")
    return {"impact": impact, "urgency": urgency} if slash else {}


def _few(number: int) -> dict[str, str | int]:
    return {"sysparm_limit": number}
