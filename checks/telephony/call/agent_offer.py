"""Our own agent's phone before it is in the call: what it takes, and what its refusal means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from checks.contract import Failed, Trace
from checks.telephony.call.feature_steps import CallerId
from checks.telephony.call.leg import Event, Phone
from checks.telephony.call.script import AgentStep


def picks_up(script: Sequence[object]) -> bool:
    """Whether a script calls the agent directly: nothing comes before it."""
    return bool(script) and isinstance(script[0], AgentStep)


def screens(script: Sequence[object], own: str | None) -> dict[str, dict[str, Any]]:
    """Which calls the agent's phone is to take, before it can be reached: those of `caller`, or of
    our line's `own` number.
    """
    step = next((step for step in script if isinstance(step, AgentStep)), None)
    if step is None:
        return {}
    # A script that judges the number shown must be rung whatever is shown: the registrar's calls
    # are all taken then.
    judged = any(isinstance(other, CallerId) for other in script)
    wanted = None if judged else own
    return {"agent": {"caller": step.caller, "own": wanted, "picks_up": picks_up(script)}}


@contextmanager
def refusals(trace: Trace, agent: Phone | None) -> Iterator[None]:
    """While a call awaits its answer: says if it was our own agent's phone that refused it. Raises
    Failed.
    """
    try:
        yield
    except Failed:
        if agent is not None and (refusal := agent.seen("offer-refused")):
            with trace.stage("agent"):
                raise unfit("of the number called", refusal) from None
        raise


def unfit(name: str, refusal: Event) -> Failed:
    """The fault of an offer that our own agent's phone refused."""
    code = "no-srtp" if refusal["srtp"] == "required" else "not-rung"
    return Failed(code, f"agent {name!r} refused what the call to it offered ({refusal['code']})")
