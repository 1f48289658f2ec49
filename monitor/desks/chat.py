"""Chat and push for people, by Apprise: ntfy, Slack, Teams, Telegram, gateways of text messages and
a hundred more, each named by one address (github.com/caronc/apprise, "Supported Notifications").

    ntfys://user:token@ntfy.example.net/noc      tgram://bottoken/ChatID      slack://…

Rules: Apprise is an extra (`apprise`), and only ever in a child process, which gets the address by
its standard input. One address is one desk: of two, one that failed would have the other told
twice. What a far end said calls nobody of the channel. There is no key by which a repetition is
known there, and a message twice is better than none.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar

from pydantic import Field

from checks.process.parent import answered, python
from checks.settings import Duration, Secret
from monitor.desks.desk import Desk, DeskSettings, Letter, Never, Takes, TryLater
from monitor.desks.policy_words import SEVERITY
from monitor.desks.rest_helpdesk import revealed
from reports.render import render_mail
from reports.ticket import Ticket

# A child takes half a second on a busy host until it has read its library.
_START_SECONDS = 15.0
_EVENTS = ("opened", "blind", "reopened", "escalated", "reclassified", "acknowledged", "closed")
# Apprise's own four (apprise.NotifyType).
_BY_EVENT = {"acknowledged": "info", "closed": "success"}
# Telegram takes 4096 letters, a text message 160: the channel cuts, the beginning says what it is.
_LONGEST = 1500
# "@everyone" of Discord, "@all" of Mattermost, Google and WeCom, "<!here>" and "<@U01>" of Slack. A
# word joiner behind it parts it for programs, and for no reader.
_CALLS = re.compile(r"@(?=(?:everyone|here|channel|all|room)\b)|<(?=[!@#&])", re.IGNORECASE)


class ChatSettings(DeskSettings):
    """Chat and push for people, by Apprise; a message has no owner."""

    KIND: ClassVar[str] = "chat"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"tickets"})
    SAMPLE: ClassVar[str] = """
[desks.shift-chat]
kind = "chat"
address = { credential = "shift-chat" }
severities = ["P0", "P1"]
"""

    address: Secret
    """Apprise's address of the channel, as in ntfys://user:token@ntfy.example.net/noc, by
    reference"""
    events: tuple[str, ...] = _EVENTS
    """which events are told there"""
    severities: Annotated[tuple[str, ...], SEVERITY] = ()
    """of which severities; by default of all"""
    timeout: Duration = Field(default=30.0, ge=1)
    """how long to wait for the channel"""

    def desk(self, name: str) -> Desk:
        """The desk that tells there."""
        return Chat(name, self)

    async def try_out(self) -> str:
        """Whether Apprise is here and knows the address; nothing is sent. Raises TryLater."""
        said = await _told(self, {"address": revealed(self.address)})
        return f"Apprise knows the address ({said}); `reveille desks test` sends one message"

    async def send_one(self, site: str) -> str:
        """Send one message that says it is a test. Raises TryLater."""
        text = "This is a test of the way to you. Nothing is wrong, and nobody has to do anything."
        title = f"Reveille at {site}: a test"
        message = {"title": title, "body": text, "type": "info"}
        said = await _told(self, {"address": revealed(self.address), **message})
        return f"one message was sent ({said})"


class Chat:
    """Sends each event as one message."""

    concurrency = 1

    def __init__(self, name: str, settings: ChatSettings) -> None:
        self.name, self._settings = name, settings
        self.timeout_seconds = settings.timeout + _START_SECONDS + 5.0

    async def deliver(self, letter: Letter) -> str:
        """Send it. Raises TryLater, Never."""
        if "ticket" not in letter.body:
            raise Never("a report is for people; a chat takes none")
        ticket = Ticket.from_dict(letter.body["ticket"])
        only = self._settings.severities
        if letter.kind not in self._settings.events or (only and ticket.severity not in only):
            return f"{self.name}: {letter.kind} of {ticket.severity} is not told there"
        words = render_mail(letter.kind, ticket, letter.body.get("extra", {}))
        body = "\n".join(filter(None, (ticket.summary, ticket.page)))[:_LONGEST]
        kind = _BY_EVENT.get(letter.kind, "failure" if ticket.rank == 0 else "warning")
        title = _calling_nobody(words.subject)
        message = {"title": title, "body": _calling_nobody(body), "type": kind}
        return await _told(self._settings, {"address": revealed(self._settings.address), **message})


def _calling_nobody(text: str) -> str:
    """A text in which nothing wakes a whole channel: what a far end said may stand in it."""
    return _CALLS.sub(lambda sign: sign[0] + "\u2060", text)


async def _told(settings: ChatSettings, job: dict[str, Any]) -> str:
    """What the child has done; by what kind of channel. Raises TryLater."""
    if find_spec("apprise") is None:
        why = "Apprise is not installed; install what locks/chat.txt names into the environment"
        raise TryLater(why, whole_desk=True)
    within = settings.timeout + _START_SECONDS
    told = json.dumps({**job, "timeout": settings.timeout}).encode()
    try:
        answer = await answered(python("monitor.desks.chat_child"), told, within)
        said = json.loads(answer.output)
    except (OSError, ValueError, TimeoutError) as problem:
        raise TryLater(f"Apprise: {problem or 'no answer in time'}") from None
    if "done" not in said:
        raise TryLater(str(said.get("fault", "Apprise failed"))[:300], whole_desk=True)
    return str(said["done"])
