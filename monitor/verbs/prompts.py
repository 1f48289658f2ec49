"""prompt learn: a reference recording out of a real call."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks.contract import CannotTell, Failed, Observation, Trace
from checks.settings import nearest, parse_duration
from checks.telephony.call.script import Pause, Press
from checks.telephony.prompt_learning import cut, path_in, recording_call
from checks.telephony.sip_call import SipCall
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.terminal import colourful, complain, say, show_json
from monitor.verbs.opening import Stop, configuration_of, entry_of

_BARS = " ▁▂▃▄▅▆▇█"
_NO_PROMPT = (
    # What the audio analysis calls them: none of these is somebody speaking.
    "ringback",
    "busy",
    "congestion",
    "dial",
    "sit",
    "fax",
    "frozen",
    "looped",
    "noise",
    "tone",
)
# Shorter than a word: a click, or the end of a ringback tone.
_LEAST_SECONDS = 0.3
# ITU-T P.56 speech levels of trunks lie around -20 dBm0; 15 dB below that a caller strains to hear.
_QUIET_DBM0 = -35.0


def learn(arguments: Namespace) -> int:
    """Place a call, record what is heard, cut the prompt out of it and keep it as a WAV. 0 kept, 1
    nothing was learned, 2 it was there and is not to be replaced.
    """
    configuration = configuration_of(arguments)
    check, target = _call(configuration, arguments), _target(configuration, arguments)
    with tempfile.TemporaryDirectory(prefix="reveille-prompt-") as scratch:
        folder = Path(scratch)
        seconds = _duration(arguments.seconds, "--seconds")
        seen = asyncio.run(_observed(recording_call(check, target.name, seconds), folder))
        if not (folder / "call.wav").exists():
            complain(f"nothing was learned: {_why(seen)}")
            return 1
        gap = _duration(arguments.gap, "--gap")
        try:
            learned = asyncio.run(cut(folder, seen, gap, check.line.country))
        except CannotTell as problem:
            complain(f"nothing was learned: {problem}")
            return 1
        return _keep(arguments, folder, target, learned, seen)


def _call(configuration: Configuration, arguments: Namespace) -> SipCall:
    """The call to place: a check's own, or one to a number. Raises Stop."""
    # Exactly one of both: with neither nothing is called, and with both one would silently win.
    if bool(arguments.check) == bool(arguments.to):
        raise Stop("say whom to call: --check CHECK, or --to NUMBER --line LINE")
    if arguments.check:
        probe = entry_of(configuration, arguments.check).probe
        if not isinstance(probe, SipCall):
            raise Stop(
                f"[checks.{arguments.check}] is of the kind {probe.KIND}, and only a sip-call hears"
                " prompts"
            )
        return probe
    lines = configuration.lines
    if arguments.line not in lines:
        hint = nearest(arguments.line, list(lines)) or f"; there are {', '.join(lines)}"
        raise Stop(f"there is no [lines.{arguments.line}]{hint}")
    # Two seconds before the digits: an IVR that just answered often does not listen yet.
    digits = (Pause(pause=2.0), Press(press=arguments.press)) if arguments.press else ()
    return SipCall(line=lines[arguments.line], to=arguments.to, script=digits)


def _target(configuration: Configuration, arguments: Namespace) -> Path:
    """Where it is kept: where the check hears it from, else in its folder of prompts, else beside
    the configuration.
    """
    name = Path(arguments.name)
    if name.suffix != ".wav":
        name = name.with_name(f"{name.name}.wav")
    if name.parent != Path() or not arguments.check:
        return configuration.directory / name
    check = _call(configuration, arguments)
    return path_in(check, name.name) or (check.prompts or configuration.directory) / name


async def _observed(check: SipCall, folder: Path) -> Observation:
    trace = Trace(SystemClock().monotonic, folder)
    trace.listener = lambda stage: complain(f"\x1b[2m  {stage}\x1b[0m") if colourful() else None
    try:
        async with asyncio.timeout(check.longest_seconds()):
            await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    except TimeoutError:
        return trace.observation(blind="it took too long")
    return trace.observation()


def _keep(
    arguments: Namespace, folder: Path, target: Path, learned: Mapping[str, Any], seen: Observation
) -> int:
    trouble = _why(seen)
    if learned["kind"] in _NO_PROMPT or learned["seconds"] < _LEAST_SECONDS:
        complain(f"nothing was learned: {learned['words']}{f' ({trouble})' if trouble else ''}")
        return 1
    picture = target.with_suffix(".svg")
    if arguments.json:
        show_json({**learned, "file": str(target), "picture": str(picture), "trouble": trouble})
    else:
        _show(learned, trouble)
    if target.exists() and not (arguments.yes or _is_wanted(target)):
        complain(f"{target} is there already and was left as it is")
        return 2
    target.parent.mkdir(parents=True, exist_ok=True)
    # Copied beside its place and then renamed: a check that runs meanwhile hears the old prompt or
    # the new one.
    for written, kept in ((folder / "prompt.wav", target), (folder / "prompt.svg", picture)):
        part = kept.with_name(f".{kept.name}.part")
        shutil.copyfile(written, part)
        part.replace(kept)
    if not arguments.json:
        say(f"{target} is written; its picture is {picture.name}")
    return 0


def _show(learned: Mapping[str, Any], trouble: str) -> None:
    say("".join(_BARS[level] for level in learned["bars"]))
    sounds = f"{learned['sounding_percent']:.0f} % of it sounds"
    say(f"{learned['seconds']:.1f} s at {learned['level_dbm0']:.0f} dBm0, {sounds}")
    if learned["level_dbm0"] < _QUIET_DBM0:
        say("it is very soft: is this what a caller should hear?")
    if not learned["whole"]:
        say("it sounded until the recording ended and may be cut off: give it more --seconds")
    if trouble:
        say(f"the call itself did not end well: {trouble}")


def _is_wanted(target: Path) -> bool:
    """Asks a person; without one the answer is no."""
    if not sys.stdin.isatty():
        complain(f"{target} is there already; --yes replaces it")
        return False
    complain(f"{target} is there already. Replace it? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _why(seen: Observation) -> str:
    if seen.blind:
        return seen.blind
    fault = seen.fault
    return ", ".join(filter(None, (f"{fault.stage}: {fault.code}", fault.text))) if fault else ""


def _duration(written: str, option: str) -> float:
    try:
        return parse_duration(written)
    except ValueError as problem:
        raise Stop(f"{option}: {problem}") from None
