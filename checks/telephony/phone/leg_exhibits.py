"""What the process of a call leg leaves behind: the ladder, the recording, and what a page draws.

Rule: a call whose digits are a secret leaves no sound.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.telephony.phone.handset import Handset
    from checks.telephony.phone.listener import CallListener


def write(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    born: float,
    handset: Handset,
    ear: CallListener | None,
) -> None:
    """Write all of it into `folder`, and remove the engine's working files.

    `files` has the names of ladder and sound; without a message times count from `born` (monotonic
    seconds). Raises OSError.
    """
    first = next(iter(handset.ladder), None)
    text = handset.ladder.text(first.at if first else born, "Reveille")
    (folder / files["ladder"]).write_text(text, encoding="utf-8", errors="replace")
    # A secretive call leaves no recording: the digits would be heard in it.
    heard = None if handset.ladder.secretive else ear
    if heard is not None:
        from checks.telephony.audio.recording import write_both

        write_both(folder / files["sound"], heard.recording, heard.said)
    _write_picture(folder, name, handset, heard)
    # The engine's own recordings are as long as the call, and not bound.
    for path in folder.glob(f".{name}-*.wav"):
        path.unlink(missing_ok=True)


def _write_picture(folder: Path, name: str, handset: Handset, ear: CallListener | None) -> None:
    """What a page draws of this leg; the daemon gathers it (checks/telephony/call/page_data.py)."""
    drawn: dict[str, Any] = {"ladder": handset.ladder.steps(), "losses": handset.meter.losses()}
    if ear is not None:
        from checks.telephony.audio.waveform import track

        drawn |= {"heard": track(ear.recording), "said": track(ear.said)}
    (folder / f".{name}-picture.json").write_text(json.dumps(drawn), encoding="utf-8")
