"""One RTP stream each way (RFC 3550), as one leg of a call has it.

Rules: packets leave on a schedule counted from the first, so that delays never add up; the far end
is wherever its packets come from (latching), before that wherever its SDP says; one SSRC and one
unbroken row of sequence numbers go out whatever the sound's origin (a prompt, a tone, the other
leg); a key is told once, however many packets carry it.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.pbx.g711 import FRAME_SAMPLES, PAYLOAD_TYPES, RATE, Law, transcoding

Address = tuple[str, int]
# The place in it is the number of the telephone event (RFC 4733 section 3.2).
KEYS = "0123456789*#ABCD"
FRAME_SECONDS = FRAME_SAMPLES / RATE
# RFC 3550 section 5.1: version and flags, marker and payload type, sequence, timestamp, SSRC.
_HEADER = struct.Struct("!BBHII")
# A sender this far behind its schedule skips: a burst of 200 ms would overflow the jitter buffer of
# the far end, and be heard as loss.
_TOO_LATE_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Packet:
    """What came, or what shall go to the other leg."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    source: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes) -> Packet | None:
        """None when it is not RTP version 2, or cut short."""
        # RFC 5761 section 4: RTCP on the same port has packet types that look like 64 to 95 here.
        if len(data) < _HEADER.size or data[0] >> 6 != 2 or 64 <= data[1] & 0x7F <= 95:
            return None
        first, second, sequence, timestamp, source = _HEADER.unpack_from(data)
        start = _HEADER.size + 4 * (first & 0x0F)
        # RFC 3550 section 5.3.1: an extension tells its own length, in words of four bytes.
        if first & 0x10 and len(data) >= start + 4:
            start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
        # RFC 3550 section 5.1: the last byte of padding counts all of it.
        end = len(data) - (data[-1] if first & 0x20 else 0)
        return cls(second & 0x7F, bool(second & 0x80), sequence, timestamp, source, data[start:end])


class Keys:
    """RFC 4733 events into keys: all packets of one event carry one timestamp, its end comes three
    times.
    """

    def __init__(self, pressed: Callable[[str], None]) -> None:
        self._pressed = pressed
        self._timestamp: int | None = None
        self._key, self._told = "", True

    def event(self, packet: Packet) -> None:
        """Take one event packet: a key counts at its end, or when the next one begins and all ends
        were lost.
        """
        if len(packet.payload) < 4 or packet.payload[0] >= len(KEYS):
            return
        if packet.timestamp != self._timestamp:
            self._tell()
            self._timestamp, self._key, self._told = (
                packet.timestamp,
                KEYS[packet.payload[0]],
                False,
            )
        # RFC 4733 section 2.3.2: the E bit.
        if packet.payload[1] & 0x80:
            self._tell()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._pressed(self._key)


class Stream(asyncio.DatagramProtocol):
    """The socket of one leg."""

    def __init__(self, pressed: Callable[[str], None]) -> None:
        self.host, self.port = "", 0
        self.law: Law = "PCMA"
        self.events: int | None = None
        self.remote: Address | None = None
        self.may_send = True
        self.received = self.sent = 0
        # Where packets go while the leg is bridged.
        self.relay: Callable[[Packet, Law, bool], None] | None = None
        # Who listens in: whether it was sent, the payload, its law.
        self.tap: Callable[[bool, bytes, Law], None] | None = None
        self._keys = Keys(pressed)
        self._latched = False
        # RFC 3550 section 5.1: all three begin at random. The sequence number keeps its top bit
        # free, so that the first wrap is at least 32768 packets away.
        self._ssrc, self._sequence = secrets.randbits(32), secrets.randbits(15)
        self._timestamp, self._fresh = secrets.randbits(31), True
        self._stamped_at = 0.0
        self._frames: Iterator[bytes] | None = None
        self._tick: asyncio.TimerHandle | None = None
        # (SSRC, sequence offset, timestamp offset) of what is forwarded just now.
        self._relayed_source: tuple[int, int, int] | None = None

    async def open(self, host: str) -> None:
        """Bind a free port. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        self._socket, _ = await self._loop.create_datagram_endpoint(lambda: self, (host, 0))
        self.host, self.port = self._socket.get_extra_info("sockname")[:2]

    def close(self) -> None:
        """Stop sending, give the port back."""
        self.play(None)
        self.relay = None
        self._socket.close()

    def described(self, remote: Address, law: Law, events: int | None, may_send: bool) -> None:
        """Take over what the far end's SDP says. A new address is believed until packets come from
        elsewhere.
        """
        if remote != self.remote and not self._latched:
            self.remote = remote
        self.law, self.events, self.may_send = law, events, may_send

    # --- receiving

    def datagram_received(self, data: bytes, addr: Address) -> None:
        packet = Packet.parse(data)
        if packet is None:
            return
        # A phone behind a NAT does not know its own address: the first packet tells it (RFC 7362,
        # latching).
        if not self._latched:
            self.remote, self._latched = addr, True
        self.received += 1
        is_event = packet.payload_type == self.events
        if is_event:
            self._keys.event(packet)
        if self.tap and packet.payload_type == PAYLOAD_TYPES[self.law]:
            self.tap(False, packet.payload, self.law)
        if self.relay and (is_event or packet.payload_type == PAYLOAD_TYPES[self.law]):
            self.relay(packet, self.law, is_event)

    def error_received(self, exc: Exception) -> None:
        """The far port is closed (ICMP): the call's end comes by SIP."""

    # --- sending

    def play(self, sound: Iterator[bytes] | None) -> None:
        """Send these frames, one each 20 ms from now on; b"" is a frame's time without a packet.
        None is nothing.
        """
        if self._tick:
            self._tick.cancel()
            self._tick = None
        self._frames, self._relayed_source = sound, None
        if sound is not None:
            self._next_frame(self._loop.time())

    def _next_frame(self, due: float) -> None:
        frame = next(self._frames, None) if self._frames else None
        if frame is None:
            self._tick = None
            return
        late = int((self._loop.time() - due) / FRAME_SECONDS)
        if frame:
            self._advance(due)
            self._send(PAYLOAD_TYPES[self.law], self._fresh, frame, self._sequence, self._timestamp)
        due += FRAME_SECONDS * (late if late > _TOO_LATE_FRAMES else 1)
        self._tick = self._loop.call_at(due, self._next_frame, due)

    def _advance(self, at: float) -> None:
        """Move the timestamp on: a frame's worth, or over the pause since the last packet (RFC 3550
        section 5.1).
        """
        gap = (
            round((at - self._stamped_at) * RATE / FRAME_SAMPLES) * FRAME_SAMPLES
            if self._stamped_at
            else 0
        )
        # Up to 80 ms late is jitter of our own; more is a pause, after which a talkspurt begins and
        # the marker is due (RFC 3551 section 4.1).
        self._fresh = self._fresh or gap > 4 * FRAME_SAMPLES
        step = gap if gap > 4 * FRAME_SAMPLES else FRAME_SAMPLES
        self._timestamp = (self._timestamp + step) & 0xFFFFFFFF
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._stamped_at = at

    def forward(self, packet: Packet, law: Law, is_event: bool) -> None:
        """Send on what the other leg received, restamped; losses and order stay as they were."""
        # Who has not offered telephone events could not tell them from sound.
        if is_event and self.events is None:
            return
        if self._relayed_source is None or self._relayed_source[0] != packet.source:
            self._advance(self._loop.time())
            self._fresh = True
            self._relayed_source = (
                packet.source,
                self._sequence - packet.sequence,
                self._timestamp - packet.timestamp,
            )
        _, sequence_offset, timestamp_offset = self._relayed_source
        sequence = (packet.sequence + sequence_offset) & 0xFFFF
        timestamp = (packet.timestamp + timestamp_offset) & 0xFFFFFFFF
        # A packet that came out of order is sent on, but does not turn the count back.
        if (sequence - self._sequence) & 0xFFFF < 0x8000:
            self._sequence, self._timestamp, self._stamped_at = (
                sequence,
                timestamp,
                self._loop.time(),
            )
        payload = (
            packet.payload
            if is_event or law == self.law
            else packet.payload.translate(transcoding(law, self.law))
        )
        number = self.events if is_event and self.events is not None else PAYLOAD_TYPES[self.law]
        self._send(number, packet.marker or self._fresh, payload, sequence, timestamp)

    def _send(
        self, payload_type: int, marker: bool, payload: bytes, sequence: int, timestamp: int
    ) -> None:
        self._fresh = False
        if self.remote is None or not self.may_send or self._socket.is_closing():
            return
        header = _HEADER.pack(
            0x80, payload_type | (0x80 if marker else 0), sequence, timestamp, self._ssrc
        )
        self._socket.sendto(header + payload, self.remote)
        self.sent += 1
        if self.tap and payload_type == PAYLOAD_TYPES[self.law]:
            self.tap(True, payload, self.law)
