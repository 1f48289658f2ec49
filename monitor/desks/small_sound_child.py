"""The process that makes a recording small: takes its job from standard input, and writes the MP3.

{"wav": "/…/call.wav", "mp3": "/…/call.mp3"}
{"done": 360765}       its size in bytes
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from checks.process.child import telling

# Telephone sound ends at 4 kHz, or at 8 kHz with wide-band codecs. 16 kHz is the lowest rate of
# MPEG-2 Layer III (ISO/IEC 13818-3), which every phone plays; lower ones are no standard's.
_HERTZ = 16_000
# Both ears apart; of a minute it makes 360 kB where WAV at 8 kHz has 1.9 MB.
_BITS_A_SECOND = 48_000


def main() -> int:
    """Make it. The exit code is 0; what broke ends it with a traceback, which the parent reads."""
    job, tell = json.load(sys.stdin), telling()
    tell(done=made_small(Path(job["wav"]), Path(job["mp3"])))
    return 0


def made_small(wav: Path, mp3: Path) -> int:
    """Write the MP3 of a recording, whole or not at all; its size in bytes. Raises OSError, and
    ValueError for what is no recording.
    """
    import av

    part = mp3.with_suffix(f".{os.getpid()}.part")
    try:
        own = os.open(wav, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with (
            os.fdopen(own, "rb") as file,
            av.open(file, "r", format="wav") as read,
            av.open(str(part), "w", format="mp3") as written,
        ):
            heard = read.streams.audio[0]
            stream = written.add_stream("libmp3lame", rate=_HERTZ)
            stream.bit_rate = _BITS_A_SECOND
            stream.codec_context.layout = "stereo" if heard.channels == 2 else "mono"
            stream.codec_context.format = "s16p"
            for frame in read.decode(heard):
                written.mux(stream.encode(frame))
            written.mux(stream.encode(None))
        part.replace(mp3)
    finally:
        part.unlink(missing_ok=True)
    return mp3.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
