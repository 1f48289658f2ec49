"""Lengths of WebSocket frames, in whatever pieces they come (RFC 6455 section 5.2)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from checks.transport.websocket_lengths import Lengths

_SIZES = (0, 1, 125, 126, 127, 300, 65_535, 65_536, 66_000)


def frame(size: int, more: int) -> bytes:
    """A binary frame with its length in so many bytes beside the second."""
    head = {0: bytes([size & 127]), 2: b"\x7e", 8: b"\x7f"}[more]
    return b"\x82" + head + (size.to_bytes(more, "big") if more else b"") + bytes(size)


def least(size: int) -> int:
    return 0 if size < 126 else 2 if size < 65_536 else 8


@given(
    st.lists(st.sampled_from(_SIZES), max_size=5),
    st.sampled_from([None, (5, 2), (125, 8), (126, 8), (65_535, 8)]),
    st.lists(st.integers(1, 70_000), min_size=1, max_size=5),
)
def test_only_a_length_in_more_bytes_than_it_needs_is_wrong(
    sizes: list[int], odd: tuple[int, int] | None, pieces: list[int]
) -> None:
    data = b"".join(frame(size, least(size)) for size in sizes) + (frame(*odd) if odd else b"")
    seen, at, turn = Lengths(), 0, 0
    while at < len(data):
        step = pieces[turn % len(pieces)]
        seen.take(data[at : at + step])
        at, turn = at + step, turn + 1
    assert seen.wrong == (odd is not None)
