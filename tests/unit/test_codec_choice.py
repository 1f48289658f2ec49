"""A far end sends a codec that was agreed on and is not played: when it is asked for it alone, how
often, and what its answers mean (RFC 3261 section 14.1, RFC 3264 section 6.1).
"""

from __future__ import annotations

from typing import Any

from checks.telephony.phone.codec_choice import CodecChoice
from checks.telephony.phone.sip_watch import Watch
from checks.telephony.sip.ladder import Message
from checks.telephony.sip.sdp import codecs

EVENTS = "a=rtpmap:101 telephone-event/8000"


class Call:
    """The choice of a call, its clock, and what it tells."""

    def __init__(self) -> None:
        self.at, self.number = 100.0, 1
        self.told: list[tuple[str, Any]] = []
        self.choice = CodecChoice(self.tell, lambda: self.at)

    def tell(self, event: str, at: float | None = None, **facts: Any) -> None:
        self.told.append((event, facts.get("code", facts.get("codec"))))

    def reinvite(self) -> bool:
        """One goes out; what it offers alone is known meanwhile."""
        assert self.choice.alone
        self.number += 1
        self.choice.look(self._message("sent", "INVITE sip:a@b SIP/2.0"))
        return True

    def hears(self, status: str) -> bool:
        return self.choice.look(self._message("received", f"SIP/2.0 {status}"))

    def _message(self, direction: Any, first: str) -> Message:
        text = f"{first}\r\nCSeq: {self.number} INVITE\r\n\r\n"
        return Message(self.at, direction, "UDP 192.0.2.9:5060", text)


def test_it_is_asked_once_and_heard_from_then_on() -> None:
    call = Call()
    assert not call.choice.due, "nothing that is not played has come"
    call.choice.want("PCMU/8000")
    assert call.choice.due
    call.choice.ask(call.reinvite)
    call.choice.want("PCMU/8000")
    assert not call.choice.due, "it waits for the answer"
    assert not call.choice.alone, "other offers of the call hold all codecs"
    assert call.hears("100 Trying") and call.hears("200 OK")
    assert call.told == [("codec-asked", "PCMU/8000"), ("codec-agreed", "PCMU/8000")]
    assert not call.hears("488 Not Acceptable Here"), "what comes later answers another"


def test_a_challenge_is_answered_by_the_engine_with_the_same_offer() -> None:
    call = Call()
    call.choice.want("PCMU/8000")
    call.choice.ask(call.reinvite)
    assert call.hears("407 Proxy Authentication Required")
    call.number += 1
    call.choice.look(call._message("sent", "INVITE sip:a@b SIP/2.0"))
    assert call.hears("200 OK")
    assert call.told[-1] == ("codec-agreed", "PCMU/8000")


def test_one_that_is_busy_with_another_change_is_asked_again_later() -> None:
    call = Call()
    call.choice.want("PCMU/8000")
    for _ in range(3):
        assert call.choice.due
        call.choice.ask(call.reinvite)
        call.hears("491 Request Pending")
        assert not call.choice.due
        call.at += 4.1
    assert not call.choice.due, "three times are enough"
    assert call.told[-1] == ("codec-refused", 491)


def test_a_change_of_our_own_that_is_under_way_comes_first() -> None:
    call = Call()
    call.choice.want("PCMU/8000")
    call.choice.ask(lambda: False)
    assert call.told == [] and not call.choice.due
    call.at += 4.1
    assert call.choice.due


def test_who_refuses_is_not_asked_again() -> None:
    call = Call()
    call.choice.want("PCMU/8000")
    call.choice.ask(call.reinvite)
    call.hears("488 Not Acceptable Here")
    call.choice.want("G722/8000")
    assert not call.choice.due
    assert call.told[-1] == ("codec-refused", 488)


def test_who_changes_for_ever_is_not_asked_for_ever() -> None:
    call = Call()
    for number in range(20):
        call.choice.want(("PCMU/8000", "PCMA/8000")[number % 2])
        if call.choice.due:
            call.choice.ask(call.reinvite)
            call.hears("200 OK")
    assert [name for name, _ in call.told].count("codec-asked") == 4


def described(direction: Any, formats: str, *maps: str) -> Message:
    first = "INVITE sip:a@b SIP/2.0" if direction == "sent" else "SIP/2.0 200 OK"
    body = "\r\n".join(["v=0", f"m=audio 4000 RTP/AVP {formats}", *maps, ""])
    head = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:a@b>;tag=1\r\nCSeq: 1 INVITE"
    text = f"{first}\r\n{head}\r\nContent-Type: application/sdp\r\n\r\n{body}"
    return Message(1.0, direction, "UDP 192.0.2.9:5060", text)


def test_what_both_described_is_lawful_and_nothing_else_is() -> None:
    for ours, theirs, came, wanted in (
        ("8 0 101", "8 0 101", 0, ["PCMU/8000"]),
        ("8 101", "8 0 101", 0, []),
        ("8 0 101", "8 101", 0, []),
        ("8 0 101", "8 0 101", 13, []),
        ("8 0 101", "8 0 101", 101, []),
    ):
        asked: list[str] = []
        watch = Watch(Call().tell)
        watch.second_codec = asked.append
        watch.look(described("sent", ours, EVENTS))
        watch.look(described("received", theirs, EVENTS))
        for _ in range(2):
            watch.other_payload(f"Bad RTP pt {came} (expecting 8)")
        assert asked == [], "one may be comfort noise"
        watch.other_payload(f"Bad RTP pt {came} (expecting 8)")
        assert asked == wanted


def test_a_number_is_named_by_its_line_or_by_the_table_of_rfc_3551() -> None:
    told = described("received", "9 0 97 96", "a=rtpmap:97 pcma/8000/1", "a=rtpmap:0 L16/8000")
    assert codecs(told.text) == {9: "G722/8000", 0: "L16/8000", 97: "PCMA/8000", 96: ""}
    assert codecs("SIP/2.0 200 OK\r\n\r\n") == {}
