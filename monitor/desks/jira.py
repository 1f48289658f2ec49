"""Jira Service Management (Cloud): developer.atlassian.com, its own REST API and Jira's v3.

    POST /rest/servicedeskapi/request {serviceDeskId, requestTypeId, requestFieldValues}
    POST /rest/api/3/search/jql {jql: summary ~ "\\"KEY\\""}     knows nothing of the last seconds
    GET  /rest/api/3/issue/KEY, /rest/servicedeskapi/request/KEY/comment
    PUT  /rest/api/3/issue/KEY {fields: {priority}}
    POST /rest/api/3/issue/KEY/transitions {transition: {id}}   of those that its status has
    PUT  /rest/api/3/issue/KEY/assignee {accountId}
    GET  /rest/api/3/user/assignable/search?project=PROJECT&query=MAIL or &accountId=ID
    POST /rest/servicedeskapi/request/KEY/comment {body, public}
    POST /rest/servicedeskapi/servicedesk/ID/attachTemporaryFile, then request/KEY/attachment

Rule: it merges nothing by its API: the newer one is linked as a duplicate, loses the key, and is
resolved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from checks.settings import Secret
from checks.transport.http.message import Headers
from monitor.desks.desk import Never
from monitor.desks.evidence_files import EvidenceFile
from monitor.desks.helpdesk import Change, DeskTicket, Draft, Helpdesk, Remark, Status
from monitor.desks.rest import basic, multipart
from monitor.desks.rest_helpdesk import FileHelpdesk, FileSettings, lacking, revealed

_LONGEST_SUMMARY = 255
# A document deeper than lists in lists is no description of ours.
_DEEPEST = 20


class JiraSettings(FileSettings):
    """Tickets as requests of Jira Service Management."""

    KIND: ClassVar[str] = "jira"
    STATUSES: ClassVar[Mapping[Status, str]] = {
        "open": "Open",
        "taken": "In Progress",
        "resolved": "Resolved",
    }
    # "Search and reconcile": JQL is eventually consistent; the index was mostly there in seconds.
    SETTLES_SECONDS: ClassVar[float] = 60.0
    SAMPLE: ClassVar[str] = """
[desks.jira]
kind = "jira"
url = "https://example.atlassian.net"
user = "reveille@example.net"
token = { credential = "jira" }
service_desk = "2"
request_type = "17"
severities = { P0 = "Highest", P1 = "High", P2 = "Medium", P3 = "Low" }
"""

    user: str
    """the account's mail address"""
    token: Secret
    """its API token, by reference"""
    service_desk: str
    """the id of the service desk"""
    request_type: str
    """the id of the request type"""

    def helpdesk(self) -> Helpdesk:
        """The adapter."""
        return Jira(self)


class Jira(FileHelpdesk[JiraSettings]):
    """One service desk's requests."""

    def account(self) -> Headers:
        """Basic authentication with an API token."""
        login = basic(self._settings.user, revealed(self._settings.token))
        return (("Authorization", login),)

    async def find(self, key: str) -> list[str]:
        """By the words of the key as one phrase; which of them it is, is looked at here."""
        query = {
            "jql": f'summary ~ "\\"{key}\\"" ORDER BY created',
            "fields": ["summary"],
            "maxResults": 50,
        }
        found = (await self.ask("POST", "/rest/api/3/search/jql", query))["issues"]
        return [one["key"] for one in found if f"[{key}]" in one["fields"]["summary"]]

    async def open(self, draft: Draft) -> str:
        """A request; its priority is set afterwards, since no portal's form need have it."""
        head, bracket, key = draft.subject.rpartition("[")
        request = {
            "serviceDeskId": self._settings.service_desk,
            "requestTypeId": self._settings.request_type,
            "requestFieldValues": {
                "summary": head[: _LONGEST_SUMMARY - len(bracket + key)] + bracket + key,
                "description": draft.text,
                **draft.fields,
            },
        }
        made = await self.ask("POST", "/rest/servicedeskapi/request", request)
        if draft.severity:
            await self.change(made["issueKey"], Change(severity=draft.severity))
        return str(made["issueKey"])

    async def read(self, reference: str) -> DeskTicket | None:
        """The description is its first remark."""
        query = {"fields": "summary,status,priority,assignee,description"}
        path = f"/rest/api/3/issue/{reference}"
        reply = await self.reply("GET", path, query=query, taken=(404,))
        if reply.status == 404 or "[rv-" not in reply.json["fields"]["summary"]:
            return None
        about = reply.json["fields"]
        path = f"/rest/servicedeskapi/request/{reference}/comment"
        said = (await self.ask("GET", path, query={"limit": 100}))["values"]
        return DeskTicket(
            reply.json["key"],
            self._settings.status_of(about["status"]["name"]),
            (about.get("priority") or {}).get("name", ""),
            (owner := about.get("assignee") or {}).get("displayName", ""),
            (
                Remark("", "".join(_text(about.get("description")))),
                *(Remark(one["author"]["displayName"], one["body"]) for one in said),
            ),
            owners=(owner["accountId"],) if owner else (),
        )

    async def note(self, reference: str, text: str, public: bool, /) -> None:
        """A comment, internal or for the customer."""
        path = f"/rest/servicedeskapi/request/{reference}/comment"
        await self.ask("POST", path, {"body": text, "public": public})

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """Each file is laid down, and an internal comment takes them ("Attach temporary file",
        "Create attachment").
        """
        tokens = []
        for one in files:
            path = f"/rest/servicedeskapi/servicedesk/{self._settings.service_desk}"
            form, kind = multipart({}, [("file", one)])
            # Else it takes a form for a forged one (XSRF).
            meant = (("X-Atlassian-Token", "no-check"),)
            made = await self.ask(
                "POST", f"{path}/attachTemporaryFile", form, kind=kind, headers=meant
            )
            tokens += [file["temporaryAttachmentId"] for file in made["temporaryAttachments"]]
        body = {"temporaryAttachmentIds": tokens, "public": False}
        comment = {"additionalComment": {"body": text}}
        path = f"/rest/servicedeskapi/request/{reference}/attachment"
        await self.ask("POST", path, {**body, **comment})

    async def change(self, reference: str, change: Change) -> None:
        """The priority by its name, the status by a transition that leads to it."""
        path = f"/rest/api/3/issue/{reference}"
        if change.severity is not None:
            await self.ask("PUT", path, {"fields": {"priority": {"name": change.severity}}})
        if change.owner is not None:
            await self.ask("PUT", f"{path}/assignee", {"accountId": change.owner})
        if change.status is None:
            return
        word = self._settings.word(change.status)
        there = (await self.ask("GET", f"{path}/transitions"))["transitions"]
        ways = [one["id"] for one in there if one["to"]["name"].lower() == word.lower()]
        if not ways:
            raise Never(f"no transition of {reference} leads to {word!r} from where it stands")
        await self.ask("POST", f"{path}/transitions", {"transition": {"id": ways[0]}})

    async def merge(self, newer: str, older: str) -> None:
        """Linked, resolved, without the key."""
        issues = {"inwardIssue": {"key": newer}, "outwardIssue": {"key": older}}
        link = {"type": {"name": "Duplicate"}, **issues}
        await self.ask("POST", "/rest/api/3/issueLink", link)
        there = await self.read(newer)
        if there is not None and there.status != "resolved":
            await self.change(newer, Change(status="resolved"))
        renamed = {"fields": {"summary": f"Duplicate of {older}"}}
        await self.ask("PUT", f"/rest/api/3/issue/{newer}", renamed)

    async def user(self, written: str) -> str:
        """Of those whom issues of the project may be assigned to ("Find users assignable to
        issues"): by account id, or mail address where his profile shows it to the account.
        """
        desk = await self.ask(
            "GET", f"/rest/servicedeskapi/servicedesk/{self._settings.service_desk}"
        )
        by = "query" if "@" in written else "accountId"
        query = {"project": desk["projectKey"], by: written}
        found = await self.ask("GET", "/rest/api/3/user/assignable/search", query=query)
        mine = [
            one["accountId"]
            for one in found
            if written == one["accountId"]
            or written.lower() == (one.get("emailAddress") or "").lower()
        ]
        if not mine:
            raise Never(f"no issue of {desk['projectKey']} may be assigned to {written!r}")
        return str(mine[0])

    async def prove(self) -> list[str]:
        """Who we are, the request type with its fields, the priorities."""
        await self.ask("GET", "/rest/api/3/myself")
        desk, kind = self._settings.service_desk, self._settings.request_type
        path = f"/rest/servicedeskapi/servicedesk/{desk}/requesttype/{kind}/field"
        reply = await self.reply("GET", path, taken=(404,))
        if reply.status == 404:
            return [f"there is no request type {kind!r} at service desk {desk!r}"]
        fields = [one["fieldId"] for one in reply.json["requestTypeFields"]]
        known = (await self.ask("GET", "/rest/api/3/priority/search"))["values"]
        severities = self._settings.severities.values()
        return [
            *lacking("field on the form", ["summary", "description"], fields),
            *lacking("field on the form", self._settings.fields, fields),
            *lacking("priority", severities, [one["name"] for one in known]),
        ]


def _text(node: Any, depth: int = 0) -> Iterator[str]:
    """The text of a document in the Atlassian Document Format; each paragraph is a line."""
    if isinstance(node, str):
        yield node
    if not isinstance(node, Mapping) or depth > _DEEPEST:
        return
    if node.get("type") == "text":
        yield str(node.get("text", ""))
    if node.get("type") == "hardBreak":
        yield "\n"
    for inner in node.get("content") or ():
        yield from _text(inner, depth + 1)
    if node.get("type") in ("paragraph", "heading"):
        yield "\n"
