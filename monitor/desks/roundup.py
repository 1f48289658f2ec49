"""Roundup 2: https://www.roundup-tracker.org/docs/rest.html

    POST  /rest/data/msg {content, author, date}
    POST  /rest/data/issue/@poe, then {title, status, priority, messages} to the link that it gives
    GET   /rest/data/issue?title=KEY           a part of the title is enough
    GET   /rest/data/issue/ID?@verbose=2, /rest/data/msg/ID?@verbose=3
    POST  /rest/data/file                      a form: name, type, content
    PATCH /rest/data/issue/ID                  with the item's @etag in If-Match; else 412

Rules: a message added to a resolved issue makes it "chatting" unless the change names the status,
so each change does. It merges by `superseder`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from checks.settings import Secret
from checks.transport.http.message import Headers
from monitor.desks.desk import Never, TryLater
from monitor.desks.evidence_files import EvidenceFile
from monitor.desks.helpdesk import Change, DeskTicket, Draft, Helpdesk, Remark, Status
from monitor.desks.rest import basic, multipart, refusal
from monitor.desks.rest_helpdesk import FileHelpdesk, FileSettings, lacking, revealed

_MOST_REMARKS = 40
# A message never changes, so it is fetched once.
_KEPT_TEXTS = 500


class RoundupSettings(FileSettings):
    """Tickets as issues of a Roundup tracker."""

    KIND: ClassVar[str] = "roundup"
    STATUSES: ClassVar[Mapping[Status, str]] = {
        "open": "unread",
        "taken": "in-progress",
        "resolved": "resolved",
    }
    SAMPLE: ClassVar[str] = """
[desks.roundup]
kind = "roundup"
url = "https://tracker.example.net/noc"
user = "reveille"
password = { credential = "roundup" }
severities = { P0 = "critical", P1 = "urgent", P2 = "bug", P3 = "wish" }
"""

    user: str
    """an account of the tracker that has the rights of a user, and access by REST"""
    password: Secret
    """its password, by reference"""

    def helpdesk(self) -> Helpdesk:
        """The adapter."""
        return Roundup(self)


class Roundup(FileHelpdesk[RoundupSettings]):
    """One tracker's issues."""

    def __init__(self, settings: RoundupSettings) -> None:
        super().__init__(settings)
        self._said: dict[str, Remark] = {}

    def account(self) -> Headers:
        """RFC 7617, and what keeps browsers of strangers away ("Preventing CSRF Attacks")."""
        login = basic(self._settings.user, revealed(self._settings.password))
        address = self._settings.url.partition("://")
        origin = f"{address[0]}://{address[2].partition('/')[0]}"
        return (("Authorization", login), ("X-Requested-With", "rest"), ("Origin", origin))

    async def find(self, key: str) -> list[str]:
        """By a part of the title, in every status."""
        query = {"title": key, "@fields": "title"}
        found = (await self._data("GET", "/issue", query=query))["collection"]
        mine = [int(one["id"]) for one in found if f"[{key}]" in one["title"]]
        return [str(number) for number in sorted(mine)]

    async def open(self, draft: Draft) -> str:
        """By a link that makes one issue, however often the way there repeats it."""
        issue: dict[str, Any] = {
            "title": draft.subject,
            "status": self._settings.word("open"),
            "messages": [await self._message(draft.text)],
            **draft.fields,
        }
        if draft.severity:
            issue["priority"] = draft.severity
        link = (await self._data("POST", "/issue/@poe", {}))["link"]
        place = f"/rest/data{link.partition('/rest/data')[2]}"
        reply = await self.reply("POST", place, issue, taken=(400,))
        if reply.status == 400:
            # A link that was used has made its issue already: the way there has repeated it.
            used = "POE token" in reply.text
            raise TryLater("it is there already") if used else refusal(400, reply.text[:300])
        return str(reply.json["data"]["id"])

    async def read(self, reference: str) -> DeskTicket | None:
        """One that is superseded lives on in another."""
        one = await self._item(reference)
        if one is None or one["attributes"].get("superseder"):
            return None
        about = one["attributes"]
        numbers = [message["id"] for message in about["messages"]]
        kept = numbers[:1] + numbers[1:][1 - _MOST_REMARKS :]
        return DeskTicket(
            reference,
            self._settings.status_of((about["status"] or {}).get("name", "")),
            (about["priority"] or {}).get("name", ""),
            owner := (about["assignedto"] or {}).get("username", ""),
            tuple([await self._remark(number) for number in kept]),
            owners=(owner,) if owner else (),
            fields={name: str(about.get(name)) for name in self._settings.fields},
        )

    async def note(self, reference: str, text: str, _public: bool, /) -> None:
        """A message; every reader of the tracker sees every one."""
        await self._add(reference, text, ())

    async def enclose(self, reference: str, text: str, files: Sequence[EvidenceFile], /) -> None:
        """Each file is an item of its own, and the issue has them ("Uploading files")."""
        made = []
        for one in files:
            form, kind = multipart({"name": one.name, "type": one.media_type}, [("content", one)])
            made.append(str((await self._data("POST", "/file", form, kind=kind))["id"]))
        await self._add(reference, text, made)

    async def _add(self, reference: str, text: str, files: Sequence[str]) -> None:
        message = await self._message(text)
        one = await self._item(reference) or {}
        about = one["attributes"]
        given = {"messages": [*(known["id"] for known in about["messages"]), message]}
        if files:
            given["files"] = [*(known["id"] for known in about.get("files") or ()), *files]
        await self._set(one, {**given, "status": about["status"]["name"]})

    async def change(self, reference: str, change: Change) -> None:
        """Status, priority and owner by their names."""
        one = await self._item(reference) or {}
        given: dict[str, Any] = {"status": one["attributes"]["status"]["name"]}
        if change.status is not None:
            given["status"] = self._settings.word(change.status)
        if change.severity is not None:
            given["priority"] = change.severity
        if change.owner is not None:
            given["assignedto"] = change.owner
        await self._set(one, given)

    async def merge(self, newer: str, older: str) -> None:
        """Superseded by the older one, and resolved."""
        one = await self._item(newer) or {}
        await self._set(one, {"superseder": [older], "status": self._settings.word("resolved")})

    async def user(self, written: str) -> str:
        """By login; whoever has an account may own issues."""
        if not await self._users(written):
            raise Never(f"there is no user {written!r}")
        return written

    async def prove(self) -> list[str]:
        """Who we are, statuses and priorities."""
        await self._own_number()
        words = [self._settings.word(status) for status in ("open", "taken", "resolved")]
        severities = self._settings.severities.values()
        return [
            *lacking("status", words, await self._names("status")),
            *lacking("priority", severities, await self._names("priority")),
        ]

    async def _names(self, of: str) -> list[str]:
        found = await self._data("GET", f"/{of}", query={"@fields": "name"})
        return [one["name"] for one in found["collection"]]

    async def _own_number(self) -> str:
        return (await self._users(self._settings.user))[0]

    async def _users(self, name: str) -> list[str]:
        query = {"username": name, "@fields": "username"}
        found = (await self._data("GET", "/user", query=query))["collection"]
        # A part of a name is enough for its search.
        return [str(one["id"]) for one in found if one["username"] == name]

    async def _message(self, text: str) -> str:
        said = {"content": text, "author": await self._own_number(), "date": "."}
        return str((await self._data("POST", "/msg", said))["id"])

    async def _remark(self, number: str) -> Remark:
        if number not in self._said:
            if len(self._said) >= _KEPT_TEXTS:
                self._said.clear()
            one = await self._data("GET", f"/msg/{number}", query={"@verbose": "3"})
            about = one["attributes"]
            author = (about["author"] or {}).get("username", "")
            self._said[number] = Remark(author, about["content"])
        return self._said[number]

    async def _item(self, reference: str) -> Any:
        path = f"/rest/data/issue/{reference}"
        reply = await self.reply("GET", path, query={"@verbose": "2"}, taken=(404,))
        return None if reply.status == 404 else reply.json["data"]

    async def _set(self, one: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        match = (("If-Match", one["@etag"]),)
        await self._data("PATCH", f"/issue/{one['id']}", given, headers=match)

    async def _data(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        return (await self.ask(method, f"/rest/data{path}", body, **more))["data"]
