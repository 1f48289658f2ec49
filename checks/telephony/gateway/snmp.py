"""Ask an SNMP agent (v2c, or v3 with RFC 3414/3826 keys), without holding the daemon up.

    agent = Agent("192.0.2.1", 161, Community("…"))
    await agent.get(["1.3.6.1.2.1.1.3.0"])              # {"1.3.6.1.2.1.1.3.0": 8640000}
    await agent.column("1.3.6.1.2.1.10.18.6.1.10")      # {"1": 1, "2": 64}: row index -> value

Rules: pysnmp is imported when the first question is asked, and lives with its event loop in one
thread of its own: its engine takes half a second of computing to set up, and the daemon's loop must
not wait for that. One engine serves all communities; each set of v3 keys has its own, since an
engine knows one key per user name. Nothing is looked up in MIB files. What is refused for our own
credentials tells nothing about the gateway's lines: CannotTell.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from checks.contract import CannotTell, Failed

# A number, an octet string as text, or nothing under that name.
Value = int | str | None
Authentication = Literal["md5", "sha", "sha224", "sha256", "sha384", "sha512"]
Privacy = Literal["des", "3des", "aes", "aes192", "aes256"]

# Object names in one question: well below what fits a datagram of 1472 bytes.
_AT_ONCE = 20
# Rows a GETBULK (RFC 3416 section 4.2.3): agents cut the answer to their own limit.
_ROWS_AT_ONCE = 25
# 64 E1 have 1984 channels: a longer table is an agent that walks in circles.
_LONGEST_TABLE = 2000
# A gateway under load answers SNMP last: it gets three tries of a second each.
_ANSWER_SECONDS, _REPETITIONS = 1.0, 2
# RFC 3414 (MD5, SHA-1) and RFC 7860 (SHA-2).
_AUTHENTICATION = {
    "md5": "USM_AUTH_HMAC96_MD5",
    "sha": "USM_AUTH_HMAC96_SHA",
    "sha224": "USM_AUTH_HMAC128_SHA224",
    "sha256": "USM_AUTH_HMAC192_SHA256",
    "sha384": "USM_AUTH_HMAC256_SHA384",
    "sha512": "USM_AUTH_HMAC384_SHA512",
}
# RFC 3414 (DES), RFC 3826 (AES-128); the longer AES keys are a draft that gateways offer.
_PRIVACY = {
    "des": "USM_PRIV_CBC56_DES",
    "3des": "USM_PRIV_CBC168_3DES",
    "aes": "USM_PRIV_CFB128_AES",
    "aes192": "USM_PRIV_CFB192_AES",
    "aes256": "USM_PRIV_CFB256_AES",
}
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
class Community:
    """A community, by which SNMP v2c knows who asks."""

    # repr=False: a community is a password, and must not come into an error's text.
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """A user of SNMP v3; without keys nothing is proven or hidden."""

    name: str
    authentication: Authentication = "sha"
    authentication_key: str | None = field(default=None, repr=False)
    privacy: Privacy = "aes"
    privacy_key: str | None = field(default=None, repr=False)
    context: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent at an address. Raises Failed when it does not answer, CannotTell when it does not
    let us in.
    """

    host: str
    port: int
    credentials: Community | User

    async def get(self, names: Sequence[str]) -> dict[str, Value]:
        """The values under these object names."""
        return await _in_thread(_get(self, names))

    async def column(self, name: str) -> dict[str, Value]:
        """A column of a table: row index -> value; empty if the agent has no such table."""
        return await _in_thread(_column(self, name))


async def _get(agent: Agent, names: Sequence[str]) -> dict[str, Value]:
    api, engine, target = await _ready(agent)
    found: dict[str, Value] = {}
    for first in range(0, len(names), _AT_ONCE):
        asked = [
            api.ObjectType(api.ObjectIdentity(name)) for name in names[first : first + _AT_ONCE]
        ]
        whom = _authentication(api, agent.credentials)
        answer = await api.get_cmd(
            engine, whom, target, _context(api, agent), *asked, lookupMib=False
        )
        found.update({str(name): _value(value) for name, value in _checked(agent, answer)})
    return found


async def _column(agent: Agent, column: str) -> dict[str, Value]:
    api, engine, target = await _ready(agent)
    found: dict[str, Value] = {}
    walk = api.bulk_walk_cmd(
        engine,
        _authentication(api, agent.credentials),
        target,
        _context(api, agent),
        0,
        _ROWS_AT_ONCE,
        api.ObjectType(api.ObjectIdentity(column)),
        lookupMib=False,
        lexicographicMode=False,
    )
    async for answer in walk:
        for name, value in _checked(agent, answer):
            # A walk ends with the first name behind the column; some agents answer beyond it.
            if str(name).startswith(column + ".") and (plain := _value(value)) is not None:
                found[str(name)[len(column) + 1 :]] = plain
        # An agent whose rows do not grow would be walked for ever.
        if len(found) > _LONGEST_TABLE:
            raise Failed("bad-peer", f"the table {column} does not end")
    return found


def _checked(agent: Agent, answer: Any) -> Any:
    """The bindings of a good answer. Raises what a bad one means."""
    trouble, status, _, bindings = answer
    if trouble is None:
        if int(status):
            raise CannotTell(f"the SNMP agent answers with error status {status.prettyPrint()}")
        return bindings
    if isinstance(agent.credentials, User):
        # The agent may be another one by now (its engine, its clock): RFC 3414 section 3.2 (7).
        _forget(agent.credentials)
    kind = type(trouble).__name__
    if kind == "RequestTimedOut":
        raise Failed("timeout", "the SNMP agent does not answer")
    if kind in _NOT_SNMP:
        raise Failed("bad-peer", str(trouble))
    # Wrong keys or rights are our own trouble: CannotTell opens no ticket about lines.
    raise CannotTell(f"the SNMP agent does not let us in ({kind}): {trouble}")


def _value(raw: Any) -> Value:
    kind = type(raw).__name__
    # RFC 3416: noSuchObject, noSuchInstance and endOfMibView stand in a value's place.
    if kind in ("NoSuchObject", "NoSuchInstance", "EndOfMibView", "Null"):
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
            threading.Thread(target=_loops[0].run_forever, name="snmp", daemon=True).start()
        return _loops[0]


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


def _authentication(api: Any, who: Community | User) -> Any:
    if isinstance(who, Community):
        # mpModel 1 is SNMP v2c (RFC 3584); GETBULK needs it.
        return api.CommunityData(who.name, mpModel=1)
    keys: Mapping[str, Any] = {
        "authKey": who.authentication_key,
        "privKey": who.privacy_key,
        "authProtocol": (
            getattr(api, _AUTHENTICATION[who.authentication]) if who.authentication_key else None
        ),
        "privProtocol": getattr(api, _PRIVACY[who.privacy]) if who.privacy_key else None,
    }
    return api.UsmUserData(who.name, **{name: key for name, key in keys.items() if key is not None})
