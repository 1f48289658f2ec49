"""What a far end does that no far end should, noted while the call runs and told once each: see
checks/telephony/call/bad_peer.py.

Rule: told and kept is a bounded number, however long a flood lasts. In the process of a call leg.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from checks.telephony.phone.rtcp_xr import FarReports
from checks.telephony.sip import sdp
from checks.telephony.sip.ladder import Message
from checks.telephony.sip.malformed import MANY_PROVISIONALS, Asked, Exhibits, Malformed, deadly

# Four times what is due, over a second: a burst after a stall of the network is smaller.
_FLOOD_TIMES, _FLOOD_SECONDS = 4, 1.0
# A stray packet or two of an earlier call may still arrive.
_MANY_BAD_PACKETS = 10
# Comfort noise and the like may come once; what is meant to be heard goes on.
_SOME_PACKETS = 3
# A reason phrase is free text of the far end: it goes into tickets.
_LONGEST_PHRASE = 200
# Our own refusals of what we were offered (RFC 3261): 415, 488 and 606.
_UNFIT = (415, 488, 606)
# Each event is told a few times: a flood must not fill the daemon's memory.
_TOLD = 5
# To and From carry the tag as a parameter (RFC 3261 section 20.39).
_TAG = re.compile(r"(?i);\s*tag\s*=\s*([^\s;,]+)")


def exhibit_of(name: str) -> str:
    """The file of what a leg was sent and is no SIP."""
    return "bad-peer.txt" if name == "call" else f"{name}-bad-peer.txt"


class Tell(Protocol):
    """Takes an event: its name, its facts, and when it happened if not now (monotonic seconds)."""

    def __call__(self, event: str, at: float | None = None, **facts: Any) -> None: ...


class Watch:
    """Sees every message, every dropped datagram and the RTP counts."""

    def __init__(self, tell: Tell, folder: Path | None = None, name: str = "call") -> None:
        """`folder` and `name` say where the exhibit goes, and which leg's it is."""
        self.exhibits = Exhibits()
        self._file = folder / exhibit_of(name) if folder else None
        self.srtp = "never"
        """of our own account: never, optional or required"""
        self.encrypted = False
        """whether the far end's latest description holds a key, and we take it"""
        self._tell = tell
        self._asked = Asked()
        self._places: set[str] = set()
        """where we sent to: host:port"""
        self._provisionals = 0
        self._call_id = ""
        self._tags: set[str] = set()
        self._answers: dict[tuple[str, str], str] = {}
        self._bad_packets = self._other_payloads = self._payloads_told = 0
        self._offered: dict[int, str] = {}
        self._agreed: dict[int, str] = {}
        """codecs of our latest description, and of the far end's, by payload type"""
        self.second_codec: Callable[[str], None] = lambda _codec: None
        """told of each packet of a codec that was agreed on and is not played, by its name"""
        self._flooded = False
        self.far = FarReports()

    def look(self, message: Message) -> None:
        """Note a SIP message that was sent or received."""
        if stray := self._asked.look(message) or deadly(message):
            self.dropped(stray)
        if message.direction == "sent":
            if message.method == "INVITE" and message.status is None:
                # Each call has its own dialogs: the counts of another one do not add up.
                self._invites(next(iter(message.headers("Call-ID")), ""))
            if message.method == "INVITE" and message.status in _UNFIT:
                self._tell("offer-refused", message.at, code=message.status, srtp=self.srtp)
            if message.method == "INVITE" and message.has_body:
                self._offered = sdp.codecs(message.text)
            self._places.add(message.far.rpartition(" ")[2])
        elif message.method == "INVITE" and message.has_body:
            # RFC 4568 section 5.1.3: a crypto attribute in the answer means that SRTP is agreed.
            self.encrypted = self.srtp != "never" and sdp.has_key(message.text)
            self._agreed, self._other_payloads = sdp.codecs(message.text), 0
        if (
            message.direction == "received"
            and message.method == "INVITE"
            and message.status is not None
        ):
            self._invited(message, message.status)

    def _invites(self, call_id: str) -> None:
        """We call; where we were transferred to, that is another call."""
        if call_id != self._call_id:
            self._call_id, self._provisionals = call_id, 0
            self._tags.clear()

    def _invited(self, message: Message, status: int) -> None:
        self._described(message)
        if status < 200:
            self._provisionals += 1
            # Told once, at the first that is too many.
            if self._provisionals == MANY_PROVISIONALS + 1:
                self._tell("provisionals", message.at)
        elif status < 300 and len(self._tags) < _TOLD:
            found = _TAG.search(next(iter(message.headers("To")), ""))
            known = len(self._tags)
            self._tags.add(found[1] if found else "")
            # RFC 3261 section 13.2.2.4: a second To tag in a 2xx is a second far end that
            # answered.
            if known and len(self._tags) > known:
                self._tell("forked", message.at, ends=len(self._tags))

    def _described(self, message: Message) -> None:
        """All answers to one offer are the same (RFC 3261 section 13.2.1); of another the engine
        may die.
        """
        _, _, body = message.text.replace("\r\n", "\n").partition("\n\n")
        if body.strip() and len(self._answers) < _TOLD:
            to, offer = (
                next(iter(message.headers("To")), ""),
                next(iter(message.headers("CSeq")), ""),
            )
            tag = _TAG.search(to)
            # RFC 3261 section 13.2.1: all answers with the same tag hold the same description.
            if self._answers.setdefault((tag[1] if tag else "", offer), body) != body:
                far = message.far.rpartition(" ")[2]
                self.dropped(
                    Malformed(
                        far,
                        "another session description than in the answer before",
                        message.text[:4000],
                    )
                )

    def refused(self, final: Message | None, code: int, phrase: str, described: bool) -> None:
        """The call ended, and nobody hung up: `final` is the far end's last word on INVITE. What
        our own stack makes of a 3xx is passed over; `described` is whether there ever was media.
        """
        # Our own stack ends a call whose 2xx has no usable description: then the 2xx was the last
        # word.
        status = (final.status or 0) if final else 0
        if final and 200 <= status < 300 and not described:
            fault, text = sdp.fault_of(final.text, self.srtp == "required")
            self._tell("undescribed", final.at, code=fault, text=text)
        # A status that the far end did not send was made up by our own stack.
        far = final is not None and status >= 300 and (status == code or not described)
        reasons = final.headers("Reason") if final and far else []
        phrase, code = (final.phrase, status) if final and far else (phrase, code)
        # RFC 3261 section 8.1.3.4: where to call instead; it is told, and not followed.
        if final and far and 300 <= status < 400 and (there := final.headers("Contact")):
            phrase += f", it points to {there[0]}"
        self._tell(
            "refused",
            code=code,
            phrase=phrase[:_LONGEST_PHRASE],
            reasons=reasons,
            origin="far" if far else "local",
        )

    def dropped(self, malformed: Malformed) -> None:
        """A datagram that is no SIP; another host's is none of the far end's, nor what others on
        this host send.
        """
        # Other programs of this host share the loopback address: only a port that we sent to
        # counts.
        beside = malformed.host.startswith("127.") and malformed.far not in self._places
        if beside or malformed.host not in {place.rpartition(":")[0] for place in self._places}:
            return
        if not self.exhibits.add(malformed):
            return
        # At once: what came may be the end of this process.
        if self._file:
            self._file.write_text(self.exhibits.text(), encoding="utf-8", errors="replace")
        if self.exhibits.count <= _TOLD:
            # What our engine reads no challenge in may be read by others.
            text = malformed.text if "Authenticate" in malformed.why else ""
            self._tell("malformed", why=malformed.why, far=malformed.far, text=text)

    def bad_rtp(self, why: str) -> None:
        """Count a packet that is no RTP; the tenth is told."""
        self._bad_packets += 1
        if self._bad_packets == _MANY_BAD_PACKETS:
            self._tell("bad-rtp", why=why)

    def other_payload(self, entry: str) -> None:
        """Count a packet of a payload type that the engine does not play: "Bad RTP pt 97 (expecting
        8)". The tenth is told, and whether it was agreed on all the same: of several codecs in an
        answer each may come (RFC 3264 section 6.1).
        """
        numbers = re.findall(r"\d{1,3}", entry)
        if len(numbers) != 2:
            return
        self._other_payloads += 1
        came, plays = map(int, numbers)
        codec = self._agreed.get(came, "")
        lawful = codec != "" and codec in self._offered.values()
        # A far end may press its keys by our number, or by its own: they are no codec to agree on.
        sound = lawful and not codec.startswith("TELEPHONE-EVENT/")
        if sound and self._other_payloads >= _SOME_PACKETS:
            self.second_codec(codec)
        # Each description of the far end's counts anew, and it may send many.
        if self._other_payloads == _MANY_BAD_PACKETS and self._payloads_told < _TOLD:
            self._payloads_told += 1
            self._tell("other-payload", came=came, agreed=plays, lawful=lawful)

    def begin_media(self, rtcp: str) -> None:
        """Sound can flow; what the far end reports of it comes to this address of ours."""
        # Encrypted RTCP (SRTCP, RFC 3711) would read as noise.
        if not self.encrypted:
            self.far.read_at(rtcp)

    def count(self, counts: Mapping[str, Any], media_at: float | None) -> None:
        """The RTP counts so far; what the far end reports of its own is looked at too."""
        self.far.look()
        seconds = time.monotonic() - media_at if media_at is not None else 0.0
        due = round(1000 * seconds / (counts.get("frame_ms") or 20.0))
        # What the jitter buffer discards has arrived as well.
        came = counts.get("rx_packets", 0) + counts.get("rx_discarded", 0)
        # 100 packets beside, since the far end may send before we count.
        if not self._flooded and seconds >= _FLOOD_SECONDS and came > _FLOOD_TIMES * due + 100:
            self._flooded = True
            self._tell("flood", packets=came, seconds=seconds, due=due)
