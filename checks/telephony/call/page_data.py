"""What a page shows of a call, gathered from its legs as plain data (picture.json): the ladder,
both waveforms with the prompts that were heard or awaited, levels and loss over time. All times are
seconds since the INVITE.

The heavy part (envelopes) was made in the phones' processes; here it is only put on one time line.
Rule: small, and without secrets; a leg that left nothing is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from checks.telephony.call.leg import Event, Phone

NAME = "picture.json"
# 600 kB hold both waveforms, the ladder and the losses of the longest call; more is broken.
_LARGEST = 600_000
# More marks than that are no picture any more.
_MOST_MARKS = 60


def gather(folder: Path, legs: Mapping[str, Phone], zero: float) -> dict[str, Any]:
    """The picture of every leg that drew one; `zero` is monotonic seconds. Its working files are
    removed.
    """
    drawn = {
        name: _leg(folder / f".{name}-picture.json", phone, zero) for name, phone in legs.items()
    }
    return {"legs": {name: leg for name, leg in drawn.items() if leg}}


def _leg(file: Path, phone: Phone, zero: float) -> dict[str, Any]:
    """The picture of one leg; {} where there is none. Raises nothing."""
    found: dict[str, Any] = {}
    # A picture is worth less than the observation: a broken one is left out.
    with suppress(OSError, ValueError):
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if len(text) <= _LARGEST else {}
    file.unlink(missing_ok=True)
    if not found:
        return {}
    for track in ("heard", "said"):
        if track in found:
            found[track]["began"] = round(found[track]["began"] - zero, 3)
    found["losses"] = [[round(at - zero, 3), *rest] for at, *rest in found.get("losses", [])]
    for step in found.get("ladder", []):
        step["at"] = round(step["at"] - zero, 4)
    marks = sorted(_marks(phone), key=lambda mark: mark["from"])[:_MOST_MARKS]
    found["marks"] = [
        {**mark, "from": round(mark["from"] - zero, 3), "to": round(mark["to"] - zero, 3)}
        for mark in marks
    ]
    return found


def _marks(phone: Phone) -> Iterator[dict[str, Any]]:
    """Stretches of a track: what was awaited, what was recognised, what was said."""
    for order in phone.orders:
        if order.name == "listen":
            yield from _prompt(phone, order)
    for event in phone.events:
        match event.name:
            case "pressed" | "dtmf":
                # Digits of a secretive call come masked from the phone's process.
                digits = str(event.facts.get("digits", event.facts.get("digit", "")))[:32]
                track = "said" if event.name == "pressed" else "heard"
                yield _mark(track, "digit", event.at, event.at, digits)
            case "challenge-heard":
                began = float(event.facts.get("began", event.at))
                yield _mark("heard", "recognised", began, max(began, event.at), "challenge")
            case "challenge-not-heard":
                yield _mark("heard", "missed", event.at, event.at, "challenge")
            case "answered" | "far-bye" | "hung-up":
                yield _mark("call", event.name, event.at, event.at, event.name)


def _prompt(phone: Phone, order: Event) -> Iterator[dict[str, Any]]:
    paths = [
        Path(str(path))
        for path in order.facts.get("references") or [order.facts.get("reference", "")]
    ]
    awaited = order.at + float(order.facts.get("within", 0.0))
    step = order.facts.get("step")
    if (heard := phone.seen("heard", step=step)) is not None:
        name = Path(str(heard.facts.get("reference", paths[0]))).name
        path = next((path for path in paths if path.name == name), paths[0])
        began = float(heard.facts.get("began", order.at + float(heard.facts.get("seconds", 0.0))))
        text = f"{heard.facts['coverage']:.0%} covered" if "coverage" in heard.facts else ""
        yield _mark("heard", "recognised", began, began + _seconds(path), name, text)
        return
    missed = phone.seen("not-heard", step=step)
    until = missed.at if missed else awaited
    names = " or ".join(path.name for path in paths)
    yield _mark(
        "heard",
        "missed",
        order.at,
        until,
        names,
        str(missed.facts.get("code", "")) if missed else "",
    )


def _mark(
    track: str, kind: str, began: float, ended: float, name: str, text: str = ""
) -> dict[str, Any]:
    return {
        "track": track,
        "kind": kind,
        "from": began,
        "to": ended,
        "name": name[:80],
        "text": text[:120],
    }


def _seconds(path: Path) -> float:
    """The length of a reference (8 kHz, mono, 16-bit) in seconds, by its file size."""
    with suppress(OSError):
        # 44 bytes of header, two bytes a sample, 8000 samples a second.
        return max(0.0, (path.stat().st_size - 44) / 16000)
    return 0.0
