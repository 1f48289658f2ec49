"""What all adapters over REST share: settings that make a desk of them, and a request with the
account in it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import Field

from checks.messages import nearest
from checks.settings import Secret
from checks.transport.http.message import Headers
from monitor.desks.desk import Desk, Never, TryLater
from monitor.desks.helpdesk import Change, Helpdesk, Vocabulary
from monitor.desks.rest import Reply, Rest
from monitor.desks.ticket_desk import TicketDesk


class HelpdeskSettings(Vocabulary):
    """A helpdesk with an adapter."""

    @abstractmethod
    def helpdesk(self) -> Helpdesk:
        """The adapter of these settings."""

    def desk(self, name: str) -> Desk:
        """The desk that keeps its tickets there."""
        return TicketDesk(name, self, self.helpdesk())

    async def try_out(self) -> str:
        """Ask for account, queue, fields and rights; nothing is left behind."""
        helpdesk = self.helpdesk()
        # First: proving ends the session where there is one.
        strangers = [one async for one in _strangers(helpdesk, self.owners)]
        if missing := [*await helpdesk.prove(), *strangers]:
            raise TryLater("; ".join(missing), whole_desk=True)
        owners = f"; {len(self.owners)} owners too" if self.owners else ""
        return f"{self.url}: account, queue, fields and rights are there{owners}"

    def api(self, headers: Headers = ()) -> Rest:
        """Its API, without an account."""
        return Rest(
            self.url,
            trusted=self.trusted_certificates,
            timeout_seconds=self.timeout,
            headers=headers,
        )


class FileSettings(HelpdeskSettings):
    """A helpdesk that keeps files with its tickets."""

    evidence_megabytes: float = Field(default=5.0, ge=0.0, le=25.0)
    """how much of a ticket's evidence goes there (the call's page, recordings, screenshots), with a
    remark for those inside; 0 for none"""


S = TypeVar("S", bound=HelpdeskSettings)
F = TypeVar("F", bound=FileSettings)


class RestHelpdesk(Generic[S]):
    """What all adapters over REST share: their settings, and a request with the account in it."""

    def __init__(self, settings: S) -> None:
        self._settings, self._rest = settings, settings.api()

    def account(self) -> Headers:
        """The headers that carry the account. Raises TryLater."""
        raise NotImplementedError

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        """The JSON of an answer of 2xx, or of one that is `taken`. Raises TryLater, Never."""
        return (await self.reply(method, path, body, **more)).json

    async def reply(self, method: str, path: str, body: object = None, **more: Any) -> Reply:
        """The same, with its status. Raises TryLater, Never."""
        return await self._rest(method, path, body, private=self.account(), **more)

    async def change(self, reference: str, change: Change) -> None:
        """Set what is named."""
        raise NotImplementedError

    async def user(self, written: str) -> str:
        """The id of whom `owners` calls so."""
        raise NotImplementedError

    async def close(self, reference: str, _text: str, /) -> None:
        """The words stand in the last remark already."""
        await self.change(reference, Change(status="resolved"))


class FileHelpdesk(RestHelpdesk[F]):
    """The same of a helpdesk that keeps files with its tickets."""

    @property
    def most_file_bytes(self) -> int:
        """As it is configured."""
        return int(self._settings.evidence_megabytes * 1_000_000)


async def _strangers(helpdesk: Helpdesk, owners: Mapping[str, str]) -> AsyncIterator[str]:
    """A sentence for each of `owners` who owns nothing there."""
    for person, written in owners.items():
        try:
            await helpdesk.user(written)
        except Never as not_there:
            yield f"owner of what {person} takes: {not_there}"


def lacking(what: str, wanted: Iterable[str], there: Iterable[object]) -> Iterator[str]:
    """A sentence for each name that is wanted and not there."""
    known = [str(one) for one in there]
    for name in dict.fromkeys(wanted):
        if name not in known:
            yield f"there is no {what} {name!r}{nearest(name, known)}"


def revealed(secret: Secret) -> str:
    """A secret now. Raises TryLater: it may be put in place later."""
    try:
        return secret.reveal()
    except LookupError as missing:
        raise TryLater(str(missing.args[0]), whole_desk=True) from None
