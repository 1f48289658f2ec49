"""What a queue's own log tells of callers and agents (Asterisk's queue_log). Pure.

    1763799012|1763799010.17|support|NONE|ENTERQUEUE||+4989123|1
    1763799020|1763799010.17|support|PJSIP/agent-1|CONNECT|8|1763799015.18|4
    1763799140|1763799010.17|support|PJSIP/agent-1|COMPLETEAGENT|8|120|1
    1763799200|1763799190.20|support|NONE|ABANDON|1|1|10

Rules: an entry belongs to the day in which it entered. Whoever is seen at work without having been
seen to log in has been there since the day began. Who is paused in one of several queues is at
work. A restart (QUEUESTART) loses the callers, and the agents whom nobody sees after it. The log
knows no wrap-up: it is estimated, as `wrap_seconds` after each call and as the pauses whose reason
says so; any other pause is not productive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from checks.data.usage.day import Day
from checks.data.usage.queue_agent import Agent
from checks.data.usage.tally import Counts, Rules
from checks.digits import whole

Event = tuple[int, str, str, str, str, Sequence[str]]
"""UTC seconds, call id, queue, agent, event, its parameters"""
# Queue members and the agents of old versions (chan_agent) log in by different events.
_COMING = ("ADDMEMBER", "AGENTLOGIN", "AGENTCALLBACKLOGIN")
_GOING = ("REMOVEMEMBER", "AGENTLOGOFF", "AGENTCALLBACKLOGOFF")
_WORK = (
    "CONNECT",
    "COMPLETEAGENT",
    "COMPLETECALLER",
    "RINGNOANSWER",
    "PAUSE",
    "UNPAUSE",
    "PAUSEALL",
    "UNPAUSEALL",
)
# They left the queue without an agent and without giving up: by its time limit, its emptiness, or a
# key.
_LEAVING = ("EXITWITHTIMEOUT", "EXITEMPTY", "EXITWITHKEY")
# A transfer ends the agent's part of the call as well.
_DONE = ("COMPLETEAGENT", "COMPLETECALLER", "TRANSFER", "BLINDTRANSFER", "ATTENDEDTRANSFER")
EVENTS = frozenset((*_COMING, *_GOING, *_WORK, *_LEAVING, *_DONE, "ENTERQUEUE", "ABANDON"))


@dataclass(slots=True)
class Entry:
    """A caller who waits, or talks."""

    queue: str
    entered: int
    agent: str = ""
    connected: int | None = None


class QueueTally:
    """One day's callers and agents; take the events in the order of their time."""

    def __init__(
        self,
        day: Day,
        rules: Rules,
        wrap_seconds: int = 0,
        wrap_reasons: Sequence[str] = ("wrap",),
        until: int | None = None,
    ) -> None:
        """`until`: how far the log reaches, where the day is not over yet; UTC seconds."""
        self.day, self.rules = day, rules
        self._until = day.end if until is None else until
        self.total, self.queues = Counts(), dict[str, Counts]()
        self.agents: dict[str, Agent] = {}
        self.left: Counter[str] = Counter()
        self.without_entry = 0
        self.longest_wait_seconds = 0
        self._wrap_seconds, self._wrap_reasons = (
            wrap_seconds,
            tuple(reason.lower() for reason in wrap_reasons),
        )
        self._waiting: dict[tuple[str, str], Entry] = {}

    def take(self, events: Iterable[Event]) -> None:
        """Count these."""
        for at, call, queue, agent, event, parameters in events:
            if event == "QUEUESTART":
                self._restart(at)
            elif event in _COMING or event in _GOING or event in _WORK:
                self._agent(at, queue, agent, event, parameters)
            if event == "ENTERQUEUE":
                self._waiting[call, queue] = Entry(queue, at)
            elif event in ("CONNECT", "ABANDON", *_LEAVING, *_DONE):
                self._caller(at, (call, queue), agent, event, parameters)

    def finish(self) -> None:
        """Nothing more comes: whoever is still there is so until the day's end."""
        for key in list(self._waiting):
            entry = self._waiting.pop(key)
            # Whoever waits at midnight was offered today; what became of it is tomorrow's log.
            if self._today(entry):
                self.left["STILL THERE"] += 1
                if entry.connected is None:
                    self._add(entry, Counts(offered=1))
        for agent in self.agents.values():
            last = self._until if agent.restarted is None else agent.restarted
            self._unpause(agent, last)
            self._log_off(agent, last)
        self.agents = {
            name: agent for name, agent in sorted(self.agents.items()) if agent.was_there()
        }

    def _restart(self, at: int) -> None:
        for key in list(self._waiting):
            entry = self._waiting.pop(key)
            if entry.connected is not None:
                self._completed(entry, at)
            elif self._today(entry):
                self.left["RESTART"] += 1
                self._add(entry, Counts(offered=1))
        for agent in self.agents.values():
            agent.restarted = at if agent.restarted is None else agent.restarted

    # --- callers

    def _caller(
        self, at: int, key: tuple[str, str], agent: str, event: str, parameters: Sequence[str]
    ) -> None:
        entry = self._waiting.get(key)
        if entry is None:
            # A caller who entered before the log begins: counted, and never as abandoned.
            self.without_entry += self.day.begin <= at < self.day.end and event not in _DONE
            return
        if event == "CONNECT":
            entry.agent, entry.connected = agent, at
            if self._today(entry):
                self._connected(entry, _number(parameters, 0, at - entry.entered))
            return
        del self._waiting[key]
        if event in _DONE:
            self._completed(entry, at)
        elif self._today(entry):
            self._gave_up(entry, at, event, parameters)

    def _connected(self, entry: Entry, wait: int) -> None:
        soon = wait <= self.rules.answer_seconds
        self.longest_wait_seconds = max(self.longest_wait_seconds, wait)
        self._add(entry, Counts(1, 1, 1, answered_in_time=int(soon), wait_seconds=wait))

    def _gave_up(self, entry: Entry, at: int, event: str, parameters: Sequence[str]) -> None:
        # Not abandoned: the platform sent them on, so they count as offered alone.
        if event in _LEAVING:
            self.left[event] += 1
            self._add(entry, Counts(1))
            return
        wait = _number(parameters, 2, at - entry.entered)
        late, soon = wait > self.rules.short_seconds, wait <= self.rules.answer_seconds
        counts = Counts(
            1,
            abandoned=int(late),
            short_abandoned=int(not late),
            abandoned_in_time=int(late and soon),
        )
        self._add(entry, counts)

    def _completed(self, entry: Entry, at: int) -> None:
        begun = entry.connected if entry.connected is not None else at
        talk = max(at - begun, 0)
        if self._today(entry):
            self._add(entry, Counts(talk_seconds=talk))
        # The talk belongs to the day in which it began, also where the caller entered on the day
        # before.
        if entry.agent and self.day.begin <= begun < self.day.end:
            agent = self.agents.setdefault(entry.agent, Agent())
            agent.handled += 1
            agent.talk_seconds += min(at, self.day.end) - begun
            # Wrap-up is cut at midnight, as everything of a day is.
            agent.wrap_seconds += max(min(self._wrap_seconds, self.day.end - at), 0)

    def _today(self, entry: Entry) -> bool:
        return self.day.begin <= entry.entered < self.day.end

    def _add(self, entry: Entry, counts: Counts) -> None:
        self.total.add(counts)
        self.queues.setdefault(entry.queue, Counts()).add(counts)

    # --- agents

    def _agent(self, at: int, queue: str, name: str, event: str, parameters: Sequence[str]) -> None:
        if not name or name == "NONE":
            return
        agent = self.agents.setdefault(name, Agent())
        # Seen again after a restart: members are remembered over it (persistentmembers).
        agent.restarted = None
        if event in _COMING:
            self._come(agent, at, queue, parameters)
        elif event in _GOING:
            self._assume_there(agent)
            agent.memberships.discard(queue)
            agent.paused_in.discard(queue)
            # Removed from one queue an agent is still there for the others; a log-off ends all of
            # them.
            if not agent.memberships or event != "REMOVEMEMBER":
                self._unpause(agent, at)
                self._log_off(agent, at)
            else:
                self._judge_pause(agent, at)
        else:
            self._assume_there(agent)
            self._at_work(agent, at, queue, event, parameters)
        agent.seen = True
        agent.seen_today |= self.day.begin <= at < self.day.end

    def _come(self, agent: Agent, at: int, queue: str, parameters: Sequence[str]) -> None:
        agent.came = True
        agent.memberships.add(queue)
        agent.since = at if agent.since is None else agent.since
        # A new member can be rung in that queue at once, whatever was paused before. app_queue.c
        # writes PAUSED behind ADDMEMBER for one who comes in paused (asterisk PR 1022).
        agent.paused_everywhere = False
        if parameters and parameters[0].strip().upper() == "PAUSED":
            agent.paused_in.add(queue)
        self._judge_pause(agent, at)

    def _at_work(
        self, agent: Agent, at: int, queue: str, event: str, parameters: Sequence[str]
    ) -> None:
        everywhere = event.endswith("ALL") or queue in ("", "NONE")
        if not everywhere and not agent.came:
            # Nobody saw how they came: where they are seen they are members.
            agent.memberships.add(queue)
        if event in ("PAUSE", "PAUSEALL"):
            reason = (parameters[0] if parameters else "").lower()
            wrap = any(word in reason for word in self._wrap_reasons)
            if wrap != agent.pause_is_wrap:
                self._unpause(agent, at)
            agent.pause_is_wrap = wrap
            agent.paused_everywhere |= everywhere
            agent.paused_in |= agent.memberships if everywhere else {queue}
        elif event in ("UNPAUSE", "UNPAUSEALL"):
            # Unpaused without a pause: it began before the log did, at the latest when the day
            # began.
            if agent.paused_since is None and not agent.seen:
                agent.paused_since = self.day.begin
            agent.paused_everywhere = False
            agent.paused_in -= set(agent.paused_in) if everywhere else {queue}
        elif event == "RINGNOANSWER" and self.day.begin <= at < self.day.end:
            agent.not_answered += 1
        self._judge_pause(agent, at)

    def _judge_pause(self, agent: Agent, at: int) -> None:
        """Paused is who can be rung in no queue."""
        paused = agent.paused_everywhere or (
            bool(agent.paused_in) and agent.paused_in >= agent.memberships
        )
        if not paused:
            self._unpause(agent, at)
        elif agent.paused_since is None:
            agent.paused_since = at

    def _assume_there(self, agent: Agent) -> None:
        """Whoever works, or goes, had come before the log began."""
        if agent.since is None and not agent.seen:
            agent.since = self.day.begin

    def _log_off(self, agent: Agent, at: int) -> None:
        if agent.since is not None:
            agent.logged_in_seconds += self._within(agent.since, at)
        agent.since = None
        agent.memberships.clear()
        agent.paused_in.clear()
        agent.paused_everywhere = False

    def _unpause(self, agent: Agent, at: int) -> None:
        if agent.paused_since is not None:
            seconds = self._within(agent.paused_since, at)
            if agent.pause_is_wrap:
                agent.wrap_seconds += seconds
            else:
                agent.paused_seconds += seconds
        agent.paused_since = None

    def _within(self, begin: int, end: int) -> int:
        return max(0, min(end, self.day.end) - max(begin, self.day.begin))


def _number(parameters: Sequence[str], at: int, otherwise: int) -> int:
    """A parameter that should be seconds; else what the events' own times say."""
    written = parameters[at] if len(parameters) > at else ""
    seconds = whole(written)
    return max(otherwise, 0) if seconds is None else seconds
