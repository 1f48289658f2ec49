"""Answers by mail: whose each is, what it asks for, and what was done; read from a mailbox, or
piped in by a mail server (`reveille reply`).

Rules:
1. Who answers is a person of the configuration, and no customer: known by the signature of a letter
   that he got, or by the verdict of our own mail server (monitor/desks/received_mail.py).
2. The first line is the word, and nothing else is an order: text without one changes nothing.
3. No mail is ever answered. What was done is told as any change is; what was not stands in the log.
4. A mail is marked as read once it is done with. What a busy ledger has kept from being done is
   read again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from checks import masking
from checks.body import Unreadable
from checks.contract import CannotTell, Failed
from checks.network.imap import Imap
from monitor.config import Configuration
from monitor.desks.received_mail import MOST_BYTES, ReceivedMail, read_mail
from monitor.desks.replies import Replies
from monitor.incidents.answer_key import key_of, reply_token, same
from monitor.incidents.answers import Answer, Answers, Word, who_may_act
from monitor.incidents.ticket_actions import NotPossible
from monitor.incidents.ticket_view import ticket_name
from monitor.ledger import Ledger, LedgerAccess
from monitor.ledger.encoding import plain
from monitor.ledger.of_site import of_site

log = logging.getLogger("reveille.replies")
# A megabyte is what one connection brings (checks/transport/line_protocol.py).
_MOST_A_TURN = 12
_TURN_SECONDS = 60.0
_WORDS: Mapping[Word, re.Pattern[str]] = {
    "ack": re.compile(r"(ack|acknowledged?|i have it|i take it)[.!]?", re.I),
    "note": re.compile(r"note\s*[: ]\s*(?P<text>.*)", re.I),
    "resolve": re.compile(r"resolved?[.!]?(?:\s*[: ]\s*(?P<text>.*))?", re.I),
    "escalate": re.compile(r"escalate\s*[: ]\s*(?P<text>.*)", re.I),
    "request": re.compile(r"open (?P<about>change|feature)\s*[: ]\s*(?P<text>.*)", re.I),
    "open": re.compile(r"open (?P<about>[a-z0-9][a-z0-9-]{0,60})\s*[: ]\s*(?P<text>.*)", re.I),
}


class NoAnswer(Exception):
    """It is no answer that may be taken; the text says why."""


def received(raw: bytes, replies: Replies | None) -> ReceivedMail:
    """A mail as far as it may be an answer. It needs no ledger, and keeps none waiting. Raises
    NoAnswer.
    """
    try:
        return read_mail(
            raw, replies.authserv_id if replies else "", replies.own_received if replies else 1
        )
    except ValueError as why:
        raise NoAnswer(str(why)) from None


def take_mail(
    mail: ReceivedMail,
    configuration: Configuration,
    now: datetime,
    ledger: Ledger,
    through: str = "",
) -> str:
    """Do what a mail asks for; what was done, in words. `through` is who has handed it in. Raises
    NoAnswer, LedgerFault.
    """
    try:
        answer = answer_of(mail, configuration, ledger)
        if through:
            answer = replace(answer, who=f"{answer.who} (mail handed in by {through})")
        incident = Answers(ledger, configuration, now).take(answer)
    # Nor can it be taken whose ticket another release has written.
    except (ValueError, NotPossible, Unreadable) as why:
        raise NoAnswer(str(why)) from None
    number = ticket_name(configuration, incident.number)
    return f"ticket={number} word={answer.word} by={answer.who}"


def take_for_site(
    mail: ReceivedMail,
    sites: Sequence[Configuration],
    now: datetime,
    ledger: Ledger,
    through: str = "",
) -> str:
    """The same, for the site that it is meant for. Raises NoAnswer, LedgerFault."""
    meant = _meant(mail, sites, ledger)
    return take_mail(mail, meant, now, of_site(ledger, meant.site.scope), through)


def _meant(mail: ReceivedMail, sites: Sequence[Configuration], ledger: Ledger) -> Configuration:
    """The site of the ticket that it names; of one that names none, the only site of which its
    sender is. Raises NoAnswer.
    """
    if len(sites) == 1:
        return sites[0]
    ours = [number for number, identity in mail.letters if identity == ledger.identity]
    for number in (*(number for number, _ in mail.tokens), *ours, *mail.named):
        row = ledger.incident(number)
        found = [one for one in sites if row is not None and one.site.name == row.site]
        if found:
            return found[0]
    theirs = [one for one in sites if mail.sender in who_may_act(one)]
    if len(theirs) != 1:
        raise NoAnswer("it names no ticket, and does not say of which site it is")
    return theirs[0]


def answer_of(mail: ReceivedMail, configuration: Configuration, ledger: Ledger) -> Answer:
    """What a mail asks for, and in whose name. Raises NoAnswer."""
    if mail.automatic:
        raise NoAnswer(f"a machine has written it ({mail.automatic})")
    number, who = _by_signature(mail, configuration, ledger)
    if not who:
        number, who = _by_verdict(mail, configuration, ledger)
    word, about, text = _asked(mail.lines)
    if word in ("open", "request"):
        return Answer(who, "mail", mail.identity, word, text, None, about)
    if number is None:
        raise NoAnswer("it names no ticket")
    return Answer(who, "mail", mail.identity, word, text, number)


def _asked(lines: tuple[str, ...]) -> tuple[Word, str, str]:
    """The word, what it is about, and its text: what stands behind it, and below. Raises
    NoAnswer.
    """
    for word, form in _WORDS.items():
        if lines and (found := form.fullmatch(lines[0])):
            parts = found.groupdict()
            # Below the word "ack" stand greetings, and a robot's whole letter.
            below = () if word == "ack" else lines[1:]
            text = " ".join([parts.get("text") or "", *below]).strip()
            if word not in ("ack", "resolve") and not text:
                raise NoAnswer(f"it says {word!r} and nothing behind it")
            return word, (parts.get("about") or "").lower(), text
    raise NoAnswer("its first line is none of ack, note, resolve, escalate, open")


def _by_signature(
    mail: ReceivedMail, configuration: Configuration, ledger: Ledger
) -> tuple[int | None, str]:
    people, key = who_may_act(configuration), key_of(configuration.state)
    for number, token in mail.tokens:
        for reader in {row.recipient.lower() for row in ledger.deliveries(number)}:
            right = reply_token(key, ledger.identity, number, reader)
            if reader in people and same(token, right):
                # A shared mailbox's letter, answered by one of its people: both are said.
                other = mail.sender if mail.vouched and mail.sender != reader else ""
                return number, f"{other} for {people[reader]}" if other else people[reader]
    return None, ""


def _by_verdict(
    mail: ReceivedMail, configuration: Configuration, ledger: Ledger
) -> tuple[int | None, str]:
    """Raises NoAnswer."""
    if not mail.vouched:
        raise NoAnswer("nothing proves whose it is: no signature of a letter, no verdict of ours")
    people = who_may_act(configuration)
    if mail.sender not in people:
        raise NoAnswer(f"{mail.sender} is none of the people of this site")
    ours = [number for number, identity in mail.letters if identity == ledger.identity]
    return next(iter([*ours, *mail.named]), None), people[mail.sender]


class MailReplies:
    """Reads the mailboxes of the desks of all sites."""

    def __init__(self, ledger: LedgerAccess, sites: Sequence[Configuration]) -> None:
        self._ledger, self._sites = ledger, sites
        boxes = [(name, desk.mailbox()) for one in sites for name, desk in one.desks.items()]
        self._boxes = dict[str, Replies]()
        for name, box in boxes:
            # Sites that share a desk share its mailbox: it is read once.
            if box is not None and box not in self._boxes.values():
                self._boxes[name] = box
        self._next: dict[str, datetime] = {}
        self._reading: set[str] = set()

    def start_due(
        self, now: Callable[[], datetime], start: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        """Have those read whose time it is."""
        for name in self._due(now()):
            start(self.read(name, now))

    def _due(self, now: datetime) -> Iterator[str]:
        for name in self._boxes:
            if name not in self._reading and self._next.get(name, now) <= now:
                yield name

    async def read(self, name: str, now: Callable[[], datetime]) -> None:
        """Read what has arrived for one desk."""
        box = self._boxes[name]
        self._next[name] = now() + timedelta(seconds=box.every)
        self._reading.add(name)
        try:
            with masking.attempt() as mask:
                async with asyncio.timeout(_TURN_SECONDS):
                    await self._read(name, box, now)
        except (Failed, CannotTell, OSError, TimeoutError) as away:
            said = mask.text(str(away) or "no answer in time")
            log.warning("action=mailbox_not_read desk=%s %s", name, plain(said))
        finally:
            self._reading.discard(name)

    async def _read(self, name: str, box: Replies, now: Callable[[], datetime]) -> None:
        imap = await Imap.open(box)
        try:
            unread = await imap.unread()
            for uid in unread[:_MOST_A_TURN]:
                raw = await imap.fetch(uid, MOST_BYTES)
                try:
                    mail = await asyncio.to_thread(received, raw, box)
                    work = partial(take_for_site, mail, self._sites, now())
                    log.info("action=answered desk=%s %s", name, await self._ledger.do(work))
                except NoAnswer as why:
                    log.warning("action=not_an_answer desk=%s %s", name, plain(str(why)))
                await imap.mark_read(uid)
            if unread[_MOST_A_TURN:]:
                self._next[name] = now()
        finally:
            await imap.close()
