"""The queue: rings free, registered agents, the longest idle first, and bridges the first who
answers.

The caller hears ringback while an agent rings, music while there is none. An agent who does not
answer, or refuses, has his turn again later. Rule: a caller never leaves the queue but by his own
will or through an agent.
"""

from __future__ import annotations

import asyncio

from lab.pbx import sip_messages, tones
from lab.pbx.registrar import Binding
from lab.pbx.switchboard import Callee, Party, Switchboard
from lab.pbx.talk import Talk
from lab.pbx.until_first import until_first

# Asterisk's default for a queue member, and long enough for an agent's hand.
RING_SECONDS = 15.0
# An agent who did not answer is left alone for so long: others are rung meanwhile.
REST_SECONDS = 3.0
# Beside every registration, a waiting caller's queue looks for free agents so often: an agent who
# has rested registers nothing.
LOOK_SECONDS = 0.5


class Queue:
    """The one queue of the main number."""

    def __init__(self, exchange: Switchboard, agents: tuple[str, ...]) -> None:
        """`agents`: the users that it rings."""
        self._exchange, self._agents = exchange, agents
        self._busy: set[str] = set()
        self._not_before: dict[str, float] = dict.fromkeys(agents, 0.0)
        self.waiting: list[Party] = []
        # Agents who are rung only once they have logged in, with their personal numbers (PIN).
        self.pins: dict[str, str] = {}
        self.logged_in: set[str] = set()

    async def serve(self, caller: Party) -> None:
        """Keep a caller until he has talked to an agent. Cancelled when the caller hangs up."""
        self.waiting.append(caller)
        try:
            while (agent := await self._reach_an_agent(caller)) is None:
                pass
        finally:
            self.waiting.remove(caller)
        await self._talk(caller, agent)

    # --- finding somebody

    async def _reach_an_agent(self, caller: Party) -> Callee | None:
        """One look round; waits with music when there is nobody to ring."""
        binding = self._longest_idle()
        if binding is None:
            caller.loop(tones.music(caller.stream.law))
            await until_first(self._exchange.registrar.changed.wait(), asyncio.sleep(LOOK_SECONDS))
            return None
        self._busy.add(binding.user)
        try:
            leg = await self._ring(caller, binding)
        # A cancelled call too gives its agent back, or nobody could ring him again.
        except BaseException:
            self._free(binding.user, 0.0)
            raise
        if leg is None:
            self._free(binding.user, REST_SECONDS)
        return leg

    def _longest_idle(self) -> Binding | None:
        if self._exchange.faults.broken("agent-not-reachable"):
            return None
        now = asyncio.get_running_loop().time()
        for user in sorted(self._agents, key=lambda user: self._not_before[user]):
            absent = user in self.pins and user not in self.logged_in
            if not absent and user not in self._busy and self._not_before[user] <= now:
                for binding in self._exchange.registrar.registered(user):
                    return binding
        return None

    def _free(self, user: str, rest_seconds: float) -> None:
        self._busy.discard(user)
        self._not_before[user] = asyncio.get_running_loop().time() + rest_seconds

    async def _ring(self, caller: Party, binding: Binding) -> Callee | None:
        """The agent's leg once answered; None if it was not."""
        leg = await self._exchange.leg_to(binding, caller.party)
        try:
            leg.call(caller.stream.law)
            caller.loop(tones.ringback(caller.stream.law))
            await until_first(
                leg.answered.wait(),
                leg.ended.wait(),
                self._exchange.faults.until("agent-not-reachable", broken=True),
                asyncio.sleep(RING_SECONDS),
            )
        except BaseException:
            _leave(leg)
            raise
        # The agent may have hung up again already; the talk notices that by itself.
        if leg.answered.is_set():
            return leg
        leg.cancel()
        return None

    # --- talking

    async def _talk(self, caller: Party, agent: Callee) -> None:
        """Whatever becomes of the talk: the agent is free once his leg is over, the caller is
        through with his.
        """
        self._exchange.start(self._free_after(agent))
        Talk(self._exchange, caller, agent)
        await caller.ended.wait()

    async def _free_after(self, agent: Callee) -> None:
        try:
            await agent.ended.wait()
        finally:
            self._free(agent.user, 0.0)


def _leave(leg: Callee) -> None:
    """BYE to an agent who answered, CANCEL to one who still rings."""
    if leg.answered.is_set():
        leg.hang_up("caller hung up", sip_messages.reason(16, "Normal call clearing"))
    else:
        leg.cancel()
