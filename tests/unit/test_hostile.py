"""What breaks the protocol: read from the engine's log, kept within bounds, and named."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sipmessage import Response

from checks.contract import Failed
from checks.telephony.call.bad_peer import blamed
from checks.telephony.call.leg import Event
from checks.telephony.phone.sip_watch import Watch
from checks.telephony.sip import digest
from checks.telephony.sip.ladder import Message
from checks.telephony.sip.malformed import MANY_PROVISIONALS, Dropped, Exhibits, Malformed
from checks.telephony.sip.message import NotSip, is_like_a_request, read
from checks.telephony.sip.name_address import addresses
from checks.telephony.sip.sdp import fault_of

ANSWER = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCall-ID: c\r\nCSeq: 1"
    " OPTIONS\r\n{more}\r\n"
)


class Told:
    """Takes what a watch tells."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, at: float | None = None, **facts: Any) -> None:
        self.events.append((event, facts))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


class Leg:
    """A phone that has told these events."""

    def __init__(self, *events: tuple[str, dict[str, Any]]) -> None:
        self._events = [Event(name, 0.0, facts) for name, facts in events]

    def seen(self, *names: str) -> Event | None:
        return next((event for event in self._events if event.name in names), None)


def message(
    direction: Any,
    first: str,
    branch: str = "z9hG4bK1",
    to: str = "<sip:a@b>;tag=1",
    cseq: str = "1 INVITE",
) -> Message:
    text = f"{first}\r\nVia: SIP/2.0/UDP h;branch={branch}\r\nTo: {to}\r\nCSeq: {cseq}\r\n\r\n"
    return Message(1.0, direction, "UDP 192.0.2.9:5060", text)


def watching() -> tuple[Watch, Told]:
    told = Told()
    watch = Watch(told)
    watch.look(message("sent", "INVITE sip:a@b SIP/2.0"))
    return watch, told


def test_the_log_tells_of_a_dropped_datagram_in_two_entries() -> None:
    dropped = Dropped()
    assert (
        dropped.read(
            "Dropping 66 bytes packet from UDP 192.0.2.9:5060 : syntax error in 'Request Line'\n"
        )
        is None
    )
    assert dropped.read("Media stream created") is None
    found = dropped.read("Dropped packet:this is not SIP\r\n-- end of packet.")
    assert found == Malformed("192.0.2.9:5060", "syntax error in 'Request Line'", "this is not SIP")
    entry = (
        "Error processing packet from 192.0.2.9:5060: Missing required header(s) Call-ID [code"
        " 171050]:\nSIP/2.0 200 OK"
    )
    missing = dropped.read(entry)
    assert missing and missing.why.endswith("Call-ID") and missing.host == "192.0.2.9"


def test_a_flood_of_datagrams_is_told_a_few_times_and_kept_in_part() -> None:
    watch, told = watching()
    for _ in range(5000):
        watch.dropped(Malformed("192.0.2.9:5060", "no SIP", "x" * 4000))
    assert told.names == ["malformed"] * 5
    assert watch.exhibits.count == 5000
    assert len(watch.exhibits.text()) < 40_000


def test_another_hosts_datagrams_are_none_of_the_far_ends() -> None:
    watch, told = watching()
    watch.dropped(Malformed("198.51.100.7:5060", "a scanner"))
    assert told.events == []


def test_on_this_very_host_the_port_tells_who_it_was() -> None:
    told = Told()
    watch = Watch(told)
    invite = message("sent", "INVITE sip:a@b SIP/2.0")
    watch.look(replace(invite, far="udp 127.0.0.1:5060"))
    watch.dropped(Malformed("127.0.0.1:7000", "somebody else's"))
    assert told.names == []
    watch.dropped(Malformed("127.0.0.1:5060", "no SIP"))
    assert told.names == ["malformed"]


def test_an_exhibit_hides_credentials_and_shows_what_cannot_be_printed() -> None:
    exhibits = Exhibits()
    exhibits.add(
        Malformed("h:1", "odd", "REGISTER x\nAuthorization: Digest response=secret\n\x00\x07")
    )
    assert "secret" not in exhibits.text()
    assert "\\x00\\x07" in exhibits.text()


def test_a_response_to_nothing_that_was_asked_is_malformed() -> None:
    for other in ({"branch": "z9hG4bK2"}, {"cseq": "1 BYE"}):
        watch, told = watching()
        watch.look(message("received", "SIP/2.0 200 OK", **other))
        assert told.names == ["malformed"]
    watch, told = watching()
    watch.look(message("received", "SIP/2.0 200 OK"))
    assert told.events == []


def test_a_response_without_a_tag_is_malformed_before_the_engine_may_die_of_it() -> None:
    watch, told = watching()
    watch.look(message("received", "SIP/2.0 100 Trying", to="<sip:a@b>"))
    assert told.events == []
    watch.look(message("received", "SIP/2.0 200 OK", to="<sip:a@b>"))
    assert told.names == ["malformed"]


def test_another_description_in_the_same_answer_is_malformed() -> None:
    watch, told = watching()
    for body in ("v=0 one", "v=0 one", "v=0 two"):
        progress = message("received", "SIP/2.0 183 Session Progress")
        watch.look(replace(progress, text=progress.text + body))
    assert told.names == ["malformed"]


def test_what_came_is_on_disk_at_once(tmp_path: Path) -> None:
    watch = Watch(Told(), tmp_path, "agent")
    watch.look(message("sent", "INVITE sip:a@b SIP/2.0"))
    watch.dropped(Malformed("192.0.2.9:5060", "no SIP", "what came"))
    assert "what came" in (tmp_path / "agent-bad-peer.txt").read_text()


def test_endless_provisionals_and_several_answers_are_told_once() -> None:
    watch, told = watching()
    for _ in range(3 * MANY_PROVISIONALS):
        watch.look(message("received", "SIP/2.0 180 Ringing", to="<sip:a@b>;tag=1"))
    for tag in ("1", "1", "2", "2"):
        watch.look(message("received", "SIP/2.0 200 OK", to=f"<sip:a@b>;tag={tag}"))
    assert told.events == [("provisionals", {}), ("forked", {"ends": 2})]


@pytest.mark.parametrize(
    ("code", "event", "becomes"),
    [
        ("timeout", ("malformed", {"why": "no SIP"}), "bad-peer"),
        ("not-rung", ("malformed", {"why": "no SIP"}), "bad-peer"),
        ("sip:503", ("malformed", {"why": "no SIP"}), None),
        ("wrong-prompt", ("malformed", {"why": "no SIP"}), None),
        ("timeout", ("provisionals", {}), "bad-peer"),
        ("no-rtp", ("bad-rtp", {"why": "version"}), "bad-peer"),
        ("silent", ("bad-rtp", {"why": "version"}), None),
        ("silent", ("flood", {"packets": 9000, "seconds": 2.0, "due": 100}), "bad-peer"),
    ],
)
def test_only_what_a_breach_explains_is_blamed_on_it(
    code: str, event: Any, becomes: str | None
) -> None:
    found = blamed(Failed(code, "said"), {"call": Leg(event)})  # type: ignore[dict-item]
    assert (found.code if isinstance(found, Failed) else None) == becomes


def test_a_description_that_makes_no_media_is_told_apart() -> None:
    head = "SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\n\r\n"
    sdp = "v=0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio {port} RTP/{way} 96\r\n"
    assert fault_of(head)[0] == "bad-peer"
    assert fault_of(head + "nothing\r\n")[0] == "bad-peer"
    assert fault_of(head + sdp.format(port=99999, way="AVP"))[0] == "bad-peer"
    for port, way in ((0, "AVP"), (4000, "SAVP"), (4000, "AVP")):
        assert fault_of(head + sdp.format(port=port, way=way))[0] == "no-codec"


@pytest.mark.parametrize(
    ("usual", "odd", "told"),
    [
        ("s=-", "s=", "its name is empty"),
        ("s=-\r\n", "", "its name is empty"),
        ("o=- 1 1", "o=My PBX 1 1", "not six words"),
        ("192.0.2.1\r\nm", "192.0.2.1/127\r\nm", "an address for many"),
        ("s=-", "s=-\r\na=", "an attribute has no name"),
        ("PCMA/8000\r\n", "", "holds a NUL, or ends"),
        (" 97\r\n", " 97 \r\n", "97 (PCMA/8000)"),
    ],
)
def test_a_description_that_the_engine_does_not_take_is_told_truly(
    usual: str, odd: str, told: str
) -> None:
    """And not as a codec that is missing."""
    sdp = (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"
        "m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 PCMA/8000\r\n"
    )
    made = sdp.replace(usual, odd)
    # A body that is shorter than the head says was read up to a NUL.
    length = len(sdp) if "NUL" in told else len(made)
    head = f"SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\nl : {length}\r\n\r\n"
    assert told in fault_of(head + made)[1]


@pytest.mark.parametrize("piece", ['"\\', "<", '"', " ", ",", ";", "=", "<>", "a=", "%", "\\"])
def test_an_address_of_any_length_is_read_in_linear_time(piece: str) -> None:
    """60 kB, as a datagram may hold: a quadratic reader would stand still for seconds."""
    long, began = f'"x" <sip:a@b>;t={piece * (60_000 // len(piece))}!', time.thread_time()
    with suppress(ValueError):
        addresses([long])
    digest.challenge([f"Digest realm=x, nonce={long}"])
    with suppress(NotSip):
        read(ANSWER.format(more=f"Via: SIP/2.0/UDP {long}\r\n").encode())
    assert time.thread_time() - began < 1


def test_what_is_legal_is_read_however_odd() -> None:
    for odd in (
        ANSWER.format(more=""),
        ANSWER.format(more="X-Odd: a\r\n  folded\r\n\tline\r\n"),
        ANSWER.format(more="").replace("CSeq: ", "CSeq\t :\r\n  "),
        ANSWER.format(more="").replace("200 OK", "200 "),
        ANSWER.format(more="l: 0\r\n"),
    ):
        came = read(odd.encode())
        assert isinstance(came.message, Response) and (
            came.call_id,
            came.sequence,
            came.method,
        ) == ("c", 1, "OPTIONS")


@pytest.mark.parametrize(
    ("usual", "odd"),
    [
        ("200 OK", "4294967301 Big"),
        ("200 OK", "42 Small"),
        ("SIP/2.0 200", "SIP/7.0 200"),
        ("CSeq: 1", "CSeq: 99999999999"),
        ("CSeq: 1 OPTIONS", "CSeq: OPTIONS"),
        ("Call-ID: c\r\n", ""),
        ("Call-ID: c\r\n", "Call-ID: c\r\nCall-ID: d\r\n"),
        ("Call-ID: c\r\n", "Call-ID: c\r\nContent-Length: 9\r\n"),
        ("Call-ID: c\r\n", "Call-ID: c\r\nContent-Length: -1\r\n"),
        ("Call-ID: c\r\n", "Call-ID: c\r\nno header at all\r\n"),
        ("\r\n\r\n", "\r\n"),
    ],
)
def test_what_is_not_sip_is_refused(usual: str, odd: str) -> None:
    with pytest.raises(NotSip):
        read(ANSWER.format(more="").replace(usual, odd).encode())


def test_a_request_is_known_even_when_it_is_badly_made() -> None:
    assert is_like_a_request(b"OPTIONS <sip:a@b> SIP/2.0 \r\n")
    assert not is_like_a_request(b"SIP/2.0 200 OK\r\n")
    assert not is_like_a_request(b"HTTP/1.1 400 Bad Request\r\n")
