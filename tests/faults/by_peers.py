"""Faults of far ends that nobody here wrote: SIPp with scenarios and sounds, and baresip."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from checks.telephony.audio.sound import RATE, Samples, read_wav, write_wav
from checks.telephony.audio.tone_plans import TONES
from lab import prompts
from tests.faults.matrix import IVR, PRI, Look, Looked, Row
from tests.loopback.sipp.peer import alaw, attempt, baresip, sipp
from tests.torture.aims import line, sip_call

WELCOME, MENU = prompts.FOLDER / "welcome.wav", prompts.FOLDER / "menu.wav"
MUSIC = Path("/usr/share/asterisk/moh/macroform-cold_day.wav")
HEAR = {"hear": str(WELCOME), "within": "4s"}
Sound = Callable[[], Samples]


def pause(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def sine(hertz: float, seconds: float) -> Samples:
    """A pure tone."""
    return np.asarray(
        3000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE), dtype=np.float32
    )


def tone(kind: str, country: str) -> Samples:
    """Twelve seconds of a country's tone."""
    one = next(tone for tone in TONES if (tone.country, tone.kind) == (country, kind))
    time = np.arange(12 * RATE) / RATE
    sound = np.sum([2500 * np.sin(2 * np.pi * f * time) for f in one.frequencies], axis=0)
    if one.modulated:
        sound = sound * (1 + np.cos(2 * np.pi * 25 * time)) / 2
    if one.cadence:
        edges = np.cumsum(one.cadence)
        sound = sound * (np.searchsorted(edges, (time + 0.1) % edges[-1], side="right") % 2 == 0)
    return np.asarray(sound, dtype=np.float32)


def sit() -> Samples:
    """Special information tones, and an announcement."""
    tones = [sine(hertz, 0.33) for hertz in (950, 1400, 1800)]
    return np.concatenate(
        (pause(0.3), *tones, pause(0.4), read_wav(prompts.FOLDER / "no-entry.wav"))
    )


def voicemail() -> Samples:
    """A greeting, a beep, silence."""
    greeting = read_wav(prompts.FOLDER / "opening-hours.wav")[: round(1.5 * RATE)]
    return np.concatenate((greeting, pause(0.3), sine(1000, 0.4), pause(20)))


def noise(level: float) -> Samples:
    """White noise."""
    return np.random.default_rng(7).normal(0, level, 20 * RATE).astype(np.float32)


def frozen() -> Samples:
    """A voice that sticks in one frame."""
    voice = read_wav(prompts.FOLDER / "opening-hours.wav")
    loudest = int(np.abs(voice[: 2 * RATE]).argmax()) // 160 * 160
    return np.concatenate((voice[: loudest + 160], np.tile(voice[loudest : loudest + 160], 600)))


def looped() -> Samples:
    """A voice that repeats 0.4 s."""
    voice = read_wav(prompts.FOLDER / "opening-hours.wav")
    return np.concatenate((voice[:RATE], np.tile(voice[RATE : RATE + 3200], 30)))


def prompt(path: Path) -> Sound:
    """A recording."""
    return lambda: read_wav(path)


@lru_cache(maxsize=1)
def _folder() -> Path:
    return Path(mkdtemp(prefix="reveille-sounds-"))


def _stream(sound: Sound, name: str) -> Path:
    """As raw A-law, with silence after it."""
    folder = _folder()
    write_wav(folder / f"{name}.wav", np.concatenate((sound(), pause(20))))
    return alaw(folder, name, folder / f"{name}.wav")


def sounds(
    sound: Sound, *script: Mapping[str, Any], scenario: str = "answer", **settings: Any
) -> Look:
    """SIPp answers, and this is heard."""

    async def look(folder: Path) -> Looked:
        stream = await asyncio.to_thread(_stream, sound, folder.name)
        async with sipp(scenario, folder / "peer", stream) as peer:
            where = line(peer.port, country=settings.pop("country", "in"))
            check = sip_call(peer.port, *(script or (HEAR,)), **{**settings, "line": where})
            return Looked(check, await attempt(check, folder / "seen"))

    return look


def scenario(name: str, *script: Mapping[str, Any]) -> Look:
    """SIPp does as its scenario says."""
    return sounds(prompt(WELCOME), *(script or ({"stay": "1s"},)), scenario=name)


def by_baresip(sound: Sound) -> Look:
    """baresip answers, and this is heard."""

    async def look(folder: Path) -> Looked:
        write_wav(folder / "source.wav", np.concatenate((sound(), pause(20))))
        async with baresip(folder / "peer", folder / "source.wav") as port:
            check = sip_call(port, HEAR, to=f"sip:agent@127.0.0.1:{port}")
            return Looked(check, await attempt(check, folder / "seen"))

    return look


def _false(kind: str, country: str, issue: str = IVR) -> Row:
    of = "busy|congestion" if kind in ("busy", "congestion") and country == "se" else kind
    code = "|".join(f"false-answer:{one}" for one in of.split("|"))
    return Row(
        f"{kind} tone of {country}",
        "SIPp",
        "media",
        code,
        issue,
        sounds(lambda: tone(kind, country), country=country),
    )


ROWS: tuple[Row, ...] = (
    Row("486", "SIPp", "answer", "sip:486", IVR, scenario("busy")),
    Row("503, cause 34", "SIPp", "answer", "sip:503/34", PRI, scenario("no-circuit")),
    Row("rings and rings", "SIPp", "answer", "timeout", IVR, scenario("rings")),
    Row("no packet of RTP", "SIPp", "media", "no-rtp", IVR, scenario("mute")),
    Row("RTP from elsewhere", "SIPp", "media", "rtp-from-elsewhere", IVR, scenario("elsewhere")),
    Row("hangs up at once", "SIPp", "media|prompt", "early-hang-up", IVR,
        scenario("hangs-up", HEAR)),
    _false("ringback", "in"), _false("busy", "us"), _false("congestion", "de", PRI),
    _false("dial", "gb"),
    Row("SIT and an announcement", "SIPp", "media", "false-answer:sit", PRI, sounds(sit)),
    Row("announcement", "SIPp", "prompt", "unknown-prompt", IVR,
        sounds(prompt(prompts.FOLDER / "no-entry.wav"))),
    Row("the wrong prompt, known", "SIPp", "prompt", "wrong-prompt", IVR,
        sounds(prompt(MENU), HEAR, prompts=str(prompts.FOLDER))),
    Row("voicemail behind 200", "SIPp", "prompt", "voicemail", IVR, sounds(voicemail)),
    Row("fax behind 200", "SIPp", "prompt", "fax", IVR,
        sounds(lambda: np.concatenate((pause(0.5), sine(2100, 3))))),
    Row("music on hold", "SIPp", "prompt", "music-on-hold", IVR,
        sounds(prompt(MUSIC), {"hear": str(WELCOME), "within": "8s"})),
    Row("comfort noise", "SIPp", "prompt", "comfort-noise", IVR, sounds(lambda: noise(20))),
    Row("loud noise", "SIPp", "prompt", "noise", IVR, sounds(lambda: noise(1500))),
    Row("a voice that freezes", "SIPp", "prompt", "frozen", IVR, sounds(frozen)),
    Row("a voice that loops", "SIPp", "prompt", "looped", IVR, sounds(looped)),
    Row("silence", "SIPp", "prompt", "silent", IVR, sounds(lambda: pause(1))),
    Row("the menu again after a digit", "SIPp", "prompt", "dtmf-ignored", IVR,
        sounds(lambda: np.concatenate((read_wav(MENU), read_wav(MENU), read_wav(MENU))),
               {"hear": str(MENU), "within": "3s"}, {"press": "2"},
               {"hear": str(WELCOME), "within": "3s"})),
    Row("baresip says nothing", "baresip", "prompt", "silent", IVR, by_baresip(lambda: pause(1))),
    Row("baresip says another thing", "baresip", "prompt", "unknown-prompt", IVR,
        by_baresip(prompt(prompts.FOLDER / "opening-hours.wav"))),
)  # fmt: skip
