"""Whether a check flaps: the share of changes among its last 21 states, the newer the heavier.

As Nagios has it (nagioscore base/flapping.c): transition x = 1..20, the oldest first, weighs 0.75 +
(x - 1) · 0.5 / 19; percent = sum · 100 / 20. Leaving that way takes some sixteen stable checks, so
a quiet time ends it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# Nagios keeps 21 states, and so looks at 20 changes (MAX_STATE_HISTORY_ENTRIES).
STATES = 21
# From 0.75 for the oldest change to 1.25 for the newest: the mean is 1, so that the sum is still a
# percentage.
_WEIGHTS = tuple(0.75 + place * 0.5 / 19 for place in range(STATES - 1))


@dataclass(frozen=True, slots=True)
class FlapLimits:
    """Flapping begins above `start_percent` and ends below `stop_percent`, or after `quiet_seconds`
    without change.
    """

    # Both limits are those of the nagios.cfg that Nagios ships (high_ and
    # low_service_flap_threshold).
    start_percent: float = 20.0
    stop_percent: float = 5.0
    # A check that looks twice a day would need eight days for sixteen stable looks; an hour of
    # quiet ends it sooner.
    quiet_seconds: float = 3600.0

    def __post_init__(self) -> None:
        if not 0 < self.stop_percent <= self.start_percent <= 100 or self.quiet_seconds <= 0:
            raise ValueError(f"{self}: 0 < stop <= start <= 100 percent, and a quiet time above 0")


DEFAULT_LIMITS = FlapLimits()


@dataclass(frozen=True, slots=True)
class Flap:
    """The last states of one check, the oldest first, and whether it flaps. A missing history
    counts as stable.
    """

    states: tuple[str, ...] = ()
    flapping: bool = False
    changed_at: datetime | None = None

    def percent(self) -> float:
        """The weighted share of changes, 0 to 100."""
        changes = [old != new for old, new in zip(self.states, self.states[1:], strict=False)]
        weights = _WEIGHTS[len(_WEIGHTS) - len(changes) :]
        return (
            sum(weight for weight, changed in zip(weights, changes, strict=True) if changed)
            * 100
            / (STATES - 1)
        )

    def seen(self, state: str, at: datetime, limits: FlapLimits = DEFAULT_LIMITS) -> Flap:
        """The history with one more state: OK, DEGRADED or FAILED; UNKNOWN is no state."""
        # The usual look changes nothing in a full row of equal states: it makes no new object,
        # whatever the number of checks.
        if not self.flapping and self.states == (state,) * STATES:
            return self
        changed = bool(self.states) and state != self.states[-1]
        longer = replace(
            self,
            states=(*self.states, state)[-STATES:],
            changed_at=at if changed or not self.states else self.changed_at,
        )
        return longer._judged(at, limits)

    def _judged(self, at: datetime, limits: FlapLimits) -> Flap:
        # After the quiet time the old changes are forgotten; kept, they would count against the
        # first failure that comes next.
        if self.flapping and self._quiet(at, limits):
            return Flap(self.states[-1:], False, self.changed_at)
        percent = self.percent()
        if percent > limits.start_percent:
            return replace(self, flapping=True)
        return replace(self, flapping=False) if percent < limits.stop_percent else self

    def _quiet(self, at: datetime, limits: FlapLimits) -> bool:
        return self.changed_at is not None and at - self.changed_at >= timedelta(
            seconds=limits.quiet_seconds
        )

    def to_dict(self) -> dict[str, object]:
        """As plain data, for the ledger."""
        changed = self.changed_at.isoformat() if self.changed_at else None
        return {"states": list(self.states), "flapping": self.flapping, "changed_at": changed}

    @classmethod
    def from_dict(cls, body: Mapping[str, object]) -> Flap:
        """What `to_dict` gave; an empty mapping is a check without history."""
        states, changed = body.get("states"), body.get("changed_at")
        return cls(
            states=tuple(str(state) for state in states) if isinstance(states, list) else (),
            flapping=body.get("flapping") is True,
            changed_at=datetime.fromisoformat(changed) if isinstance(changed, str) else None,
        )
