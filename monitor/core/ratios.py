"""What a run of test calls says of a trunk: RFC 6076 and the telecom ratios, each with its n and
its Wilson interval.

Counted are call attempts, never INVITE messages, so a challenge (401, 407) and its answer are one
attempt. An attempt that could not tell counts nowhere. With 2 to 48 calls a day a bare percentage
says little: a ratio of nothing has no percentage at all and is never a reason for an alarm.

SER, SEER, ISA, SCR, IRA: RFC 6076 sections 4.6 to 4.10 and 4.2 · ASR, ACD: ITU-T E.411 · NER: ITU-T
E.425 · PDD: INVITE until it rings or is answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from checks import ratio
from checks.contract import Observation

_STATUS = re.compile(r"sip:(\d{3})")
# RFC 6076 section 4.7: answers by which the network has done its part, whether or not the called
# party spoke.
_EFFECTIVE = (200, 480, 486, 600, 603)
# RFC 6076 section 4.8: what an overloaded or failing network says; a callee who is busy or absent
# is none of these.
_INEFFECTIVE = (408, 500, 503, 504)
# What the called terminal, or its proxy in the user's name, says of the user: for NER (ITU-T E.425)
# the network worked.
_TERMINAL_REJECTS = (480, 484, 600, 603, 604, 606)
# 486 is busy at this terminal, 600 busy everywhere (RFC 3261 sections 21.4.24 and 21.6.1).
_BUSY = (486, 600)


@dataclass(frozen=True, slots=True)
class CallAttempt:
    """One INVITE and what became of it. `status` is its final response, None when none came in
    time.
    """

    status: int | None
    answered: bool = False
    rang: bool = False
    completed: bool = False
    """ended by us, properly"""
    request_delay_seconds: float | None = None
    """SRD: INVITE until the first response"""
    post_dial_delay_seconds: float | None = None
    disconnect_delay_seconds: float | None = None
    """SDD: BYE until its answer"""
    talk_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """`hits` of `of`; percent and its 95 % Wilson interval are None for a ratio of nothing."""

    name: str
    hits: int
    of: int

    @property
    def percent(self) -> float | None:
        """The share in percent, from 0 to 100; None for a ratio of nothing."""
        return 100 * self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between which percentages it lies, 19 times of 20."""
        # Wilson's interval: the plain normal one would claim "0 to 0 %" after ten calls without a
        # failure.
        return ratio.Ratio(self.hits, self.of).interval()


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds of those attempts that had it: how many, the mean, the longest."""

    name: str
    n: int
    mean_seconds: float | None
    longest_seconds: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Ratios and delays of all call attempts within a window of time."""

    attempts: int
    ratios: tuple[Ratio, ...]
    delays: tuple[Delay, ...]


def attempt_of(seen: Observation) -> CallAttempt | None:
    """What a look at a number says as a call attempt; None when it could not tell, or no INVITE
    went out.
    """
    reached = {stage.name for stage in seen.stages}
    if seen.blind is not None or not reached & {"signalling", "answer"}:
        return None
    answered = "answer_seconds" in seen.measures
    found = _STATUS.match(seen.fault.code) if seen.fault and not answered else None
    stages = {stage.name: stage for stage in seen.stages}
    media, bye = stages.get("media"), stages.get("hang-up")
    early = seen.fault is not None and seen.fault.code == "early-hang-up"
    return CallAttempt(
        status=200 if answered else int(found[1]) if found else None,
        answered=answered,
        rang="ring" in reached,
        completed=answered and bye is not None and bye.passed and not early,
        request_delay_seconds=seen.measures.get("signalling_seconds"),
        post_dial_delay_seconds=seen.measures.get("pdd_seconds"),
        disconnect_delay_seconds=seen.measures.get("hang_up_seconds"),
        talk_seconds=max(0.0, bye.began - media.began) if answered and media and bye else None,
    )


def figures(seen: Iterable[Observation]) -> Figures:
    """The ratios and delays of the calls of a window."""
    looks = list(seen)
    attempts = [attempt for look in looks if (attempt := attempt_of(look)) is not None]
    return Figures(len(attempts), (*_ratios(attempts), _registrations(looks)), _delays(attempts))


def _ratios(attempts: Sequence[CallAttempt]) -> tuple[Ratio, ...]:
    def count(fits: Callable[[CallAttempt], bool]) -> int:
        return sum(map(fits, attempts))

    # A 3xx only sends the caller elsewhere: RFC 6076 takes it out of the denominators of SER and
    # SEER.
    n, redirected = len(attempts), count(lambda a: a.status is not None and 300 <= a.status < 400)
    return (
        Ratio("SER", count(lambda a: a.status == 200), n - redirected),
        Ratio("SEER", count(lambda a: a.status in _EFFECTIVE), n - redirected),
        Ratio("ISA", count(_is_ineffective), n),
        Ratio("SCR", count(lambda a: a.completed), n),
        Ratio("ASR", count(lambda a: a.answered), n),
        Ratio("NER", count(_is_network_effective), n),
    )


def _is_ineffective(attempt: CallAttempt) -> bool:
    """408, 500, 503, 504, or no final response although nothing rang (Timer B)."""
    # Nothing final and no ringing is what Timer B (RFC 3261 section 17.1.1.2, 64 x T1 = 32 s) makes
    # of a dead next hop.
    return attempt.status in _INEFFECTIVE or (attempt.status is None and not attempt.rang)


def _is_network_effective(attempt: CallAttempt) -> bool:
    """Answered, busy, rang without an answer, or rejected by the far terminal."""
    rang_out = attempt.status is None and attempt.rang
    return attempt.answered or rang_out or attempt.status in (*_BUSY, *_TERMINAL_REJECTS)


def _registrations(looks: Sequence[Observation]) -> Ratio:
    """IRA: of the registrations tried, those that failed."""
    tried = [
        # A REGISTER that was challenged and then accepted is one stage, as a call is one attempt.
        stage
        for look in looks
        if look.blind is None
        for stage in look.stages
        if stage.name == "register"
    ]
    return Ratio("IRA", sum(not stage.passed for stage in tried), len(tried))


def _delays(attempts: Sequence[CallAttempt]) -> tuple[Delay, ...]:
    kinds: dict[str, list[float | None]] = {
        "SRD": [a.request_delay_seconds for a in attempts],
        "PDD": [a.post_dial_delay_seconds for a in attempts],
        "SDD": [a.disconnect_delay_seconds for a in attempts],
        "ACD": [a.talk_seconds for a in attempts],
    }
    return tuple(
        _delay(name, [s for s in seconds if s is not None]) for name, seconds in kinds.items()
    )


def _delay(name: str, seconds: Sequence[float]) -> Delay:
    if not seconds:
        return Delay(name, 0, None, None)
    return Delay(name, len(seconds), sum(seconds) / len(seconds), max(seconds))
