"""What a desk is: somewhere that letters go, a helpdesk or a mail server. It knows tickets, never
verdicts.

A desk answers a letter in one of three ways: a reference (it has it), `TryLater` or `Never`. It
never tries twice by itself: the outbox does, with the same key, so that the far side can tell a
repetition.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from checks.settings import Secret, Settings

if TYPE_CHECKING:
    # Whoever has no desk that telephones need not read what a conference is made of.
    from monitor.desks.conference_minutes import LeftMinutes
    from monitor.desks.emergency_number import EmergencyNumber
    from monitor.desks.replies import Replies

Takes = Literal["tickets", "people", "pages"]
"""what a desk is sent: "tickets" is one letter per event of a ticket, to the desk itself, as a
helpdesk wants it; "people" is one letter per event and person (and the reports), to that person's
address; "pages" is one letter per level whose turn comes, to its people by telephone"""


class Acknowledged(str):
    """What a desk that pages returns: a person has taken the ticket. The text says how."""

    by: str
    minutes: Awaitable[str] | None
    kept: Callable[[], None]

    def __new__(
        cls,
        text: str,
        by: str,
        minutes: Awaitable[str] | None = None,
        kept: Callable[[], None] = lambda: None,
    ) -> Acknowledged:
        """`by` is the person's name; `minutes` is what comes of a conference that goes on, and
        `kept` is called once the ticket has them.
        """
        made = super().__new__(cls, text)
        made.by, made.minutes, made.kept = by, minutes, kept
        return made


class Unowned(str):
    """What a helpdesk returns that has all of a letter but the owner; `why` is its refusal."""

    why: str

    def __new__(cls, text: str, why: str) -> Unowned:
        """`text` is the ticket's name there."""
        made = super().__new__(cls, text)
        made.why = why
        return made


class TryLater(Exception):
    """Not now. `whole_desk`: nobody's letters go out at the moment, not only this one. `answered`:
    the desk has looked at what was asked, and refuses it as things are.
    """

    def __init__(self, text: str, *, whole_desk: bool = False, answered: bool = False) -> None:
        super().__init__(text)
        self.whole_desk, self.answered = whole_desk, answered


class Never(Exception):
    """This letter will not be taken, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one recipient.

    `body` holds "ticket" (reports.ticket.Ticket as a dict), "extra" (what the event adds) and,
    where it is a mere acknowledgement, "acknowledgement": true. `letter_body` makes one.
    """

    key: str
    """the same at every try, and no other letter's: what the far side recognises a repetition by"""
    thread: str
    """what all letters of one incident have in common"""
    previous: str | None
    """the key of the letter of this thread that the recipient got before"""
    incident: int | None
    kind: str
    """the event: "opened", "escalated", ... (reports.ticket.EVENTS)"""
    recipient: str
    written_at: datetime
    body: Mapping[str, Any] = field(repr=False)
    reference: str | None = None
    """what the far side called the letter before, or the ticket that it was about"""
    before: Mapping[str, Any] | None = field(default=None, repr=False)
    """the ticket as the letter before told it"""
    since_last_try_seconds: float | None = None
    """since when it was tried before, and nobody knows what came of it; None at the first try"""
    reply_token: str = field(default="", repr=False)
    """by which an answer to it is known to be its reader's (monitor/incidents/answer_key.py)"""
    link_token: str = field(default="", repr=False)
    """likewise, of a link in it"""


def letter_body(
    ticket: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
    *,
    acknowledgement: bool = False,
) -> dict[str, Any]:
    """The body of an outbox message: a ticket as plain data, and what the event adds."""
    return {"ticket": dict(ticket), "extra": dict(extra or {}), "acknowledgement": acknowledgement}


class Desk(Protocol):
    """Somewhere that letters go."""

    @property
    def concurrency(self) -> int:
        """How many letters it takes at once."""

    @property
    def timeout_seconds(self) -> float:
        """The longest that one delivery takes by its own time limits; afterwards it is given up."""

    async def deliver(self, letter: Letter) -> str:
        """Hand the letter over; returns the far side's name for it. Raises TryLater or Never,
        nothing else.
        """


@runtime_checkable
class Confers(Protocol):
    """A desk that calls people together."""

    def left_minutes(self) -> Iterable[LeftMinutes]:
        """The minutes of conferences that the end of the daemon before has cut off."""


class DeskSettings(Settings):
    """The settings of one kind of desk. Its fields are its settings; their descriptions feed the
    reference.

    The docstring of the class is what the kind means. `SAMPLE` is its example in TOML, headed
    [desks.NAME].
    """

    KIND: ClassVar[str]
    """the word written as `kind = ...` in [desks.NAME]"""
    TAKES: ClassVar[frozenset[Takes]]
    """what it is sent; nothing for a desk that reads the ledger by itself"""
    PUSHES_ANSWERS: ClassVar[bool] = False
    """whether what it pushes to the page are answers; else it is a reason to look at its tickets"""
    SAMPLE: ClassVar[str] = ""
    """[desks.NAME] as a newcomer begins with it, in TOML"""

    @abstractmethod
    def desk(self, name: str) -> Desk:
        """The desk that these settings describe; `name` is that of [desks.NAME]."""

    async def try_out(self) -> str:
        """Open the far side once, delivering nothing; what was opened, in words, "" where there is
        no far side. Raises TryLater or Never.
        """
        return ""

    async def send_one(self, site: str) -> str:  # noqa: ARG002 - a desk that reaches people has it
        """Send one message that says it is a test; what came of it, "" where nothing is sent for a
        test. Raises TryLater or Never.
        """
        return ""

    def pages(self, severity: str) -> bool:  # noqa: ARG002 - a desk that pages may look at it
        """Whether people are paged by it for a severity of the policy."""
        return "pages" in self.TAKES

    def confers(self, severity: str) -> bool:  # noqa: ARG002 - a desk that pages may look at it
        """Whether all people of a level are called together, whoever of them is on call."""
        return False

    def emergency_number(self, name: str) -> EmergencyNumber | None:  # noqa: ARG002 - a desk that has one
        """The number that people call in an emergency, of the desk [desks.NAME]."""
        return None

    def pushed_by(self) -> Secret | None:
        """What it signs its pushes to the page with; None where it pushes nothing."""
        return None

    def mailbox(self) -> Replies | None:
        """Where people's answers to its letters are to be read."""
        return None

    def copies(self) -> tuple[str, ...]:
        """Who gets an acknowledgement of every step, beside the people of the ladder."""
        return ()
