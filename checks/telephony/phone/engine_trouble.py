"""What the engine's processes share in going wrong: an exception in a callback, which the engine
would print and swallow, and the end of a process that is told to the daemon. Only for the child
processes of calls.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from checks.process.channel import Channel


def kept_by(owner: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A callback whose exception reaches the loop: it is put into `broken` of the attribute
    `owner`, and raised again where that is polled.
    """

    def keeping(callback: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(callback)
        def call(self: Any, parameter: Any) -> None:
            try:
                callback(self, parameter)
            except Exception as problem:  # noqa: BLE001 - raised again where the owner is polled
                getattr(self, owner).broken = problem

        return call

    return keeping


def run_to_the_end(channel: Channel, run: Callable[[], None], leave: Callable[[], None]) -> None:
    """Run a process until its work is over, or tell the daemon why it is not; does not return."""
    try:
        run()
    except BaseException as problem:  # noqa: BLE001 - the daemon is told of any
        said = getattr(problem, "reason", "") or problem
        channel.tell("broken", text=f"{type(problem).__name__}: {said}")
        with suppress(BaseException):  # the far end is told if it can be; it ends either way
            leave()
        os._exit(1)
    os._exit(0)
