"""The voice logger: both directions of one leg, mixed, as a WAV file under the call's own name
after the call.
"""

from __future__ import annotations

import array
import asyncio
import sys
import wave
from pathlib import Path
from urllib.parse import quote

from lab.injected_faults import Faults
from lab.pbx.g711 import RATE, SILENCE, Law, decode_one, transcoding
from lab.pbx.switchboard import Party

# 100 ms: less is jitter, and is closed up; after more the packet is written where its time is, with
# silence before it.
_GAP_SAMPLES = 800
# Ten minutes, 4.8 MB for each direction: a call that nobody ends must not fill the memory.
_LARGEST = 600 * RATE


async def record(leg: Party, folder: Path, faults: Faults) -> None:
    """Record a leg from its answer, or an agent's, to its end, into `folder`."""
    await leg.begun.wait()
    # Nothing is told when a leg joins others; a frame's length is soon enough for a logger.
    while faults.broken("recording-from-agent") and not (leg.talk or leg.ended.is_set()):  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.02)
    if not leg.ended.is_set():
        recorder = Recorder(leg, folder, faults)
        await leg.ended.wait()
        await asyncio.to_thread(recorder.write)


class Recorder:
    """Keeps what goes by on a leg's stream, from now on."""

    def __init__(self, leg: Party, folder: Path, faults: Faults) -> None:
        self._faults, self._loop = faults, asyncio.get_running_loop()
        self._path = folder / f"{quote(leg.dialog.call_id, safe='')}.wav"
        self._began = self._loop.time()
        self._tracks = (bytearray(), bytearray())
        leg.stream.tap = self._take

    def _take(self, sent: bool, payload: bytes, law: Law) -> None:
        """Keep one packet at its time; both tracks are A-law, whatever the call speaks."""
        track = self._tracks[sent]
        at = round((self._loop.time() - self._began) * RATE)
        if at - len(track) > _GAP_SAMPLES:
            track += SILENCE["PCMA"][:1] * (at - len(track))
        if len(track) < _LARGEST:
            track += payload if law == "PCMA" else payload.translate(transcoding(law, "PCMA"))

    def write(self) -> None:
        """The call is over. It appears under its name when it is complete."""
        if self._faults.broken("recording-missing"):
            return
        length = min(_LARGEST, round((self._loop.time() - self._began) * RATE))
        if self._faults.broken("recording-short"):
            length //= 3
        samples = array.array(
            "h",
            bytes(2 * length) if self._faults.broken("recording-silent") else self._mixed(length),
        )
        # A WAV file is little-endian everywhere.
        if sys.byteorder == "big":
            samples.byteswap()
        # Renamed when complete: whoever waits for the file never reads half of it.
        unfinished = self._path.with_suffix(".part")
        with wave.open(str(unfinished), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())
        unfinished.rename(self._path)

    def _mixed(self, length: int) -> bytes:
        # Half of each, so that the sum of both directions cannot clip.
        table = [decode_one("PCMA", code) // 2 for code in range(256)]
        one, other = (
            bytes(track[:length]).ljust(length, SILENCE["PCMA"][:1]) for track in self._tracks
        )
        return array.array(
            "h", (table[a] + table[b] for a, b in zip(one, other, strict=True))
        ).tobytes()
