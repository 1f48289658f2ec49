"""Redmine: https://www.redmine.org/projects/redmine/wiki/Rest_api

    POST /issues.json {issue: {project_id, subject, description, priority_id, custom_fields}}
    GET  /issues.json?subject=~KEY&status_id=*      without status_id closed ones stay away
    GET  /issues/ID.json?include=journals
    PUT  /issues/ID.json {issue: {notes, private_notes, status_id, priority_id, assigned_to_id}}
    GET  /projects/PROJECT/memberships.json, /roles/ID.json: who may be assigned issues
    POST /uploads.json?filename=NAME, then {issue: {notes, uploads: [{token}]}}

Rules: what the workflow does not allow is passed over with 204, so the issue is read again. It
merges nothing: the newer one is related as a duplicate, loses the key, and is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from checks.settings import Secret
from checks.transport.http.message import Headers
from monitor.desks.desk import Never
from monitor.desks.evidence_files import EvidenceFile
from monitor.desks.helpdesk import Change, DeskTicket, Draft, Helpdesk, Remark, Status
from monitor.desks.rest_helpdesk import FileHelpdesk, FileSettings, lacking, revealed

# Redmine's own limit (Rest_Issues, "Subject is too long").
_LONGEST_SUBJECT = 255


class RedmineSettings(FileSettings):
    """Tickets as issues of a Redmine project."""

    KIND: ClassVar[str] = "redmine"
    STATUSES: ClassVar[Mapping[Status, str]] = {
        "open": "New",
        "taken": "In Progress",
        "resolved": "Resolved",
    }
    SAMPLE: ClassVar[str] = """
[desks.redmine]
kind = "redmine"
url = "https://redmine.example.net"
api_key = { credential = "redmine" }
project = "noc"
severities = { P0 = "Urgent", P1 = "High", P2 = "Normal", P3 = "Low" }
"""

    api_key: Secret
    """the API access key of an account with the rights to add and edit issues, by reference"""
    project: str
    """the project's identifier, as in its address"""
    tracker: str = ""
    """the tracker's name; by default the project's first"""

    def helpdesk(self) -> Helpdesk:
        """The adapter."""
        return Redmine(self)


class Redmine(FileHelpdesk[RedmineSettings]):
    """One project's issues."""

    def account(self) -> Headers:
        """An API key (Rest_api, "Authentication")."""
        return (("X-Redmine-API-Key", revealed(self._settings.api_key)),)

    async def find(self, key: str) -> list[str]:
        """By a part of the subject, closed ones too."""
        query: Mapping[str, str | int] = {"subject": f"~{key}", "status_id": "*", "limit": 50}
        found = (await self.ask("GET", "/issues.json", query=query))["issues"]
        return [str(n) for n in sorted(o["id"] for o in found if f"[{key}]" in o["subject"])]

    async def open(self, draft: Draft) -> str:
        """In the project, with ids for the names of priority, tracker and fields."""
        issue: dict[str, Any] = {
            "project_id": self._settings.project,
            "subject": _short(draft.subject),
            "description": draft.text,
        }
        if draft.severity:
            issue["priority_id"] = await self._priority(draft.severity)
        if self._settings.tracker:
            trackers = (await self._project())["trackers"]
            issue["tracker_id"] = _id(trackers, self._settings.tracker, "tracker")
        if draft.fields:
            known = await self._fields(draft.fields)
            issue["custom_fields"] = [
                {"id": _id(known, name, "custom field"), "value": value}
                for name, value in draft.fields.items()
            ]
        return str((await self.ask("POST", "/issues.json", {"issue": issue}))["issue"]["id"])

    async def read(self, reference: str) -> DeskTicket | None:
        """Its description is its first remark."""
        query = {"include": "journals"}
        reply = await self.reply("GET", f"/issues/{reference}.json", query=query, taken=(404,))
        if reply.status == 404:
            return None
        one = reply.json["issue"]
        journals = [entry for entry in one["journals"] if entry.get("notes")]
        return DeskTicket(
            reference,
            self._settings.status_of(one["status"]["name"]),
            one["priority"]["name"],
            (owner := one.get("assigned_to") or {}).get("name", ""),
            (
                Remark(one["author"]["name"], one["description"] or ""),
                *(Remark(entry["user"]["name"], entry["notes"]) for entry in journals),
            ),
            owners=(str(owner["id"]),) if owner else (),
            fields={field["name"]: field["value"] for field in one.get("custom_fields", ())},
        )

    async def note(self, reference: str, text: str, public: bool, /) -> None:
        """A note; a private one where it is not for the customer."""
        await self._put(reference, {"notes": text, "private_notes": not public})

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """Each file gets a token, the note takes them ("Attaching files")."""
        uploads = []
        for one in files:
            query, kind = {"filename": one.name}, "application/octet-stream"
            made = await self.ask("POST", "/uploads.json", one.content, query=query, kind=kind)
            token = made["upload"]["token"]
            uploads.append({"token": token, "filename": one.name, "content_type": one.media_type})
        await self._put(reference, {"notes": text, "private_notes": True, "uploads": uploads})

    async def change(self, reference: str, change: Change) -> None:
        """Set, and read again: what the workflow forbids is passed over with 204."""
        given: dict[str, Any] = {}
        if change.status is not None:
            word = self._settings.word(change.status)
            statuses = (await self.ask("GET", "/issue_statuses.json"))["issue_statuses"]
            given["status_id"] = _id(statuses, word, "status")
        if change.severity is not None:
            given["priority_id"] = await self._priority(change.severity)
        if change.owner is not None:
            given["assigned_to_id"] = int(change.owner)
        await self._put(reference, given)
        there = (await self.ask("GET", f"/issues/{reference}.json"))["issue"]
        for name in ("status", "priority", "assigned_to"):
            stands = there.get(name) or {"id": None, "name": "nobody"}
            if stands["id"] != given.get(f"{name}_id", stands["id"]):
                raise Never(f"the workflow leaves {reference} at {stands['name']!r}")

    async def merge(self, newer: str, older: str) -> None:
        """Related, without the key, closed; each step may come twice."""
        relation = {"issue_to_id": int(older), "relation_type": "duplicates"}
        path = f"/issues/{newer}/relations.json"
        # 422: it is related already.
        await self.ask("POST", path, {"relation": relation}, taken=(422,))
        await self.change(newer, Change(status="resolved"))
        await self._put(newer, {"subject": f"Duplicate of #{older}"})

    async def user(self, written: str) -> str:
        """A member of the project: by number, by name as its list of members shows it, or by login
        where this account may look logins up (an administrator's).
        """
        named = await self._by_login(written)
        for member in await self._members():
            who = member.get("user") or {}
            if written not in (str(who.get("id")), who.get("name")) and who.get("id") != named:
                continue
            if not await self._assignable(member["roles"]):
                raise Never(f"no role of {written!r} may be assigned issues")
            return str(who["id"])
        raise Never(f"the project has no member {written!r}")

    async def _by_login(self, written: str) -> int:
        """0 where there is none, or this account may not ask."""
        query = {"name": written, "limit": 100}
        reply = await self.reply("GET", "/users.json", query=query, taken=(403,))
        users = reply.json["users"] if reply.status == 200 else ()
        return next((int(one["id"]) for one in users if one.get("login") == written), 0)

    async def _members(self) -> list[Any]:
        """Page after page of a hundred."""
        path, found = f"/projects/{self._settings.project}/memberships.json", list[Any]()
        while True:
            page = await self.ask("GET", path, query={"limit": 100, "offset": len(found)})
            found += page["memberships"]
            if not page["memberships"] or len(found) >= page["total_count"]:
                return found

    async def _assignable(self, roles: Iterable[Any]) -> bool:
        """Rest_Roles has told of it since 4.2."""
        told = [(await self.ask("GET", f"/roles/{one['id']}.json"))["role"] for one in roles]
        return any(one.get("assignable", True) for one in told)

    async def prove(self) -> list[str]:
        """Who we are, the project, its trackers and fields, statuses and priorities."""
        await self.ask("GET", "/users/current.json")
        project = await self._project()
        statuses = (await self.ask("GET", "/issue_statuses.json"))["issue_statuses"]
        words = [self._settings.word(status) for status in ("open", "taken", "resolved")]
        fields = self._settings.fields
        tracker = [self._settings.tracker] if self._settings.tracker else []
        severities = self._settings.severities.values()
        return [
            *lacking("tracker", tracker, _names(project["trackers"])),
            *lacking("custom field", fields, _names(await self._fields(fields))),
            *lacking("status", words, _names(statuses)),
            *lacking("priority", severities, _names(await self._priorities())),
        ]

    async def _put(self, reference: str, issue: Mapping[str, Any]) -> None:
        await self.ask("PUT", f"/issues/{reference}.json", {"issue": issue})

    async def _project(self) -> Any:
        query = {"include": "trackers,issue_custom_fields"}
        path = f"/projects/{self._settings.project}.json"
        return (await self.ask("GET", path, query=query))["project"]

    async def _fields(self, wanted: Iterable[str]) -> list[Any]:
        """Those of the project; one for all projects is not among them (ProjectsHelper of 5.0), but
        issues have it, and so has the list that an administrator sees.
        """
        known = list((await self._project())["issue_custom_fields"])
        if set(wanted) <= set(_names(known)):
            return known
        query = {"project_id": self._settings.project, "status_id": "*", "limit": 1}
        for issue in (await self.ask("GET", "/issues.json", query=query))["issues"]:
            known += issue.get("custom_fields", ())
        listed = await self.reply("GET", "/custom_fields.json", taken=(403, 404))
        if listed.status == 200:
            fields = listed.json["custom_fields"]
            known += [one for one in fields if one["customized_type"] == "issue"]
        return known

    async def _priorities(self) -> Any:
        return (await self.ask("GET", "/enumerations/issue_priorities.json"))["issue_priorities"]

    async def _priority(self, name: str) -> int:
        return _id(await self._priorities(), name, "priority")


def _names(known: Any) -> list[str]:
    return [one["name"] for one in known]


def _id(known: Any, name: str, what: str) -> int:
    for one in known:
        if one["name"] == name:
            return int(one["id"])
    raise Never(next(lacking(what, [name], _names(known))))


def _short(subject: str) -> str:
    """The key stands at its end, and is never cut."""
    head, bracket, key = subject.rpartition("[")
    return head[: _LONGEST_SUBJECT - len(bracket + key)] + bracket + key
