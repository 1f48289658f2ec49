"""Being there for calls: registered by JsSIP, again after the socket dropped, and rung when another
account calls. Only in the browser's process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from checks.contract import Failed
from checks.telephony.call.leg import Event, refusal
from checks.webrtc.browser.softphone_page import SoftphonePage, Told

# An edge that works ends both legs within a round trip.
_END_SECONDS = 2.0


class Presence:
    """The registration of one account, in the softphone's page."""

    def __init__(self, page: SoftphonePage, settings: Mapping[str, Any]) -> None:
        self._page, self._settings = page, settings

    async def register(self) -> None:
        """Register by the page's own WebSocket. Raises Failed, CannotTell."""
        page, known = self._page, self._settings
        account = {name: known[name] for name in ("url", "domain", "user", "login", "password")}
        await page.do("phone.connect", "us", account)
        await self._connected("us", 0)
        await page.do("phone.register", "us")
        await self._registered(0)

    async def _connected(self, name: str, since: int) -> None:
        found = await self._page.until("connected", "disconnected", since=since, name=name)
        if found.name == "disconnected":
            # A page is told a close code and no reason: 1006 is a failed handshake (RFC 6455
            # section 7.1.5).
            raise Failed(
                "no-socket", f"the browser's own WebSocket is not let in (code {found['code']})"
            )

    async def _registered(self, since: int) -> None:
        found = await self._page.until(
            "registered", "registration-failed", "disconnected", since=since, name="us"
        )
        if found.name == "disconnected":
            raise Failed("dropped", f"the WebSocket was closed (code {found['code']})")
        if found.name == "registration-failed":
            raise refused_by(found)

    async def come_back(self) -> None:
        """The socket is dropped: a softphone connects anew and registers by itself. Raises Failed,
        CannotTell.
        """
        page = self._page
        since = len(page.events)
        # The page closes the socket under JsSIP, as a network that is gone would.
        await page.do("phone.drop", "us")
        dropped = await page.until("disconnected", since=since, name="us")
        # Events before the drop must not count as the return.
        after = page.events.index(dropped) + 1
        await page.until("connected", since=after, name="us")
        found = await page.until("registered", "registration-failed", since=after, name="us")
        if found.name == "registration-failed":
            raise refused_by(found)

    async def be_rung(self) -> str:
        """Another account calls ours: it must ring here, and be connected when it is answered; in
        words. Raises Failed, CannotTell.
        """
        page, known, caller = self._page, self._settings, self._settings["caller"]
        account = {"url": known["url"], "domain": known["domain"], **caller}
        await page.do("phone.connect", "caller", account)
        await self._connected("caller", 0)
        began = time.monotonic()
        # The caller is an account of its own: an edge may refuse loops to oneself.
        await page.do("phone.call", "caller", "caller", f"sip:{known['user']}@{known['domain']}")
        try:
            async with asyncio.timeout(known["ring_within"]):
                rung = await self._rung()
        except TimeoutError:
            text = f"registered, but a call to it did not ring within {known['ring_within']:g} s"
            raise Failed("not-rung", text) from None
        await page.do("phone.answer", "us-rung")
        # Both ends must be connected: an edge that lost the ACK has one alone.
        for call in ("caller", "us-rung"):
            ended = await page.until("confirmed", "failed", "ended", call=call)
            if ended.name != "confirmed":
                raise Failed(
                    "not-connected", f"it rang and was answered, but not connected: {_words(ended)}"
                )
        await self._end_of_ringing()
        return f"an incoming call rang after {rung.at - began:.2f} s"

    async def _end_of_ringing(self) -> None:
        """The caller hangs up; should that not come through, we do as well."""
        page = self._page
        await page.do("phone.hangUp", "caller")
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await page.until("ended", "failed", call="us-rung")
        # A second hang-up of a call that has ended does nothing.
        await page.do("phone.hangUp", "us-rung")

    async def _rung(self) -> Told:
        page = self._page
        while True:
            found = await page.until("rung", "failed", since=0)
            if found.name == "rung":
                return found
            if found["call"] == "caller":
                raise _not_rung(found)


def refused_by(found: Told) -> Failed:
    """A final response, or what JsSIP made up where none came."""
    # JsSIP has causes of its own where no response came.
    if not found["code"]:
        code = {"Request Timeout": "timeout", "Connection Error": "dropped"}.get(
            found["cause"], "bad-peer"
        )
        return Failed(code, f"JsSIP says {found['cause']}")
    return refusal(Event("refused", found.at, {**found.facts, "origin": "far"}))


def _words(found: Told) -> str:
    return f"{found['code']} {found['phrase']}".strip() if found["code"] else str(found["cause"])


def _not_rung(found: Told) -> Failed:
    """The caller was refused: with 401 to 407 it is the caller's own account."""
    # 401, 403 and 407 speak of the caller's credentials, not of the called account.
    if found["code"] in (401, 403, 407):
        return refused_by(found)
    return Failed("not-rung", f"registered, but a call to it is refused: {_words(found)}")
