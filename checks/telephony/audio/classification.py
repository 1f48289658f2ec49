"""One word for what a stretch of sound is, with its evidence.

What is not surely something else is "unknown".

Precedence, the surest first: nothing, silence, comfort-noise · sit · fax, ringback, busy,
congestion, dial, tone · frozen, looped · noise · voicemail · music · unknown (speech, most of the
time).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checks.telephony.audio import call_progress, sound, texture, tones
from checks.telephony.audio.sound import RATE, Samples

# Tones of the network: behind an answer they say that nobody answered.
FALSE_ANSWERS = ("ringback", "busy", "congestion", "dial", "sit")

# A jitter buffer that repeats its last frame does so for some packets; a second of it is a frozen
# sender.
_HELD_SECONDS = 1.0
# The windows at both ends of a stretch are not wholly in it.
_STEADY_SHARE = 0.9
# Digital silence, and the toggling of the lowest bit that G.711 makes of it, spread no further.
_SILENT_SPREAD = 1.5
# The thresholds of texture.music_likeness: recorded voices stay at or below 0.56 and 0.06, and
# never pass both.
_MUSIC_ALIKE, _MUSIC_HOLDS, _MUSIC_SECONDS = 0.5, 0.1, 3.0
# Voicemail beeps of the common PBXs and carriers last 0.2 to 1 s.
_BEEP_SECONDS = (0.15, 1.3)
# Beeps of PBXs and carriers lie between 400 and 2000 Hz; the rest is margin.
_BEEP_HZ = (380, 2100)
# A voicemail records after its beep. A speaker who only pauses goes on earlier.
_AFTER_BEEP_SECONDS = 1.5
# The end of a call tells what it is now; longer stretches cost seconds of computing.
_LONGEST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Nature:
    """What it is (`kind`, as in this module's precedence), in words, its level and how long it was
    listened to.
    """

    kind: str
    words: str
    level_dbm0: float
    seconds: float

    @property
    def is_false_answer(self) -> bool:
        """Whether it is a tone of the network rather than somebody who answered."""
        return self.kind in FALSE_ANSWERS


def nature_of(samples: Samples, country: str | None = None) -> Nature:
    """What the sound is. Of a long one the last minute counts. `country` (ISO 3166) says whose
    tones come first.
    """
    # The end counts: a call that was answered, and then put on a dead bridge, ends in silence.
    samples = samples[-_LONGEST_SECONDS * RATE :]
    level, seconds = sound.active_level_dbm0(samples), len(samples) / RATE

    def is_a(kind: str, words: str) -> Nature:
        return Nature(kind, words, level, seconds)

    if not len(samples):
        return is_a("nothing", "no sound at all")
    if sound.is_silent(samples):
        return is_a(*_quiet(samples))
    heard = tones.listen(samples)
    if named := call_progress.name_of(heard, country):
        return is_a(named.kind, f"{named.words} at {level:.0f} dBm0")
    # A loop is looked for before noise and music: a frozen frame of either sounds like it.
    if (again := texture.loop(samples)) and again.seconds >= _HELD_SECONDS:
        # A generator's tone comes out even after some periods (425 Hz after 40 ms): it repeats
        # itself by nature, and a voice that hangs does not sound so pure.
        if steady := _tone_behind(samples, again.seconds):
            return is_a("tone", f"a steady tone of {tones.in_words(steady)} at {level:.0f} dBm0")
        if again.period_seconds <= sound.FRAME_SECONDS:
            return is_a("frozen", f"one 20 ms frame repeated for {again.seconds:.1f} s")
        return is_a(
            "looped",
            f"the same {again.period_seconds:.2f} s again and again for {again.seconds:.1f} s",
        )
    if texture.is_even_noise(samples):
        return is_a("noise", f"even noise at {level:.0f} dBm0")
    if beep := _beep(heard, samples):
        return is_a(
            "voicemail",
            f"a beep of {beep.frequencies[0]} Hz for {beep.seconds:.1f} s, then silence",
        )
    if float(sound.active(samples).sum()) * sound.FRAME_SECONDS >= _MUSIC_SECONDS and _is_music(
        samples
    ):
        return is_a("music", f"music at {level:.0f} dBm0")
    return is_a("unknown", f"sound at {level:.0f} dBm0")


def _tone_behind(samples: Samples, seconds: float) -> tuple[int, ...]:
    """The frequencies of the tone that the last seconds hold from their begin to their end, or
    none.
    """
    heard = tones.listen(samples[len(samples) - int(seconds * RATE) :])
    longest = max(heard.runs, key=lambda run: run.seconds, default=None)
    whole = longest is not None and longest.seconds >= _STEADY_SHARE * seconds
    return longest.frequencies if longest is not None and whole else ()


def _quiet(samples: Samples) -> tuple[str, str]:
    """The kind and words of a quiet stretch: digital silence, or comfort noise."""
    level = sound.level_dbm0(samples)
    # A-law's steps around zero are 16 wide (ITU-T G.711): a peak below that is no generated noise.
    if float(np.std(samples)) <= _SILENT_SPREAD or float(np.abs(samples).max()) <= 16:
        return "silence", f"silence for {len(samples) / RATE:.1f} s"
    return (
        "comfort-noise",
        f"nothing but comfort noise at {level:.0f} dBm0 for {len(samples) / RATE:.1f} s",
    )


def _beep(heard: tones.Heard, samples: Samples) -> tones.Run | None:
    """The beep that ends a greeting: one pure tone after other sound, and nothing after it."""
    if not heard.runs:
        return None
    last = heard.runs[-1]
    before, after = samples[: int(last.began * RATE)], samples[int((last.ended + 0.1) * RATE) :]
    alone = len(last.frequencies) == 1 and _BEEP_HZ[0] <= last.frequencies[0] <= _BEEP_HZ[1]
    timed = (
        _BEEP_SECONDS[0] <= last.seconds <= _BEEP_SECONDS[1]
        and len(after) >= _AFTER_BEEP_SECONDS * RATE
    )
    # A beep alone is a tone; after a greeting it is a voicemail.
    spoke = not sound.is_silent(before, allowed_seconds=0.5)
    return last if alone and timed and spoke and sound.is_silent(after) else None


def _is_music(samples: Samples) -> bool:
    alike, holds = texture.music_likeness(samples)
    return alike >= _MUSIC_ALIKE and holds >= _MUSIC_HOLDS
