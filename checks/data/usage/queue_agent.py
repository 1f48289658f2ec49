"""An agent of the queues, as far as a day's log tells. Pure; only for the child process."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Agent:
    """One agent's day; seconds within the day."""

    logged_in_seconds: int = 0
    paused_seconds: int = 0
    """pauses that are not wrap-up"""
    wrap_seconds: int = 0
    talk_seconds: int = 0
    handled: int = 0
    not_answered: int = 0
    """rung, and did not answer"""
    # What the log has told so far; UTC seconds.
    since: int | None = None
    memberships: set[str] = field(default_factory=set)
    paused_in: set[str] = field(default_factory=set)
    paused_everywhere: bool = False
    paused_since: int | None = None
    restarted: int | None = None
    pause_is_wrap: bool = False
    seen: bool = False
    came: bool = False
    seen_today: bool = False

    def was_there(self) -> bool:
        """Whether there is anything to say of the day: seen at work in it, or logged in and not off
        again before it.
        """
        return self.seen_today or (self.came and self.logged_in_seconds > 0)
