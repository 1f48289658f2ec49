"""Whose tone is it? Runs of tone, with their cadence, against the table of the countries.

A tone has a name only when its frequencies fit (10 Hz), when whole pieces of its cadence were heard
that fit (15 %), and when nearly all that sounds is this tone. Special information tones (SIT) and
fax need no cadence to be known by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from checks.telephony.audio.tone_plans import TONES, Tone
from checks.telephony.audio.tones import Heard, Run

# Windows of 64 ms place a peak within half a bin, 8 Hz; the networks' own generators are off by a
# few more.
_NEAR_HZ = 12.0
# Amplitude modulation by 25 Hz, as in India, puts two more peaks 25 Hz beside the carrier.
_MODULATED_HZ = 32.0
# Speech over ringback, as of an operator who breaks in, leaves clearly less.
_NEARLY_ALL = 0.85
# ITU-T E.180 allows 10 % around a cadence; jitter and lost packets take the rest, the fixed part
# for short tones.
_CADENCE_SHARE, _CADENCE_SECONDS = 0.15, 0.06
# No interrupted tone of the table sounds longer than 2 s (North American ringback).
_CONTINUOUS_SECONDS = 2.5
# The level rises over several frames: a tone nearer to the edge than this may have begun before
# the recording.
_EDGE_SECONDS = 0.15
# Short beeps come in too many systems (recorders, keys) to be named after a single one.
_LONG_SECONDS = 0.7
# A jitter buffer conceals up to three packets of 20 ms; a longer gap is a pause of the cadence.
_TORN_SECONDS = 0.07
# A key tone, a chime or a recorder's beep is shorter.
_UNNAMED_SECONDS = 0.6
# Below this a voice may hold a note for a moment, so nothing is said of a tone without a name.
_VOICE_HZ = 330
# ITU-T E.180: three tones of about 330 ms, each within 50 Hz.
_SIT = (950, 1400, 1800)
_SIT_HZ = 60.0
_SIT_SECONDS = (0.2, 0.5)
# ITU-T T.30: the calling tone is 1100 Hz, the answer tone of the called fax 2100 Hz.
_CNG, _CED = 1100, 2100


@dataclass(frozen=True, slots=True)
class Named:
    """A tone by its name. `kind` is ringback, busy, congestion, dial, sit, fax or tone (without a
    name).
    """

    kind: str
    words: str
    frequencies: tuple[int, ...]
    cadence: tuple[float, ...] = ()
    """seconds on, off, on ... as heard"""
    countries: tuple[str, ...] = ()


def name_of(heard: Heard, country: str | None = None) -> Named | None:
    """The name of what is heard; None when most of it is no tone.

    Tones of `country` (ISO 3166) are preferred.
    """
    # SIT comes first: an announcement follows it, so that the share of tones in the whole says
    # nothing.
    if found := _special(heard.runs):
        return found
    if not heard.runs or heard.share < _NEARLY_ALL:
        return None
    if found := _fax(heard.runs):
        return found
    return _of_a_country(heard, country)


def _special(runs: Sequence[Run]) -> Named | None:
    """Three rising tones of a third of a second each, close together; speech may follow (E.180:
    950, 1400, 1800 Hz).
    """
    for three in zip(runs, runs[1:], runs[2:], strict=False):
        pitched = all(
            len(run.frequencies) == 1 and abs(run.frequencies[0] - hertz) <= _SIT_HZ
            for run, hertz in zip(three, _SIT, strict=True)
        )
        timed = all(_SIT_SECONDS[0] <= run.seconds <= _SIT_SECONDS[1] for run in three)
        if (
            pitched
            and timed
            and all(right.began - left.ended < 0.1 for left, right in pairwise(three))
        ):
            frequencies = tuple(run.frequencies[0] for run in three)
            return Named(
                "sit",
                f"special information tones ({'/'.join(map(str, frequencies))} Hz)",
                frequencies,
            )
    return None


def _fax(runs: Sequence[Run]) -> Named | None:
    """ITU-T T.30: CNG 1100 Hz for half a second every three and a half, CED 2100 Hz for about three
    seconds.
    """
    for run in runs:
        if len(run.frequencies) != 1:
            continue
        # T.30 lets the answer tone deviate by 15 Hz, and has it last 2.6 to 4 s; one second is
        # enough to tell it from a beep.
        if abs(run.frequencies[0] - _CED) <= 15 and run.seconds >= 1.0:
            return Named(
                "fax", f"a fax or modem answers ({run.frequencies[0]} Hz)", run.frequencies
            )
        # T.30 lets the calling tone deviate by 38 Hz. One beep of half a second may be anything;
        # two in the cadence are a fax.
        if abs(run.frequencies[0] - _CNG) <= 38 and 0.4 <= run.seconds <= 0.6 and len(runs) >= 2:
            return Named("fax", f"a fax calls ({run.frequencies[0]} Hz)", run.frequencies)
    return None


def _of_a_country(heard: Heard, country: str | None) -> Named | None:
    fitting = [tone for tone in TONES if _pitched(heard.runs, tone)]
    times, open_left, open_right = _times(heard)
    named = [tone for tone in fitting if _timed(times, open_left, open_right, tone.cadence)]
    # The far end's own country is preferred, since one cadence is busy here and congestion
    # elsewhere.
    own = [tone for tone in named if tone.country == (country or "").lower()]
    frequencies = max(heard.runs, key=lambda run: run.seconds).frequencies
    cadence = tuple(round(seconds, 2) for seconds in times[:8])
    # A tone that fits no cadence is still evidence, but only when it lasted, and is too high for a
    # voice.
    if not named:
        if sum(run.seconds for run in heard.runs) < _UNNAMED_SECONDS or frequencies[0] < _VOICE_HZ:
            return None
        pitch = "+".join(map(str, frequencies))
        return Named(
            "tone",
            f"a tone of {pitch} Hz, {'/'.join(f'{s:g}' for s in cadence)} s",
            frequencies,
            cadence,
        )
    tones = own or named
    kinds = Counter(tone.kind for tone in tones).most_common()
    kind, chosen = kinds[0][0], next(tone for tone in tones if tone.kind == kinds[0][0])
    others = "".join(f", elsewhere {other}" for other, _ in kinds[1:])
    countries = tuple(sorted({tone.country for tone in tones if tone.kind == kind}))
    where = " ".join(countries[:4]) + (" ..." if len(countries) > 4 else "")
    return Named(
        kind,
        f"{kind} tone ({chosen.written()}, as in {where}{others})",
        frequencies,
        cadence,
        countries,
    )


def _pitched(runs: Sequence[Run], tone: Tone) -> bool:
    """Nearly every run has the tone's frequencies and no other (loss smears a few), and most of
    them all of these.
    """
    near = _MODULATED_HZ if tone.modulated else _NEAR_HZ
    clean = whole = 0
    for run in runs:
        clean += all(
            any(abs(one - hertz) <= near for hertz in tone.frequencies) for one in run.frequencies
        )
        whole += all(
            any(abs(one - hertz) <= near for one in run.frequencies) for hertz in tone.frequencies
        )
    # A quarter of the runs may be spoilt by loss. Two-tone signals must show both tones in most
    # runs: 425 Hz alone would fit 425+480 Hz too.
    return clean >= 0.75 * len(runs) and whole * 2 > len(runs)


def _times(heard: Heard) -> tuple[tuple[float, ...], bool, bool]:
    """Seconds on, off, on ...; whether the first may have begun before, and whether the last may go
    on.
    """
    runs = heard.runs
    times: list[float] = []
    for run, following in zip(runs, [*runs[1:], None], strict=True):
        if len(times) % 2:
            # Loss has torn one tone into two runs: both halves belong to the same piece.
            times[-1] += run.seconds
        else:
            times.append(run.seconds)
        rest = max(0.0, (following.began if following else heard.seconds) - run.ended)
        if rest > (_TORN_SECONDS if following else _EDGE_SECONDS):
            times.append(rest)
    ended = heard.seconds - runs[-1].ended <= _EDGE_SECONDS
    return tuple(times), runs[0].began <= _EDGE_SECONDS, ended or len(times) % 2 == 0


def _timed(
    times: Sequence[float], open_left: bool, open_right: bool, cadence: Sequence[float]
) -> bool:
    """Whether what was heard fits into the cadence, and enough of it was heard whole."""
    if not cadence:
        # A continuous tone is the dial tone; anything shorter may be the start of a cadence.
        return len(times) <= 2 and times[0] >= _CONTINUOUS_SECONDS
    return any(
        _fits(times, open_left, open_right, cadence, start) for start in range(0, len(cadence), 2)
    )


def _fits(
    times: Sequence[float], open_left: bool, open_right: bool, cadence: Sequence[float], start: int
) -> bool:
    """Whether the pieces fit from `start` on; one in seven may be spoilt by loss."""
    whole, spoilt, last, parts = 0, 0, len(times) - 1, 0.0
    for index, seconds in enumerate(times):
        wanted = cadence[(start + index) % len(cadence)]
        slack = _CADENCE_SHARE * wanted + _CADENCE_SECONDS
        # A piece at the edge of the recording may be cut short, but not too long.
        part = (index == 0 and open_left) or (index == last and open_right)
        if seconds > wanted + slack or (not part and seconds < wanted - slack):
            spoilt += 1
            continue
        whole += not part
        parts += min(1.0, seconds / wanted) if part and index == last and index % 2 else 0.0
    # A lone piece proves a cadence only when it is long: three of them, or one with part of its
    # pause.
    long = max(times[::2]) >= _LONG_SECONDS
    return spoilt <= len(times) // 7 and (
        whole >= 3 or (long and (whole >= 2 or (whole == 1 and parts >= 0.35)))
    )
