"""Ask an SNMP agent (v2c, v1 where that is all it knows, or v3 with RFC 3414/3826 keys), without
holding the daemon up.

    agent = Agent("192.0.2.1", 161, Community("…"))
    await agent.get(["1.3.6.1.2.1.1.3.0"])              # {"1.3.6.1.2.1.1.3.0": 8640000}
    await agent.column("1.3.6.1.2.1.10.18.6.1.10")      # {"1": 1, "2": 64}: row index -> value

Rules: pysnmp is imported when the first question is asked, and lives with its event loop in one
thread of its own: its engine takes half a second of computing to set up, and the daemon's loop must
not wait for that. One engine serves all communities; each set of v3 keys has its own, since an
engine knows one key per user name. A question that is too big for the agent is asked in smaller
ones, and a table row by row where GETBULK is not answered. Nothing is looked up in MIB files. What
is refused for our own credentials tells nothing about the gateway's lines: CannotTell.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from checks.contract import CannotTell, Failed
from checks.telephony.gateway.snmp_credentials import AUTHENTICATION, PRIVACY, Community, User

# A number, an octet string as text, or nothing under that name.
Value = int | str | None

# Object names in one question: well below what fits a datagram of 1472 bytes.
_AT_ONCE = 20
# Rows a GETBULK (RFC 3416 section 4.2.3): agents cut the answer to their own limit.
_ROWS_AT_ONCE = 25
# 64 E1 have 1984 channels: a longer table is an agent that walks in circles.
_LONGEST_TABLE = 2000
# A gateway under load answers SNMP last: it gets three tries of a second each.
_ANSWER_SECONDS, _REPETITIONS = 1.0, 2
# Error statuses of RFC 1157 section 4.1.1, which RFC 3416 keeps.
_TOO_BIG, _NO_SUCH_NAME = 1, 2
_END_OF_VIEW = "EndOfMibView"
# pysnmp's errors that mean broken BER or a foreign engine, not a refusal.
_NOT_SNMP = (
    "SerializationError",
    "DeserializationError",
    "ParseError",
    "DataMismatch",
    "EngineIDMismatch",
    "InvalidMsg",
)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent at an address. Raises Failed when it does not answer, CannotTell when it does not
    let us in.
    """

    host: str
    port: int
    credentials: Community | User
    version_1: bool = False
    """whether the agent knows nothing newer than v1 (RFC 1157)"""

    async def get(self, names: Sequence[str]) -> dict[str, Value]:
        """The values under these object names."""
        return await _in_thread(_asked_anew(self, lambda: _get(self, names)))

    async def column(self, name: str) -> dict[str, Value]:
        """A column of a table: row index -> value; empty if the agent has no such table."""
        return await _in_thread(_asked_anew(self, lambda: _column(self, name)))


async def _asked_anew(
    agent: Agent, question: Callable[[], Coroutine[Any, Any, dict[str, Value]]]
) -> dict[str, Value]:
    """The answer; a gateway that was replaced, or has lost its memory, answers nothing that names
    its former engine (RFC 3414 section 3.2 (3)), and is asked once more as one that is not known.
    """
    known = isinstance(agent.credentials, User) and agent.credentials in _engines
    try:
        return await question()
    except Failed:
        if not known:
            raise
    return await question()


async def _get(agent: Agent, names: Sequence[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    waiting, most = list(names), _AT_ONCE
    while waiting:
        asked, waiting = waiting[:most], waiting[most:]
        try:
            found.update(await _asked(agent, asked))
        except _TooMuch as refused:
            # RFC 3416 section 4.2.1: an answer that does not fit is tooBig; some agents drop the
            # question instead. What is left is asked in pieces of this size, too.
            if len(asked) == 1:
                raise refused.fault from None
            most, waiting = len(asked) // 2, asked + waiting
        except _NoSuchName as gone:
            # RFC 1157 section 4.1.2: v1 refuses the whole question for one name that is not there.
            if not 0 < gone.index <= len(asked):
                raise CannotTell("the SNMP agent knows one of the names not") from None
            found[asked[gone.index - 1]] = None
            waiting = asked[: gone.index - 1] + asked[gone.index :] + waiting
    return found


async def _asked(agent: Agent, names: Sequence[str]) -> dict[str, Value]:
    api, engine, target = await _ready(agent)
    answer = await api.get_cmd(
        engine,
        _authentication(api, agent),
        target,
        _context(api, agent),
        *(api.ObjectType(api.ObjectIdentity(name)) for name in names),
        lookupMib=False,
    )
    return {str(name): _value(value) for name, value in _checked(agent, answer)}


async def _column(agent: Agent, column: str) -> dict[str, Value]:
    where = (agent.host, agent.port)
    if not agent.version_1 and where not in _by_rows:
        try:
            return await _walked(agent, column, bulk=True)
        # genErr, tooBig or silence to GETBULK (RFC 3416 section 4.2.3): the old way is by rows, for
        # the other tables too, or each of them would wait for nothing.
        except (_TooMuch, CannotTell):
            if len(_by_rows) < _MOST_REMEMBERED:
                _by_rows.add(where)
    try:
        return await _walked(agent, column, bulk=False)
    except _TooMuch as refused:
        raise refused.fault from None


async def _walked(agent: Agent, column: str, bulk: bool) -> dict[str, Value]:
    api, engine, target = await _ready(agent)
    found: dict[str, Value] = {}
    first = (engine, _authentication(api, agent), target, _context(api, agent))
    row = api.ObjectType(api.ObjectIdentity(column))
    walk = (
        api.bulk_walk_cmd(*first, 0, _ROWS_AT_ONCE, row, lookupMib=False, lexicographicMode=False)
        if bulk
        else api.walk_cmd(*first, row, lookupMib=False, lexicographicMode=False)
    )
    # RFC 1157 section 4.1.3: v1 says so that there is nothing behind the last name.
    with suppress(_NoSuchName):
        async for answer in walk:
            for name, value in _checked(agent, answer):
                # A walk ends with the first name behind the column; some agents answer beyond it.
                # A row without a value is there all the same.
                if str(name).startswith(column + ".") and type(value).__name__ != _END_OF_VIEW:
                    found[str(name)[len(column) + 1 :]] = _value(value)
            # An agent whose rows do not grow would be walked for ever.
            if len(found) > _LONGEST_TABLE:
                raise Failed("bad-peer", f"the table {column} does not end")
    return found


class _TooMuch(Exception):
    """The agent could not take so much, or is silent; `fault` is for who cannot ask for less."""

    def __init__(self, fault: Failed | CannotTell) -> None:
        super().__init__(str(fault))
        self.fault = fault


class _NoSuchName(Exception):
    """The name of this place, from 1, is not there (v1)."""

    def __init__(self, index: int) -> None:
        super().__init__(str(index))
        self.index = index


def _checked(agent: Agent, answer: Any) -> Any:
    """The bindings of a good answer. Raises what a bad one means."""
    trouble, status, index, bindings = answer
    if trouble is None:
        if not int(status):
            return bindings
        fault = CannotTell(f"the SNMP agent answers with error status {status.prettyPrint()}")
        if int(status) == _TOO_BIG:
            raise _TooMuch(fault)
        if int(status) == _NO_SUCH_NAME:
            raise _NoSuchName(int(index))
        raise fault
    if isinstance(agent.credentials, User):
        # The agent may be another one by now (its engine, its clock): RFC 3414 section 3.2 (7).
        _forget(agent.credentials)
    kind = type(trouble).__name__
    if kind == "RequestTimedOut":
        raise _TooMuch(Failed("timeout", "the SNMP agent does not answer"))
    if kind in _NOT_SNMP:
        raise Failed("bad-peer", str(trouble))
    # Wrong keys or rights are our own trouble: CannotTell opens no ticket about lines.
    raise CannotTell(f"the SNMP agent does not let us in ({kind}): {trouble}")


def _value(raw: Any) -> Value:
    kind = type(raw).__name__
    # RFC 3416: noSuchObject, noSuchInstance and endOfMibView stand in a value's place.
    if kind in ("NoSuchObject", "NoSuchInstance", _END_OF_VIEW, "Null"):
        return None
    if kind in ("OctetString", "DisplayString"):
        # DisplayString is ASCII (RFC 2579); gateways put Latin-1 into names.
        return bytes(raw).decode("utf-8", "replace")
    try:
        return int(raw)
    except (TypeError, ValueError):
        return str(raw.prettyPrint())


# --- pysnmp, its loop and its engines, all in one thread

_starting = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []
# Keys -> engine; None stands for every community.
_engines: dict[User | None, Any] = {}
# Addresses of agents that answer no GETBULK.
_by_rows: set[tuple[str, int]] = set()
_MOST_REMEMBERED = 1000


async def _in_thread(question: Coroutine[Any, Any, dict[str, Value]]) -> dict[str, Value]:
    try:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(question, _loop()))
    except (Failed, CannotTell, asyncio.CancelledError):
        raise
    # What pysnmp raises may repeat whole messages, keys and all.
    except Exception as bug:  # noqa: BLE001 - any bug of the library
        raise CannotTell(f"the SNMP library failed ({type(bug).__name__})") from None


def _loop() -> asyncio.AbstractEventLoop:
    """The loop that SNMP has to itself."""
    with _starting:
        if not _loops:
            # A daemon thread: a walk under way does not keep the process from ending.
            _loops.append(asyncio.new_event_loop())
            _loops[0].set_exception_handler(_passed_over)
            threading.Thread(target=_loops[0].run_forever, name="snmp", daemon=True).start()
        return _loops[0]


def _passed_over(_: asyncio.AbstractEventLoop, __: Mapping[str, Any]) -> None:
    """What the library raises over a datagram that is no SNMP: it belongs to no question, which
    waits for its answer still. In the log it would be a traceback for each, with words of the far
    end's in it, as often as that likes.
    """


async def _ready(agent: Agent) -> tuple[Any, Any, Any]:
    # The import takes half a second, and belongs into this thread.
    import pysnmp.hlapi.v3arch.asyncio as api

    key = agent.credentials if isinstance(agent.credentials, User) else None
    if key not in _engines:
        _engines[key] = api.SnmpEngine()
    kind = api.Udp6TransportTarget if ":" in agent.host else api.UdpTransportTarget
    where = (agent.host, agent.port)
    return (
        api,
        _engines[key],
        await kind.create(where, timeout=_ANSWER_SECONDS, retries=_REPETITIONS),
    )


def _context(api: Any, agent: Agent) -> Any:
    return api.ContextData(
        contextName=agent.credentials.context if isinstance(agent.credentials, User) else ""
    )


def _forget(user: User) -> None:
    if engine := _engines.pop(user, None):
        engine.close_dispatcher()


def _authentication(api: Any, agent: Agent) -> Any:
    who = agent.credentials
    if isinstance(who, Community):
        # mpModel 0 is SNMP v1, 1 is v2c (RFC 3584); GETBULK needs v2c.
        return api.CommunityData(who.name, mpModel=0 if agent.version_1 else 1)
    keys: Mapping[str, Any] = {
        "authKey": who.authentication_key,
        "privKey": who.privacy_key,
        "authProtocol": (
            getattr(api, AUTHENTICATION[who.authentication]) if who.authentication_key else None
        ),
        "privProtocol": getattr(api, PRIVACY[who.privacy]) if who.privacy_key else None,
    }
    return api.UsmUserData(who.name, **{name: key for name, key in keys.items() if key is not None})
