"""Prompts through a codec of the call engine itself: real calls between two telephones of ours on
this machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from checks.telephony.audio.sound import RATE, Samples, from_pcm
from checks.telephony.call.leg import Phone
from tests.bench.voices import write_prompts

CALLS = 4
GAP = RATE // 4
MOST_SECONDS = 30.0
"""of sound in each call: calls take their time"""
TRIES = 3
SLIP_SAMPLES = RATE // 20
_WITHIN = 30.0


async def through_calls(
    folder: Path, prompts: Mapping[str, Samples], codec: str
) -> dict[str, Samples]:
    """As many of the prompts as fit into a few calls, as the called telephone heard them."""
    shares: list[dict[str, Samples]] = [{} for _ in range(CALLS)]
    for index, (name, sound) in enumerate(prompts.items()):
        share = shares[index % CALLS]
        if sum(len(part) + GAP for part in share.values()) + len(sound) < MOST_SECONDS * RATE:
            share[name] = sound
    heard = await asyncio.gather(
        *(
            _steady_call(folder / f"{codec}-{number}", share, codec)
            for number, share in enumerate(shares)
        )
    )
    return {name: sound for part in heard for name, sound in part.items()}


async def _steady_call(folder: Path, prompts: dict[str, Samples], codec: str) -> dict[str, Samples]:
    """Again where this machine was too busy to keep a call's time (the engine then drops sound for
    good); what never comes whole is left out of the matrix, and is seen in its column "of".
    """
    for again in range(TRIES):
        parts, slipped = await _call(folder.with_name(f"{folder.name}-{again}"), prompts, codec)
        if abs(slipped) <= SLIP_SAMPLES:
            return parts
    return {}


async def _call(
    folder: Path, prompts: dict[str, Samples], codec: str
) -> tuple[dict[str, Samples], int]:
    """What was heard of each prompt, and by how many samples time slipped from the call's first
    half to its last.
    """
    await asyncio.to_thread(folder.mkdir)
    said = write_prompts(folder, prompts, GAP)
    seconds = sum(len(sound) + GAP for sound in prompts.values()) / RATE
    caller, callee = await _opened(folder, "caller", codec), await _opened(folder, "callee", codec)
    try:
        port = (await callee.until("ready", within=_WITHIN))["port"]
        caller.order("call", to=f"sip:callee@127.0.0.1:{port}", headers={})
        await callee.until("incoming", within=_WITHIN)
        callee.order("answer", status=200)
        for phone in (caller, callee):
            spoken = await phone.until("media", within=_WITHIN)
            assert spoken["codec"].upper() == codec.upper(), spoken
            await phone.until("rtp-first", within=_WITHIN)
        caller.order("play", file=str(said), again=False)
        try:
            await callee.until("never", within=seconds + 1)
        except TimeoutError:
            heard = from_pcm((folder / ".callee-heard.wav").read_bytes()[44:])
    finally:
        await asyncio.gather(caller.close(), callee.close())
    return _parts(prompts, heard)


async def _opened(folder: Path, name: str, codec: str) -> Phone:
    phone = await Phone.start(log=folder / f"{name}.log")
    who = {"address": f"sip:{name}@127.0.0.1", "local_address": "127.0.0.1", "codecs": [codec]}
    files = {"sound": f"{name}.wav", "ladder": f"{name}.txt"}
    phone.order("open", name=name, folder=str(folder), files=files, life_seconds=300, account=who)
    await phone.until("ready", within=_WITHIN)
    return phone


def _parts(prompts: Mapping[str, Samples], heard: Samples) -> tuple[dict[str, Samples], int]:
    """Each prompt's stretch of what was heard: the stream's place is found by its loudness over
    time.
    """
    whole = np.concatenate(
        [part for sound in prompts.values() for part in (sound, np.zeros(GAP, dtype=np.float32))]
    )
    begins = _delay(whole, heard)
    found, at = {}, begins
    for name, sound in prompts.items():
        found[name] = heard[max(0, at) : max(0, at) + len(sound)]
        at += len(sound) + GAP
    half = len(whole) // 2
    early = _delay(whole[:half], heard[: begins + half])
    late = _delay(whole[half:], heard[begins + half - 2 * RATE :]) + half - 2 * RATE + begins - half
    return found, late - early


def _delay(said: Samples, heard: Samples) -> int:
    """Where in `heard` the first sample of `said` is, to ten milliseconds."""
    hop = RATE // 100
    loud = [
        np.sqrt(np.square(x[: len(x) // hop * hop]).reshape(-1, hop).mean(axis=1))
        for x in (said, heard)
    ]
    size = 1 << (len(loud[0]) + len(loud[1])).bit_length()
    a, b = (np.fft.rfft(x - x.mean(), size) for x in loud)
    crossed = np.fft.irfft(b * np.conj(a), size)
    crossed[len(loud[1]) : size - 100] = -np.inf
    best = int(crossed.argmax())
    return (best if best < size - 100 else best - size) * hop
