"""Lengths of WebSocket frames: each must be written in as few bytes as it needs (RFC 6455 section
5.2), and browsers end the connection over one that is not; the library takes it.

    0                1                2 …
    FIN RSV opcode | MASK length    | 16 bits where that is 126, 64 where it is 127

Linear in what came; no payload is kept.
"""

from __future__ import annotations

# RFC 6455 section 5.2: the least length that needs so many bytes more.
_LEAST = {2: 126, 8: 65536}
_MORE = {126: 2, 127: 8}
_MASK_BYTES = 4


class Lengths:
    """Looks at each frame of one side as its bytes come."""

    def __init__(self) -> None:
        self.wrong = False
        """whether a length was not minimal; nothing is looked at any more then"""
        self._head = bytearray()
        self._left = 0
        """bytes of the payload under way"""

    def take(self, data: bytes | bytearray) -> None:
        """Look at what came."""
        at, end = min(self._left, len(data)), len(data)
        self._left -= at
        while at < end and not self.wrong:
            # Most frames are short, and whole heads come at once.
            if not self._head and at + 1 < end and data[at + 1] < _LEAST[2]:
                at += 2 + data[at + 1]
            else:
                self._head.append(data[at])
                at += 1 + self._look()
            self._left, at = max(0, at - end), min(at, end)

    def _look(self) -> int:
        """The length of the payload, where the head of a frame is whole; else 0."""
        if len(self._head) < 2:
            return 0
        short, more = self._head[1] & 0x7F, _MORE.get(self._head[1] & 0x7F, 0)
        masked = _MASK_BYTES if self._head[1] & 0x80 else 0
        if len(self._head) < 2 + more + masked:
            return 0
        length = int.from_bytes(self._head[2 : 2 + more], "big") if more else short
        self.wrong = length < _LEAST.get(more, 0)
        self._head.clear()
        return length
