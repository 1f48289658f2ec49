"""Recorded human voices (Debian's asterisk-core-sounds in five languages) and what telephony does
to them.
"""

from __future__ import annotations

import random
import subprocess
import wave
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from checks.telephony.audio.sound import (
    FRAME,
    FRAME_SECONDS,
    RATE,
    Samples,
    active,
    from_pcm,
    read_wav,
)

FOLDER = Path("/usr/share/asterisk/sounds")
LANGUAGES: Mapping[str, str] = {
    "en": "en_US_f_Allison",
    "fr": "fr_CA_f_June",
    "es": "es_MX_f_Allison",
    "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
}
"""language -> the voice's folder; each is the Debian package asterisk-core-sounds-LANGUAGE-wav"""
GERMAN = (
    "Willkommen bei der Stadtverwaltung. Ihr Anruf ist uns wichtig.",
    "Für eine Rechnung drücken Sie bitte die Eins.",
    "Für technische Hilfe drücken Sie bitte die Zwei.",
    "Alle Leitungen sind belegt. Bitte bleiben Sie am Apparat.",
    "Unser Büro ist montags bis freitags von acht bis siebzehn Uhr geöffnet.",
    "Bitte geben Sie Ihre Kundennummer ein, gefolgt von der Rautetaste.",
    "Diese Eingabe war leider ungültig.",
    "Sie werden jetzt mit einem Mitarbeiter verbunden.",
    "Auf Wiederhören.",
    "Ihre voraussichtliche Wartezeit beträgt drei Minuten.",
    "Bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
    "Der gewünschte Teilnehmer ist zurzeit nicht erreichbar.",
)

Channel = Callable[[Samples, np.random.Generator], Samples]


def recorded(
    language: str, least_seconds: float, most_seconds: float, number: int, seed: int
) -> dict[str, Samples]:
    """So many of the voice's prompts, drawn by lot, whose sounding part is of such a length."""
    folder, found = FOLDER / LANGUAGES[language], dict[str, Samples]()
    paths = sorted(path for path in folder.rglob("*.wav") if "silence" not in path.parts)
    for path in random.Random(seed).sample(paths, len(paths)):
        samples = read_wav(path)
        sounding = float(active(samples).sum()) * FRAME_SECONDS
        if least_seconds <= sounding and len(samples) <= most_seconds * RATE:
            found[f"{language}/{path.relative_to(folder).with_suffix('')}"] = samples
        if len(found) == number:
            break
    return found


def german(folder: Path, most: int) -> dict[str, Samples]:
    """German prompts by espeak-ng, two voices."""
    found: dict[str, Samples] = {}
    for number, text in enumerate(GERMAN[: -(-most // 2)]):
        for voice in ("de", "de+f3"):
            loud, wav = folder / "said.wav", folder / "prompt.wav"
            subprocess.run(["espeak-ng", "-v", voice, "-w", str(loud), text], check=True)
            subprocess.run(
                [
                    "sox",
                    "-D",
                    str(loud),
                    "-r",
                    "8000",
                    "-c",
                    "1",
                    "-b",
                    "16",
                    str(wav),
                    "gain",
                    "-n",
                    "-6",
                ],
                check=True,
            )
            found[f"de/{voice}-{number}"] = read_wav(wav)
    return found


def unrelated(prompts: Mapping[str, Samples]) -> dict[str, Samples]:
    """Without those that are the same recording as another, or contain it: told by correlating them
    whole.
    """
    kept: dict[str, Samples] = {}
    for name, samples in sorted(prompts.items(), key=lambda item: -len(item[1])):
        if not any(_contains(other, samples) for key, other in kept.items() if key[:3] == name[:3]):
            kept[name] = samples
    return dict(sorted(kept.items()))


def _contains(longer: Samples, shorter: Samples) -> bool:
    size = 1 << (len(longer) + len(shorter) - 1).bit_length()
    crossed = np.fft.irfft(np.fft.rfft(longer, size) * np.conj(np.fft.rfft(shorter, size)), size)
    return float(crossed.max()) > 0.5 * float(np.dot(shorter, shorter))


# --- what telephony does to sound
# ----------------------------------------------------------------------------------


def zeroed(share: float) -> Channel:
    """Frames lost, with nothing in their place."""

    def spoil(sound: Samples, draw: np.random.Generator) -> Samples:
        kept = np.repeat(draw.random(len(sound) // FRAME + 1) >= share, FRAME)[: len(sound)]
        return (sound * kept).astype(np.float32)

    return spoil


def concealed(share: float) -> Channel:
    """Frames lost, the last one repeated a little quieter in their place, as a simple concealment
    does.
    """

    def spoil(sound: Samples, draw: np.random.Generator) -> Samples:
        frames = np.pad(sound, (0, -len(sound) % FRAME)).reshape(-1, FRAME).copy()
        for index in np.flatnonzero(draw.random(len(frames)) < share):
            frames[index] = frames[index - 1] * 0.7 if index else 0
        return frames.ravel()[: len(sound)]

    return spoil


def deleted(share: float) -> Channel:
    """Frames left out, as a jitter buffer that shrinks does."""

    def spoil(sound: Samples, draw: np.random.Generator) -> Samples:
        return sound[np.repeat(draw.random(len(sound) // FRAME + 1) >= share, FRAME)[: len(sound)]]

    return spoil


def starved(seconds: float, every_seconds: float) -> Channel:
    """The jitter buffer runs empty again and again: nothing for so long, and what follows comes
    that much later.
    """

    def spoil(sound: Samples, draw: np.random.Generator) -> Samples:
        first, apart = (
            int(draw.integers(0, round(every_seconds * RATE))),
            round(every_seconds * RATE),
        )
        hole = np.zeros(round(seconds * RATE), dtype=np.float32)
        parts = np.split(sound, range(first, len(sound), apart))
        return np.concatenate([part for one in parts for part in (one, hole)])

    return spoil


def noisy(decibel: float) -> Channel:
    """White noise so far below the sounding parts."""

    def spoil(sound: Samples, draw: np.random.Generator) -> Samples:
        frames = active(sound)
        speech = sound[: len(frames) * FRAME].reshape(-1, FRAME)[frames]
        spread = float(np.sqrt(np.mean(np.square(speech)))) * 10 ** (-decibel / 20)
        return np.asarray(sound + draw.normal(0, spread, len(sound)), dtype=np.float32)

    return spoil


def drifted(ppm: float) -> Channel:
    """A far clock that runs so much faster (slower below 0)."""

    def spoil(sound: Samples, draw: np.random.Generator) -> Samples:
        at = np.arange(0, len(sound) - 1, 1 + ppm / 1e6)
        return np.asarray(np.interp(at, np.arange(len(sound)), sound), dtype=np.float32)

    return spoil


def louder(decibel: float) -> Channel:
    """A gain, with rounding to whole numbers and clipping."""

    def spoil(sound: Samples, draw: np.random.Generator) -> Samples:
        return np.clip(np.round(sound * 10 ** (decibel / 20)), -32768, 32767).astype(np.float32)

    return spoil


SOX_CODECS: Mapping[str, Sequence[str]] = {
    "G.711 A-law": ("-t", "raw", "-r", "8000", "-c", "1", "-e", "a-law"),
    "G.711 mu-law": ("-t", "raw", "-r", "8000", "-c", "1", "-e", "mu-law"),
    "GSM": ("-t", "gsm", "-r", "8000", "-c", "1"),
}


def transcoded(prompts: Mapping[str, Samples], codec: str) -> dict[str, Samples]:
    """Every prompt through one of SOX_CODECS and back: all in one stream, with a little silence
    between.
    """
    gap = np.zeros(FRAME * 10, dtype=np.float32)
    stream = np.concatenate([part for sound in prompts.values() for part in (sound, gap)])
    form, pcm = (
        SOX_CODECS[codec],
        ["-t", "raw", "-r", "8000", "-c", "1", "-e", "signed", "-b", "16"],
    )
    coded = subprocess.run(
        ["sox", "-D", *pcm, "-", *form, "-"],
        input=stream.astype("<i2").tobytes(),
        capture_output=True,
        check=True,
    )
    back = subprocess.run(
        ["sox", "-D", *form, "-", *pcm, "-"], input=coded.stdout, capture_output=True, check=True
    )
    return cut(prompts, from_pcm(back.stdout), len(gap))


def cut(prompts: Mapping[str, Samples], stream: Samples, gap: int) -> dict[str, Samples]:
    """A stream of all prompts, one after the other, back into its parts."""
    found, at = {}, 0
    for name, sound in prompts.items():
        found[name] = stream[at : at + len(sound)]
        at += len(sound) + gap
    return found


def in_a_call(sound: Samples, draw: np.random.Generator) -> Samples:
    """Up to a second of near silence before it, at no round moment, and one second after."""
    before = int(draw.integers(RATE // 4, RATE))
    hiss = draw.normal(0, 4, before + len(sound) + RATE).astype(np.float32)
    hiss[before : before + len(sound)] += sound
    return hiss


def write_prompts(folder: Path, prompts: Mapping[str, Samples], gap: int) -> Path:
    """All prompts in one WAV, with `gap` samples of silence after each."""
    path = folder / "prompts.wav"
    quiet = np.zeros(gap, dtype=np.float32)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for sound in prompts.values():
            file.writeframes(np.concatenate((sound, quiet)).astype("<i2").tobytes())
    return path
