"""The engine reads a session description as phones do that forgive: what its own parser refuses is
given to it as it was meant (checks/telephony/sip/forgiven_sdp.py). Only for the child process of a
call leg.

pjsua2 has no such hook; the pjsip within it has: a module that sees each message before its
sessions do (pjsip_module, sip_module.h), and the one place where a message's description is kept
(pjsip_rdata_get_sdp_info, sip_inv.h). Both are public of pjsip and the same in all of its releases
2.x; where they are not to be had the engine reads as ever, and its refusal is told
(checks/telephony/sip/sdp.py).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import pjsua2  # noqa: F401 - for what it loads

from checks.telephony.sip.forgiven_sdp import forgiven

# sip_module.h: before the transactions (16), where the transport layer (8) is through.
_PRIORITY = 12
_MOST_TOLD = 5
_NEEDED = (
    "pjsip_endpt_register_module",
    "pjsip_rdata_get_sdp_info",
    "pjmedia_sdp_parse",
    "pj_pool_alloc",
    "pjsua_get_pjsip_endpt",
    "pjsua_pool_create",
)
_Sees = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


def _library() -> str:
    """The file of the engine, which pjsua2 has loaded; some builds have it within a package."""
    loaded = sys.modules.get("pjsua2._pjsua2") or sys.modules["_pjsua2"]
    return str(loaded.__file__)


class _Text(ctypes.Structure):
    """pj_str_t."""

    _fields_ = (("at", ctypes.c_void_p), ("length", ctypes.c_ssize_t))


class _Described(ctypes.Structure):
    """pjsip_rdata_sdp_info: a message's description, and what came of parsing it."""

    _fields_ = (("body", _Text), ("error", ctypes.c_int), ("session", ctypes.c_void_p))


class _Module(ctypes.Structure):
    """pjsip_module."""

    _fields_ = (
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", _Text),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        *((name, ctypes.c_void_p) for name in ("load", "start", "stop", "unload")),
        ("on_rx_request", _Sees),
        ("on_rx_response", _Sees),
        *((name, ctypes.c_void_p) for name in ("on_tx_request", "on_tx_response", "on_state")),
    )


class SdpReading:
    """The module; it must be kept referenced as long as the engine lives. `tell` takes the lines
    that were forgiven.
    """

    def __init__(self, tell: Callable[[list[str]], None]) -> None:
        self._tell, self._told = tell, 0
        self._engine: Any = ctypes.CDLL(_library())
        self._sees = _Sees(self._look)
        self._name = ctypes.create_string_buffer(b"sdp-reading")
        self._module = _Module(
            name=_Text(ctypes.addressof(self._name), len(self._name.value)),
            id=-1,
            priority=_PRIORITY,
            on_rx_request=self._sees,
            on_rx_response=self._sees,
        )

    def begin(self) -> bool:
        """Join the engine, which has been initialised; returns whether it could."""
        engine = self._engine
        if not all(hasattr(engine, name) for name in _NEEDED):
            return False
        engine.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
        engine.pjsua_pool_create.restype = ctypes.c_void_p
        engine.pjsua_pool_create.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t)
        engine.pj_pool_alloc.restype = ctypes.c_void_p
        engine.pj_pool_alloc.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        engine.pjsip_rdata_get_sdp_info.restype = ctypes.POINTER(_Described)
        engine.pjsip_rdata_get_sdp_info.argtypes = (ctypes.c_void_p,)
        engine.pjmedia_sdp_parse.argtypes = (
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        register = engine.pjsip_endpt_register_module
        register.argtypes = (ctypes.c_void_p, ctypes.POINTER(_Module))
        return int(register(engine.pjsua_get_pjsip_endpt(), ctypes.byref(self._module))) == 0

    def _look(self, message: int) -> int:
        """Called for each message that comes; 0 lets the others have it too."""
        described = self._engine.pjsip_rdata_get_sdp_info(message).contents
        if described.error and described.body.at:
            body = ctypes.string_at(described.body.at, described.body.length)
            self._read_again(described, body)
        return 0

    def _read_again(self, described: _Described, body: bytes) -> None:
        meant, changed = forgiven(body)
        # The session points into the text and lives as long as the call: both are in a pool of the
        # engine's, which it frees at its end. A call has few descriptions.
        pool = self._engine.pjsua_pool_create(b"forgiven", 4096 + len(meant), 4096)
        at = self._engine.pj_pool_alloc(pool, len(meant) + 1)
        ctypes.memmove(at, meant + b"\0", len(meant) + 1)
        session = ctypes.c_void_p()
        if self._engine.pjmedia_sdp_parse(pool, at, len(meant), ctypes.byref(session)) == 0:
            described.session, described.error = session, 0
            self._told += 1
            # A far end may describe its sound in each message of a long call.
            if self._told <= _MOST_TOLD:
                self._tell(changed)
