"""Calls that a telephone does not take: they get 486 (Busy Here), or 403 (Forbidden) where they do
not come from the line's registrar, once the engine has announced them.

To hang up within the engine's own callback of an incoming call aborts it
(pjsip_rx_data_free_cloned), and with it the call that stands: anybody's INVITE would end ours.
"""

from __future__ import annotations

from typing import Any

import pjsua2 as pj


class Door:
    """Where calls wait to be turned away."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Any, int]] = []
        self._gone: list[Any] = []

    def turn_away(self, account: Any, call_id: int, status: int) -> None:
        """Note a call of the engine that is not taken."""
        self._waiting.append((pj.Call(account, call_id), status))

    def answer(self) -> None:
        """A refusal to whoever waits; one that has given up meanwhile is let go."""
        # A call that is let go of before it is over would be hung up a second time.
        self._gone = [call for call in self._gone if call.isActive()]
        while self._waiting:
            call, status = self._waiting.pop()
            parameter = pj.CallOpParam(True)
            parameter.statusCode = status
            try:
                call.hangup(parameter)
            # The caller took it back meanwhile.
            except pj.Error:
                continue
            self._gone.append(call)
