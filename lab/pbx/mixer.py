"""A conference of three and more: each hears the sum of the others, a frame each 20 ms (RFC 4353: a
mixer).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from lab.pbx.g711 import FRAME_SAMPLES, SILENCE, Law, decode_one, encoding
from lab.pbx.rtp import Packet
from lab.pbx.switchboard import Party

# Frames that may wait: 120 ms. Older ones are dropped, since a party whose clock runs fast would
# otherwise be heard later and later.
_DEEP = 6


@cache
def _decoding(law: Law) -> tuple[int, ...]:
    return tuple(decode_one(law, code) for code in range(256))


def connect(legs: Sequence[Party], hears: Callable[[Party, Party], bool]) -> None:
    """Each leg gets what the others say; `hears(target, source)` is asked of every frame."""
    waiting: dict[tuple[Party, Party], deque[list[int]]] = {
        (target, source): deque(maxlen=_DEEP)
        for target in legs
        for source in legs
        if target is not source
    }
    for source in legs:
        source.stream.relay = _taking(source, waiting, hears)
    for target in legs:
        target.quiet()
        queues = [queue for (listener, _), queue in waiting.items() if listener is target]
        target.stream.play(target.exchange.heard(target, _mixed(target, queues)))


def _taking(
    source: Party,
    waiting: dict[tuple[Party, Party], deque[list[int]]],
    hears: Callable[[Party, Party], bool],
) -> Callable[[Packet, Law, bool], None]:
    def take(packet: Packet, law: Law, is_event: bool) -> None:
        # Keys are for the talk, not for the ears; a frame of another length fits into no sum.
        if is_event or len(packet.payload) != FRAME_SAMPLES:
            return
        table = _decoding(law)
        frame = [table[code] for code in packet.payload]
        for (target, speaker), queue in waiting.items():
            if speaker is source and hears(target, source):
                queue.append(frame)

    return take


def _mixed(target: Party, queues: list[deque[list[int]]]) -> Iterator[bytes]:
    while True:
        law = target.stream.law
        table = encoding(law)
        frames = [queue.popleft() for queue in queues if queue]
        if not frames:
            yield SILENCE[law]
        else:
            # Clipped, not scaled: in a talk one speaks at a time, and shall be as loud as ever.
            sums = (max(-32768, min(32767, sum(column))) for column in zip(*frames, strict=True))
            yield bytes(table[(value >> 2) & 0x3FFF] for value in sums)


def with_echo(payload: bytes, law: Law, said: bytes, said_law: Law) -> bytes:
    """A frame with what was said a while ago added to it."""
    table, decoded, echoed = encoding(law), _decoding(law), _decoding(said_law)
    sums = (decoded[code] + echoed[old] for code, old in zip(payload, said, strict=False))
    return bytes(table[(max(-32768, min(32767, value)) >> 2) & 0x3FFF] for value in sums)
