"""What the far end says of the sound that it got from us: RTCP extended reports, the block "VoIP
metrics" (RFC 3611 section 4.7).

The engine takes RTCP in and shows the reception report alone. What comes to its port is read along
beside it, by a socket that sees datagrams without taking them (raw(7)), behind a filter for that
one port. That needs CAP_NET_RAW, which no phone has: a service has it (rtcp_service.py,
systemd/rtcp-xr.conf). Without it, or where RTCP is encrypted, nothing is read and nothing claimed.
In the process of a call leg.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterator
from typing import Any

from checks.process.service_place import installed

SERVICE = installed("rtcpxr")
"""where an administrator has installed the service"""
# RFC 3611: packet type XR is 207 (section 2), block type VoIP Metrics is 7 (section 4.7).
_EXTENDED, _VOIP_METRICS = 207, 7
# The fixed block of RFC 3611 section 4.7, after its header: SSRC, shares, durations, levels,
# scores, buffer.
_BLOCK = struct.Struct(">4x4B4H2b6BH3H")
# RFC 3611 section 4.7.5: 127 stands for a score that is not available.
_NOT_KNOWN = 127
# XR comes every few seconds: more than this at a look is a flood.
_MOST_A_LOOK = 64
# A compound packet stays within an MTU; a loopback interface may carry more.
_LONGEST = 4096
# SO_ATTACH_FILTER of asm-generic/socket.h; Python's socket module does not name it.
_SO_ATTACH_FILTER = 26
# BPF (Linux: Documentation/networking/filter.rst): X = length of the IP header; A = UDP
# destination port; if it is the wanted one, take all of it; else nothing.
_FILTER = ((0xB1, 0, 0, 0), (0x48, 0, 0, 2), (0x15, 0, 1, 0), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0))


class FarReports:
    """Reads along at a port of ours. `figures` holds what the last block said."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}
        self._socket: socket.socket | None = None
        self._port: int | None = None
        """of what a socket of our own sees; None: the service has looked at it"""

    def read_at(self, name: str) -> None:
        """Begin, at an address as the engine writes it ("127.0.0.1:4001"). A stream that moves is
        followed.
        """
        self.close()
        host, _, port = name.rpartition(":")
        # The raw socket is of IPv4, as the engine is.
        if not port.isdigit() or ":" in host:
            return
        try:
            self._socket, self._port = reading(int(port)), int(port)
        except PermissionError:
            self._ask_the_service(int(port))

    def _ask_the_service(self, port: int) -> None:
        asked = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            asked.connect(str(SERVICE.path))
            asked.send(port.to_bytes(2, "big"))
            asked.setblocking(False)
        except OSError:
            asked.close()
            self.figures["xr_unread"] = (
                "RTCP-XR cannot be read without CAP_NET_RAW (systemd/rtcp-xr.conf)"
            )
        else:
            self._socket, self._port = asked, None

    def look(self) -> None:
        """Take in what came since."""
        for _ in range(_MOST_A_LOOK):
            if self._socket is None:
                return
            try:
                datagram = self._socket.recv(_LONGEST)
            except BlockingIOError:
                return
            if not datagram or self._port is None:
                compound = datagram
            else:
                compound = payload_of(datagram, self._port)
            # A packet of nothing is the end of the service.
            if not datagram:
                self.close()
            for found in blocks(compound):
                self.figures |= {**found, "xr_reports": self.figures.get("xr_reports", 0) + 1}

    def close(self) -> None:
        """Close the socket; `figures` stays."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def blocks(compound: bytes) -> Iterator[dict[str, float]]:
    """The VoIP metrics of a compound RTCP packet; what is no RTCP has none, and what is broken ends
    it.
    """
    # RFC 3550 section 6.1: each packet of a compound has version 2, and its length in words less
    # one.
    while len(compound) >= 8 and compound[0] >> 6 == 2:
        kind, length = compound[1], 4 * (int.from_bytes(compound[2:4], "big") + 1)
        packet, compound = compound[:length], compound[length:]
        if len(packet) < length:
            return
        if kind == _EXTENDED:
            yield from _metrics(packet[8:])


def _metrics(rest: bytes) -> Iterator[dict[str, float]]:
    while len(rest) >= 4:
        kind, length = rest[0], 4 * (int.from_bytes(rest[2:4], "big") + 1)
        block, rest = rest[:length], rest[length:]
        # Block length 8 words and the header: 36 bytes (RFC 3611 section 4.7).
        if kind == _VOIP_METRICS and len(block) == 36:
            yield _said(block[4:])


def _said(block: bytes) -> dict[str, float]:
    (loss, discard, burst, _gap, _burst_ms, _gap_ms, trip, end, _signal, _noise, _rerl, _gmin,
     r, _external, lq, cq, _setting, *_buffer) = _BLOCK.unpack(block)  # fmt: skip
    # RFC 3611 section 4.7.1: rates are fractions of 256.
    shares = {"xr_loss_percent": loss, "xr_discard_percent": discard, "xr_burst_percent": burst}
    delays = {"xr_round_trip_ms": trip, "xr_end_delay_ms": end}
    # RFC 3611 section 4.7.5: MOS is sent times ten.
    scores = {"xr_r": (r, 1), "xr_mos_lq": (lq, 10), "xr_mos_cq": (cq, 10)}
    return {
        **{name: round(value / 2.56, 2) for name, value in shares.items()},
        # Far ends write zero for a delay that they do not know.
        **{name: float(value) for name, value in delays.items() if value},
        **{name: value / unit for name, (value, unit) in scores.items() if value != _NOT_KNOWN},
    }


def payload_of(datagram: bytes, port: int) -> bytes:
    """What an IPv4 datagram to that port holds; b"" for another's."""
    # The low four bits of the header's first byte are its length in words of four bytes (RFC 791).
    begin = (datagram[0] & 15) * 4
    # Datagrams that came before the filter was in its place are still queued.
    wanted = datagram[begin + 2 : begin + 4] == port.to_bytes(2, "big")
    return datagram[begin + 8 :] if wanted else b""


def reading(port: int) -> socket.socket:
    """A raw socket that sees the UDP datagrams to `port`. Raises PermissionError."""
    program = [(code, yes, no, port if code == 0x15 else value) for code, yes, no, value in _FILTER]
    written = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    reading = socket.socket(
        socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_UDP
    )
    reading.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("HL", len(program), ctypes.addressof(written)),
    )
    return reading
