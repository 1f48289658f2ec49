"""A reference recording out of a real call: the call is placed as a check would place it, and what
is heard is recorded and cut.

The sound is worked on in a process of its own (audio/prompt_cutting.py): numpy stays out of whoever
asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks.contract import CannotTell, Observation
from checks.process.parent import answered, python
from checks.telephony.call.script import Hear, Press, Script, Stay
from checks.telephony.sip_call import SipCall

# A prompt may begin right with the answer, before the hold is begun.
_MARGIN_SECONDS = 0.5
# A call of minutes is cut within a second or two.
_CUT_SECONDS = 60.0


def recording_call(check: SipCall, name: str, seconds: float) -> SipCall:
    """The same call, that goes by the script up to where NAME is to be heard (to its last digit
    when it is heard nowhere) and then stands for so long.
    """
    return check.model_copy(
        update={
            "script": (*_before(check.script, name), Stay(stay=seconds)),
            # Learning judges nothing: silence, or the lack of an answer, is told by the cutting.
            "listen": 0.0,
            "dead_air": 0.0,
        }
    )


def path_in(check: SipCall, name: str) -> Path | None:
    """The recording of this name that the check hears already."""
    steps = [step for step in check.script if isinstance(step, Hear)]
    return next((path for step in steps for path in step.references if path.name == name), None)


def _before(script: Script, name: str) -> Script:
    for number, step in enumerate(script):
        if isinstance(step, Hear) and name in {path.name for path in step.references}:
            return script[:number]
    last = max(
        (number for number, step in enumerate(script) if isinstance(step, Press)), default=-1
    )
    return script[: last + 1]


async def cut(
    folder: Path, seen: Observation, gap_seconds: float, country: str | None
) -> Mapping[str, Any]:
    """Cut the prompt out of the call's recording in `folder`. Raises CannotTell."""
    stood = sum(stage.seconds for stage in seen.stages if stage.name == "hold")
    # After a digit the rest of the old prompt comes first, and is cut away.
    pressed = any(stage.name == "press" for stage in seen.stages)
    job = {
        "recording": str(folder / "call.wav"),
        "last_seconds": stood + (0.0 if pressed else _MARGIN_SECONDS),
        "after_steps": pressed,
        "gap_seconds": gap_seconds,
        "country": country,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    try:
        answer = await answered(
            python("checks.telephony.audio.prompt_cutting", str(folder)), b"", _CUT_SECONDS
        )
    except TimeoutError:
        raise CannotTell(f"the recording was not cut within {_CUT_SECONDS:g} s") from None
    except OSError as problem:
        raise CannotTell(f"the recording cannot be cut: {problem.strerror or problem}") from problem
    if answer.status:
        # The end of a traceback names the reason.
        raise CannotTell(f"the recording cannot be cut: {answer.complaint[-200:]}")
    learned: dict[str, Any] = json.loads((folder / "learned.json").read_text(encoding="utf-8"))
    return learned
