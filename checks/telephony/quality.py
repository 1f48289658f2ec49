"""Voice quality of what was received: the narrowband E-model (ITU-T G.107) for G.711 with default values.

R = 93.206 - Ie,eff, where Ie,eff = Ie + (95 - Ie) * Ppl / (Ppl / BurstR + Bpl), Ppl in percent. Ie and Bpl are those of
G.711 with packet loss concealment, which the engine does (ITU-T G.113 appendix I). Delay is not counted here. Loss
that counts is the network's and what came too late for the jitter buffer; raw jitter is never an input.
A codec that is not in the table has no MOS: nothing is invented for it.
"""

from __future__ import annotations

DEFAULT_R = 93.206
"""R of a connection with every G.107 default and no impairment."""

_IMPAIRMENT: dict[str, tuple[float, float]] = {"PCMA": (0.0, 25.1), "PCMU": (0.0, 25.1)}
"""codec -> (Ie, Bpl)"""


def rating(codec: str, loss_percent: float, burst_ratio: float = 1.0) -> float | None:
    """The transmission rating R, or None for a codec without settled values."""
    if codec.upper() not in _IMPAIRMENT:
        return None
    equipment, robustness = _IMPAIRMENT[codec.upper()]
    return DEFAULT_R - (equipment + (95 - equipment) * loss_percent / (loss_percent / burst_ratio + robustness))


def mos(codec: str, loss_percent: float) -> float | None:
    """Mean opinion score, 1 to 4.5 (G.107 annex B), or None for a codec without settled values."""
    r = rating(codec, loss_percent)
    if r is None:
        return None
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def effective_loss_percent(received: int, lost: int, discarded: int) -> float:
    """Share of the packets sent to us that never reached the ear, in percent; 0 when none was expected."""
    expected = received + lost
    return min(100.0, 100.0 * (lost + discarded) / expected) if expected > 0 else 0.0
