"""Whoever takes a ticket here owns it at the desk, where `owners` says what he is called there.

| at the desk                     | what is done                                                   |
|---------------------------------|----------------------------------------------------------------|
| nobody owns it                  | who took it here does                                          |
| it is owned as we set it last   | likewise: somebody else has taken it here                      |
| anybody else owns it            | nothing: that was somebody's choice there                      |
| it is over, or takes no changes | nothing                                                        |

Rules:
1. The owner is set last: a desk that refuses it has the status and the remark by then.
2. What is refused is said once, in the ticket's history, and not asked again. Trouble on the way is
   no refusal. An answer that refuses for now (a missing right, a fault of the desk's own) counts as
   one where a later try gets it too.
3. Who took it and has no user there changes nothing there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from monitor.desks.desk import Letter, Never, TryLater
from monitor.desks.helpdesk import Change, DeskTicket, Helpdesk
from monitor.desks.owners import called_there
from reports.ticket import Ticket

log = logging.getLogger("reveille.desks")


class TicketOwner:
    """Sets the owner of a desk's tickets."""

    def __init__(self, name: str, owners: Mapping[str, str], helpdesk: Helpdesk) -> None:
        self._name, self._owners, self._helpdesk = name, owners, helpdesk
        # A user keeps his id; one who is not found is asked for again.
        self._users: dict[str, str] = {}

    async def follow(self, found: DeskTicket, letter: Letter, ticket: Ticket) -> str:
        """Who has taken a ticket owns it there; what the desk refuses of that, in words. Raises
        TryLater where nothing was refused.
        """
        wanted = called_there(self._owners, ticket.acknowledged_by)
        if letter.kind != "acknowledged" or not wanted:
            return ""
        if found.final or found.status == "resolved":
            return ""
        try:
            await self._set(found, wanted, letter)
        except (Never, TryLater) as refused:
            repeated = letter.since_last_try_seconds is not None
            if isinstance(refused, TryLater) and not (refused.answered and repeated):
                raise
            log.warning("action=desk_owner_refused desk=%s %s", self._name, refused)
            return f"{wanted} does not own it at {self._name}: {refused}"
        return ""

    async def _set(self, found: DeskTicket, wanted: str, letter: Letter) -> None:
        user = await self._user(wanted)
        if user in found.owners:
            return
        if found.owners and not await self._as_left(found, letter):
            return
        try:
            await self._helpdesk.change(found.reference, Change(owner=user))
        except Never:
            # A request that arrives twice is refused the second time at some desks.
            there = await self._helpdesk.read(found.reference)
            if there is None or user not in there.owners:
                raise

    async def _as_left(self, found: DeskTicket, letter: Letter) -> bool:
        told = Ticket.from_dict(letter.before).acknowledged_by if letter.before else ""
        return await self.is_as_told(found, told)

    async def is_as_told(self, there: DeskTicket, told: str) -> bool:
        """Whether a ticket's owner is whom we have made it: the user of whoever had taken it in the
        last letter. Raises TryLater.
        """
        known = called_there(self._owners, told)
        if not known or not there.owners:
            return False
        try:
            return set(there.owners) == {await self._user(known)}
        except Never:
            return False
        except TryLater as refused:
            # An account that may not look users up sees what people do all the same.
            if refused.answered:
                return False
            raise

    async def _user(self, written: str) -> str:
        if written not in self._users:
            self._users[written] = await self._helpdesk.user(written)
        return self._users[written]
