"""Answers by mail: who may act, what his words do, and that no machine's answer ever acts."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from checks.contract import Failed
from monitor.delivery.mail_replies import NoAnswer, received, take_mail
from monitor.desks.desk import Letter
from monitor.desks.internet_message import Answered, compose
from monitor.desks.mail import MailSettings
from monitor.desks.received_mail import read_mail
from monitor.incidents.store import incident_of
from monitor.testing.scenario import Scene
from tests.scenes.automatic_replies import automatic

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
MX = "mx.example.net"
OPERATOR = "operators@example.net"
VOUCHED = (("Authentication-Results", f"{MX}; dmarc=pass (p=none) header.from=example.net"),)


class Inbox:
    """A site with one ticket open, and the mails that people and robots send to it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        desk = MailSettings.model_validate({
            "host": "127.0.0.1", "sender": "reveille@example.net",
            "replies": {"host": "127.0.0.1", "user": "r", "password": {"file": "p"},
                        "authserv_id": MX},
        })  # fmt: skip
        self.replies = desk.replies

    def letter(self, recipient: str = OPERATOR) -> Letter:
        return next(one for one in self.scene.desk.letters if one.recipient == recipient)

    def sent(self, recipient: str = OPERATOR) -> EmailMessage:
        answered = Answered("reveille@example.net")
        return compose(self.letter(recipient), "reveille@example.net", "", None, answered)

    def answer(self, words: str, sender: str = OPERATOR, to: EmailMessage | None = None,
               headers: tuple[tuple[str, str], ...] = ()) -> bytes:  # fmt: skip
        letter, mail = to or self.sent(), EmailMessage()
        for name, value in headers:
            mail[name] = value
        mail["From"], mail["To"] = sender, letter["Reply-To"] or letter["From"]
        mail["Subject"] = f"Re: {letter['Subject']}"
        mail["Message-ID"] = f"<{random.getrandbits(64):x}@laptop>"
        mail["In-Reply-To"] = letter["Message-ID"]
        mail["References"] = f"{letter['References']} {letter['Message-ID']}"
        quoted = "\n".join(f"> {line}" for line in letter.as_string().splitlines()[:40])
        mail.set_content(f"{words}\n\nOn Monday, Reveille wrote:\n{quoted}\n")
        return mail.as_bytes()

    def take(self, raw: bytes) -> str:
        scene = self.scene
        now = scene.clock.now()
        mail = received(raw, self.replies)
        return take_mail(mail, scene.configuration, now, scene.ledger)

    def refused(self, raw: bytes) -> str:
        before = self.scene.ledger.newest_happening()
        with pytest.raises(NoAnswer) as why:
            self.take(raw)
        assert self.scene.ledger.newest_happening() == before, "nothing was done"
        return str(why.value)

    @property
    def incident(self):  # type: ignore[no-untyped-def]
        row = self.scene.ledger.incident(1)
        assert row is not None
        return incident_of(row)


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    scene = Scene(START, {"main-number": {"every": 300.0}}, folder=tmp_path)
    scene.world["main-number"] = Failed("silent")
    await scene.run_for(minutes=6)
    yield Inbox(scene)
    scene.stop_daemon()


def without_signature(letter: EmailMessage) -> EmailMessage:
    del letter["Reply-To"]
    references = str(letter["References"]).split()
    del letter["References"]
    letter["References"] = " ".join(one for one in references if ".reply@" not in one)
    return letter


async def test_a_word_by_the_letter_s_own_signature_takes_the_ticket_once(inbox: Inbox) -> None:
    ack = inbox.answer("ack")
    assert inbox.take(ack) == f"ticket=RV-1 word=ack by={OPERATOR}"
    assert inbox.incident.acknowledged_by == OPERATOR
    assert "had this answer already" in inbox.refused(ack), "a mail may be delivered twice"
    assert "has RV-1 already" in inbox.refused(inbox.answer("Ack.")), "robots that answer robots"
    inbox.take(inbox.answer("note: the carrier is called\nref 4711"))
    inbox.take(inbox.answer("escalate the carrier does not answer"))
    inbox.take(inbox.answer("resolved, card changed".replace(",", ":")))
    assert inbox.incident.resolution == "card changed"
    by = [row.body["by"] for row in inbox.scene.ledger.history(1) if row.kind == "replied"]
    assert by == [OPERATOR] * 4
    notes = [row.body["text"] for row in inbox.scene.ledger.history(1) if row.kind == "note"]
    assert notes == ["the carrier is called ref 4711"]


async def test_a_sender_whom_our_own_server_vouches_for_needs_no_signature(inbox: Inbox) -> None:
    plain = without_signature(inbox.sent())
    assert "nothing proves whose it is" in inbox.refused(inbox.answer("ack", to=plain))
    forged = (("Authentication-Results", "mx.evil.example; dmarc=pass header.from=example.net"),)
    assert "nothing proves" in inbox.refused(inbox.answer("ack", to=plain, headers=forged))
    below = (("Received", "from a by mx"), ("Received", "from b by a"), *VOUCHED)
    assert "nothing proves" in inbox.refused(inbox.answer("ack", to=plain, headers=below))
    stranger = inbox.answer("ack", "eve@example.net", plain, VOUCHED)
    assert "none of the people" in inbox.refused(stranger)
    two = inbox.answer("ack", f"{OPERATOR}, eve@example.net", plain, VOUCHED)
    assert "nothing proves" in inbox.refused(two)
    assert inbox.take(inbox.answer("ack", "Night <Operators@example.net>", plain, VOUCHED))
    assert inbox.incident.acknowledged_by == OPERATOR


@pytest.mark.parametrize(
    ("results", "right"),
    [
        ("dkim=pass header.d=example.net", True),
        ("dkim=pass (2048 bit) header.i=@example.net header.s=a", True),
        ("spf=pass smtp.mailfrom=example.net", False),
        ("dkim=pass header.d=evil.example", False),
        ("dkim=pass header.d=net", False),
        ("dkim=fail header.d=example.net", False),
        ("dkim=pass header.d=example.net; dmarc=pass header.from=example.net", True),
        ("dkim=pass header.d=example.net; dmarc=fail header.from=example.net", False),
        ("dkim=pass header.d=example.net; dmarc=none header.from=example.net", False),
        ("dkim=pass header.d=example.net; dmarc=temperror header.from=example.net", False),
        ("dkim=pass header.d=example.net; dmarc=permerror header.from=example.net", False),
        ("dmarc=bestguesspass header.from=example.net", False),
        ('dmarc=fail reason="x; dmarc=pass header.from=example.net" header.from=a.example', False),
        ("none (dmarc=pass header.from=example.net)", False),
        ("x=y (\\) ; dmarc=pass header.from=example.net", False),
    ],
)
def test_a_verdict_counts_for_the_domain_in_from_alone(results: str, right: bool) -> None:
    mail = f"Authentication-Results: {MX}; {results}\nFrom: a@example.net\n\nack\n"
    assert read_mail(mail.encode(), MX).vouched is right
    assert not read_mail(mail.encode(), "").vouched, "nobody is trusted who is not configured"
    assert not read_mail(mail.encode(), "mx.example.org").vouched


async def test_another_s_signature_or_a_customer_s_or_one_of_before_does_nothing(
    inbox: Inbox,
) -> None:
    signed = inbox.answer("ack")
    other = signed.replace(b"rv-1.", b"rv-2.")
    assert "nothing proves" in inbox.refused(other)
    people = inbox.scene.configuration.people
    gone = tuple(one for one in people if one.mail != OPERATOR)
    object.__setattr__(inbox.scene.configuration, "people", gone)
    assert "nothing proves" in inbox.refused(signed), "who has left takes nothing"
    object.__setattr__(inbox.scene.configuration, "people", people)
    assert inbox.take(signed)


async def test_a_text_without_a_word_changes_nothing_and_a_flood_comes_to_an_end(
    inbox: Inbox,
) -> None:
    for words in ("Thank you for your mail.", "acknowledging receipt", "", "resolve-it", "note"):
        assert "first line" in inbox.refused(inbox.answer(words)) or words == "note"
    for number in range(20):
        inbox.take(inbox.answer(f"note number {number}"))
    assert "within an hour" in inbox.refused(inbox.answer("note one more"))


async def test_a_ticket_is_opened_by_mail_by_who_is_known(inbox: Inbox) -> None:
    plain = without_signature(inbox.sent())
    words = "open change: a second queue for sales"
    asked = inbox.answer(words, OPERATOR, plain, VOUCHED)
    assert inbox.take(asked) == f"ticket=RV-2 word=request by={OPERATOR}"
    assert "was opened by this answer" in inbox.refused(asked)
    wrong = inbox.answer("open no-such-issue: callers hear nothing", OPERATOR, plain, VOUCHED)
    assert "no-such-issue" in inbox.refused(wrong)


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
async def test_automatic_replies_are_answered_by_nothing(inbox: Inbox, count: int) -> None:
    """Each to a letter with a signature, many with a verdict of ours, some with our words."""
    letters, before = len(inbox.scene.desk.letters), inbox.scene.ledger.newest_happening()
    dice, letter = random.Random(15), inbox.sent()
    reasons = [inbox.refused(automatic(letter, dice)) for _ in range(count)]
    await inbox.scene.outbox.deliver_due(inbox.scene.clock.now())
    assert len(inbox.scene.desk.letters) == letters, "no answer"
    assert inbox.scene.ledger.newest_happening() == before, "no action"
    assert sum("a machine has written it" in one for one in reasons) > 0.9 * count
