"""The E-model: what a voice path is worth to those who talk over it (ITU-T G.107, narrowband, all
of it).

R = Ro - Is - Id - Ie,eff + A: the noise, what comes with the voice at the same time, what comes
late, what codec and loss spoil, and what people forgive. Every name in `Path` is the standard's
own, and so is every default; with all of them R is 93.2. Delays are in milliseconds, levels in dB,
dBm0p or dBmp, loss in PERCENT.

Wideband (G.107.1) and fullband (G.107.2) have scales of their own: an R of one says nothing on
another, so `Scale` goes wherever R and MOS go. Their `Id` is taken from the narrowband model, which
makes them estimates here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from math import exp, log2, log10, sqrt


class Scale(Enum):
    """A scale of R: its best value, the most that loss can take, and what R is divided by before it
    becomes a MOS.
    """

    # R at its best: G.107 computes it from the noise, G.107.1 sets 129, G.107.2 sets 148. 95 and
    # 132 stand in their formulas of Ie,eff.
    NARROWBAND = ("narrowband", 0.0, 95.0, 1.0)
    WIDEBAND = ("wideband", 129.0, 95.0, 1.29)
    FULLBAND = ("fullband", 148.0, 132.0, 1.48)

    def __init__(self, title: str, best: float, worst_loss: float, divisor: float) -> None:
        self.title, self.best, self.worst_loss, self.divisor = title, best, worst_loss, divisor


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A voice path in the terms of G.107 table 2, with its default values."""

    slr: float = 8.0
    """send loudness rating, dB"""
    rlr: float = 2.0
    """receive loudness rating, dB"""
    stmr: float = 15.0
    """sidetone masking rating, dB"""
    ds: float = 3.0
    dr: float = 3.0
    """D-value of the telephone, sending and receiving side"""
    telr: float = 65.0
    """talker echo loudness rating, dB"""
    wepl: float = 110.0
    """weighted echo path loss, dB"""
    t: float = 0.0
    """mean one-way delay of the echo path, ms"""
    tr: float = 0.0
    """round-trip delay in a four-wire loop, ms"""
    ta: float = 0.0
    """absolute delay from mouth to ear, ms"""
    qdu: float = 1.0
    """quantisation distortion units"""
    ie: float = 0.0
    """equipment impairment of the codec"""
    bpl: float = 4.3
    """its robustness against loss"""
    ppl: float = 0.0
    """random packet loss, percent"""
    burst_ratio: float = 1.0
    """mean length of losses beside that of random loss; 1 and more"""
    nc: float = -70.0
    """circuit noise at the 0 dBr point, dBm0p"""
    nfor: float = -64.0
    """noise floor at the receiving side, dBmp"""
    ps: float = 35.0
    pr: float = 35.0
    """room noise at the sending and the receiving side, dB(A)"""
    a: float = 0.0
    """advantage factor"""

    @classmethod
    def delayed(cls, one_way_ms: float, **more: float) -> Path:
        """A path whose only delay is mouth to ear, the same both ways: T = Ta, Tr = 2 T."""
        return cls(t=one_way_ms, tr=2 * one_way_ms, ta=one_way_ms, **more)


def rating(path: Path) -> float:
    """The transmission rating R on the narrowband scale; may be negative."""
    return _ro(path) - _is(path) - _id(path) - effective_impairment(path) + path.a


def rating_on(scale: Scale, path: Path) -> float:
    """R on a scale. Wider ones: the best value less delay and loss (an estimate)."""
    if scale is Scale.NARROWBAND:
        return rating(path)
    # G.107.2 keeps a delay term only; G.107.1 takes all of Id, less what the default path has.
    delay = scale.divisor * _idd(path) if scale is Scale.FULLBAND else _id(path) - _id(Path())
    return scale.best - max(0.0, delay) - effective_impairment(path, scale.worst_loss)


def mos(r: float, scale: Scale = Scale.NARROWBAND) -> float:
    """Mean opinion score, 1 to 4.5 (G.107 annex B); the cubic dips below 1 for a small R and is
    held there.
    """
    # Annex B: MOS is 1 for R below 0, and 4.5 above 100; between them a cubic.
    r = r / scale.divisor
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def effective_impairment(path: Path, worst: float = 95.0) -> float:
    """Ie,eff (7.5): what the codec and lost packets take; never more than `worst`."""
    # Without loss Ie,eff is Ie, whatever the codec's robustness (G.107 section 7.5).
    if path.ppl <= 0:
        return path.ie
    return path.ie + (worst - path.ie) * path.ppl / (
        path.ppl / max(1.0, path.burst_ratio) + path.bpl
    )


# --- Ro: noise (7.2)


def _no(path: Path) -> float:
    """The sum of all noise at the 0 dBr point, dBm0p."""
    # The overall loudness rating.
    olr = path.slr + path.rlr
    # Room noise at the sending side, brought to the 0 dBr point.
    nos = path.ps - path.slr - path.ds - 100 + 0.004 * (path.ps - olr - path.ds - 14) ** 2
    # Room noise at the receiving side, with what the sidetone path adds to it.
    pre = path.pr + 10 * log10(1 + 10 ** ((10 - path.stmr - path.dr) / 10))
    nor = path.rlr - 121 + pre + 0.008 * (pre - 35) ** 2
    # The noise floor of the receiving side.
    nfo = path.nfor + path.rlr
    # The four sources add as powers.
    return 10 * log10(sum(10 ** (noise / 10) for noise in (path.nc, nos, nor, nfo)))


def _ro(path: Path) -> float:
    return 15 - 1.5 * (path.slr + _no(path))


# --- Is: what comes with the voice (7.3)


def _is(path: Path) -> float:
    return _too_loud(path) + _sidetone(path) + _quantising(path)


def _too_loud(path: Path) -> float:
    x = path.slr + path.rlr + 0.2 * (64 + _no(path) - path.rlr)
    return 20 * (_root(1 + (x / 8) ** 8, 8) - x / 8)


def _sidetone(path: Path) -> float:
    # The talker's echo, heard with little delay, adds to the sidetone.
    stmro = -10 * log10(10 ** (-path.stmr / 10) + exp(-path.t / 4) * 10 ** (-path.telr / 10))
    return (
        12 * _root(1 + ((stmro - 13) / 6) ** 8, 8)
        - 28 * _root(1 + ((stmro + 1) / 19.4) ** 35, 35)
        - 13 * _root(1 + ((stmro - 3) / 33) ** 13, 13)
        + 29
    )


def _quantising(path: Path) -> float:
    # One unit of quantising distortion is an A-law or mu-law codec (ITU-T G.113).
    q = 37 - 15 * log10(path.qdu)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    y = (_ro(path) - 100) / 15 + 46 / 8.4 - g / 9
    z = 46 / 30 - g / 40
    return 15 * log10(1 + 10**y + 10**z)


# --- Id: what comes late (7.4)


def _id(path: Path) -> float:
    return _talker_echo(path) + _listener_echo(path) + _idd(path)


def _talker_echo(path: Path) -> float:
    terv = (
        path.telr - 40 * log10((1 + path.t / 10) / (1 + path.t / 150)) + 6 * exp(-0.3 * path.t**2)
    )
    # G.107 section 7.4: below 9 dB the sidetone masks some of the echo; above 20 dB its lack is an
    # impairment of its own.
    if path.stmr < 9:
        terv += _sidetone(path) / 2
    half = (-1.5 * (_no(path) - path.rlr) - (80 + 2.5 * (terv - 14))) / 2
    idte = (half + sqrt(half**2 + 100) - 1) * (1 - exp(-path.t))
    return sqrt(idte**2 + _sidetone(path) ** 2) if path.stmr > 20 else idte


def _listener_echo(path: Path) -> float:
    # A four-wire loop of bad balance echoes back to the listener.
    half = (_ro(path) - 10.5 * (path.wepl + 7) / _root(path.tr + 1, 4)) / 2
    return half + sqrt(half**2 + 169)


def _idd(path: Path) -> float:
    # People notice no delay of up to 100 ms (ITU-T G.114).
    if path.ta <= 100:
        return 0.0
    x = log2(path.ta / 100)
    return 25 * (_root(1 + x**6, 6) - 3 * _root(1 + (x / 3) ** 6, 6) + 2)


def _root(value: float, degree: int) -> float:
    return math.pow(value, 1 / degree)
