"""What a browser's softphone does: it is there for calls (sip_registration.py), calls, and gives
everything back. Only in the browser's process. The stages are those of a softphone without a
browser (checks/webrtc/station.py).

Before the browser is let at the edge, name, TCP, TLS and upgrade are looked at by themselves: a
page is never told why its WebSocket failed (WebSockets standard, "fail the WebSocket connection").
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from checks.contract import CannotTell, Failed
from checks.telephony.audio import nonce_sound, sound
from checks.telephony.audio.recording import bound
from checks.telephony.audio.sound import Samples
from checks.transport.stages import Stages, Tell
from checks.transport.websocket import connection_to
from checks.web.browser.chromium import Chromium
from checks.webrtc.browser import call_progress, rtc_stats, sdp_answer
from checks.webrtc.browser.sip_registration import Presence
from checks.webrtc.browser.softphone_page import SoftphonePage, Told, ear
from checks.webrtc.live import Live
from checks.webrtc.loop_health import LoopPulse
from checks.webrtc.station import Station

# RFC 2606: .invalid is never resolved, so that the page can come from nowhere else.
_ORIGIN = "https://softphone.invalid"
# A secure page may not speak to an edge without TLS (mixed content); localhost counts as secure
# without it (W3C Secure Contexts).
_PLAIN_ORIGIN = "http://localhost"
# Twenty looks a second: a packet comes every 20 ms, and the stage's time is told to a tenth.
_LOOK_SECONDS = 0.05


class _Gathered:
    """The candidates that the browser finds, asked for once."""

    def __init__(self, page: SoftphonePage) -> None:
        self._page = page

    async def offer(self) -> str:
        """The candidates as lines of SDP."""
        return str(await self._page.do("phone.gather"))


class BrowserStation(Station):
    """One account in a page, with at most one call."""

    def __init__(
        self,
        tell: Tell,
        stages: Stages,
        settings: Mapping[str, Any],
        pulse: LoopPulse,
        chromium: Chromium,
    ) -> None:
        super().__init__(tell, stages, settings, pulse)
        self._chromium = chromium
        self._sounded = 0.0
        self._source = rtc_stats.Source()
        self._page: SoftphonePage | None = None
        self._flowing = self._recording = self._in_call = self._ended = False

    async def open(self) -> None:
        """Open the page, and hand it its settings. Raises CannotTell, Stuck."""
        known = self._settings
        plain = _ORIGIN if known["url"].startswith("wss:") else _PLAIN_ORIGIN
        origin = str(known["origin"] or plain).rstrip("/")
        edge = urlsplit(known["url"]).netloc
        self._page = await SoftphonePage.open(
            self._chromium, origin, edge, bool(known["authorities"])
        )
        self._page.told = self._happened
        password = {"username": known["turn_user"], "credential": known["turn_password"]}
        # The first servers only: the others are asked one by one by the stage turn.
        servers = [{"urls": url} for url in known["stun"][:1]] + [
            {"urls": url, **password} for url in known["turn"][:1]
        ]
        settings = {
            "ice": servers,
            "relayOnly": known["relay_only"],
            "codecs": known["codecs"],
            "ear": ear(),
        }
        await self._there.do("phone.open", settings)

    @property
    def _presence(self) -> Presence:
        return Presence(self._there, self._settings)

    @property
    def _there(self) -> SoftphonePage:
        if self._page is None:
            raise RuntimeError("there is no page yet")
        return self._page

    # --- the stages

    async def reach(self) -> None:
        """Everything up to a registered softphone that can be rung, with its candidates. Raises
        Over.
        """
        # The probe's own connection has proven name, TCP, TLS and upgrade; the page opens its own.
        connection = await connection_to(self._stages, self._settings)
        await connection.close()
        async with self._stages.stage("register"):
            await self._presence.register()
        if self._settings["reconnect"]:
            async with self._stages.stage("reconnect"):
                await self._presence.come_back()
        await self._prove_stun()
        await self._prove_turn()
        if self._settings["caller"]:
            async with self._stages.stage("ring") as facts:
                facts["note"] = await self._presence.be_rung()

    async def _candidates(self) -> Any:
        return _Gathered(self._there)

    async def call(self) -> None:
        """Place the call, and have its sound both ways. Raises Over."""
        page = self._there
        async with self._stages.stage("answer") as facts:
            self._tell("invited")
            # Recordings begin with the call: sound before it is nobody's.
            self.heard, self.said = Live(time.monotonic()), Live(time.monotonic())
            page.heard = self._sound
            since = len(page.events)
            await page.do("phone.call", "us", "call", self._settings["to"])
            answer = await call_progress.answered(page, since)
            self.codec = answer.codec()
            self._in_call = True
            self._tell("answered")
            facts["note"] = f"answered with {self.codec}"
        async with self._stages.stage("ice", late="timeout") as facts:
            answer.prove_ice()
            facts["note"] = f"ICE: {await call_progress.until_connected(page)}"
        async with self._stages.stage("dtls") as facts:
            answer.prove_fingerprint()
            facts["note"] = await call_progress.until_secured(page)
        async with self._stages.stage("srtp", late="no-rtp"):
            counts: Mapping[str, Any] = {}
            while not (counts.get("rx_packets") and counts.get("tx_packets")):
                # The browser counts, and tells nobody.
                await asyncio.sleep(_LOOK_SECONDS)
                counts = await self.counts()
        self._flowing = True

    # --- what comes from afar

    def _happened(self, told: Told) -> None:
        if told.name == "gone":
            self._tell("broken", text=told["text"])
        # Only in the call is a dropped socket a fault of its own; before, the stage tells it.
        elif (
            not self._leaving
            and self._in_call
            and told.name == "disconnected"
            and told["name"] == "us"
        ):
            self._lost("websocket", "dropped", f"the WebSocket was closed (code {told['code']})")
        elif told.name == "ended" and told["call"] == "call":
            self._ended = True
            if not self._leaving:
                # A BYE of ours ends the call too, and is told by hang_up.
                self._tell("far-bye", reasons=told["reasons"])
        elif (
            self._flowing
            and told.name == "transport"
            and told["call"] == "call"
            and not self._ended
        ):
            self._transport_changed(told)

    def _transport_changed(self, told: Told) -> None:
        if told["ice"] == "failed":
            self._lost("ice", "lost", "the far end no longer agrees to be sent to (RFC 7675)")
        # DTLS closes with ICE; then ICE has told it already.
        elif told["dtls"] in ("failed", "closed") and told["ice"] != "closed":
            self._lost("dtls", "closed", "the far end closed DTLS in the call")

    def _sound(self, name: str, samples: Samples) -> None:
        """The recordings begin with the first sound that comes."""
        # Chromium's audio clock starts with the first packet.
        if not self._recording and not self._flowing:
            self._recording = True
            began = time.monotonic() - len(samples) / sound.RATE
            self.heard, self.said = Live(began), Live(began)
        if name == "heard":
            self._count_stand_still(len(samples) / sound.RATE)
        (self.heard if name == "heard" else self.said).add(samples)

    def _count_stand_still(self, expected_seconds: float) -> None:
        """Sound comes out of the page by the browser's own clock: where none came, the browser
        stood still.
        """
        now = time.monotonic()
        if self._sounded:
            self._pulse.stood(now - self._sounded - expected_seconds)
        self._sounded = now

    # --- in the call

    def say_nonce(self, nonce: list[int]) -> None:
        """Say a nonce again and again, until `hush`."""
        # The page takes 16-bit samples, as base64: evaluate() passes text.
        samples = np.clip(nonce_sound.sound_of(nonce), -32768, 32767).astype("<i2")
        self._soon(self._there.do("sound.say", base64.b64encode(samples.tobytes()).decode()))

    def hush(self) -> None:
        """Stop what is being said."""
        self._soon(self._there.do("sound.hush"))

    async def press(self, digits: str) -> None:
        """Press keys by RFC 4733 or, where that is set, by SIP INFO. Raises Failed."""
        if self._settings["keys"] == "info":
            await self._there.do("phone.inform", "call", digits)
        elif not await self._there.do("phone.press", "call", digits):
            raise Failed("no-telephone-event", "the answer has no telephone-event (RFC 4733)")

    async def counts(self) -> dict[str, Any]:
        """The RTP counts, as the browser has them."""
        stats = await self._there.do("phone.statistics", "call")
        unsent = self._source.unsent_percent(stats, time.monotonic())
        return {**rtc_stats.counts(stats, self.codec), "unsent_percent": unsent}

    def _soon(self, work: Any) -> None:
        self._sounding = asyncio.ensure_future(work)

    # --- leaving

    async def hang_up(self, within: float) -> tuple[bool, bool]:
        """Send BYE; returns whether there was a call, and whether its end was answered."""
        self._leaving = True
        page = self._page
        if page is None or page.gone or not self._in_call or self._ended:
            return False, True
        with suppress(CannotTell, TimeoutError):
            async with asyncio.timeout(within):
                # The counts go with the call.
                self._last = await self.counts()
                since = len(page.events)
                await page.do("phone.hangUp", "call")
                while True:
                    told = await page.until("sip", since=since, sent=False)
                    since = page.events.index(told, since) + 1
                    if sdp_answer.answers_bye(told["text"]):
                        return True, True
        return True, False

    _last: dict[str, Any] | None = None

    async def statistics(self) -> dict[str, Any]:
        """The last counts; {} where no media came to stand."""
        if not self._in_call:
            return {}
        # A page that is lost has no counts; those of the hang-up may be there.
        return self._last if self._last is not None else await self._counts_if_there()

    async def _counts_if_there(self) -> dict[str, Any]:
        try:
            return await self.counts()
        except CannotTell:
            return {}

    def write(self, folder: Path, files: Mapping[str, str]) -> None:
        """Write the exhibits: the ladder, and heard (left) and said (right)."""
        if self._page:
            text = self._page.ladder.text(self._born, "Reveille")
            (folder / files["ladder"]).write_text(text, encoding="utf-8", errors="replace")
        if self._flowing:
            # Without media there is nothing to hear.
            sound.write_wav(
                folder / files["sound"],
                bound(self.heard.samples),
                bound(np.asarray(self.said.samples)),
            )

    async def close(self) -> None:
        """Close the page and its context. Raises Stuck."""
        self._leaving = True
        if self._page is None:
            return
        self._page.leaving = True
        with suppress(CannotTell, TimeoutError):
            async with asyncio.timeout(2.0):
                await self._page.do("phone.leave")
                # The time for the REGISTER that takes ours back.
                await asyncio.sleep(0.2)
        await self._page.close()
