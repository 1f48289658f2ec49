"""What a softphone does: reaches its edge, registers, proves STUN and TURN, calls, and gives
everything back.

Only for the softphone's process. What fails is the stage under way (stages.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sipmessage import Request, Response
from websockets.asyncio.client import ClientConnection

from checks.contract import Failed
from checks.telephony.audio import nonce_sound, sound
from checks.telephony.audio.recording import bound
from checks.telephony.call.leg import Event, refusal
from checks.telephony.sip.bindings import least_seconds
from checks.transport.stages import Stages, Tell
from checks.transport.websocket import connection_to, is_own_host
from checks.webrtc import relay
from checks.webrtc.dialog import Call, hold_bound, registration
from checks.webrtc.live import Live
from checks.webrtc.loop_health import LoopPulse
from checks.webrtc.signalling import Signalling, facts_of
from checks.webrtc.sip_requests import Identity

if TYPE_CHECKING:
    from checks.webrtc.media import Media
    from checks.webrtc.sounds import Mouth

# RFC 3261 section 10.2.1: asked for two minutes, so that an orphaned registration is soon gone.
_REGISTERED_SECONDS = 120
# The edge answers a REGISTER within a round trip; whoever does not loses ours by time.
_CLOSE_SECONDS = 2.0


class Station:
    """One account at one edge, with at most one call. `settings` is the daemon's `open`."""

    def __init__(
        self, tell: Tell, stages: Stages, settings: Mapping[str, Any], pulse: LoopPulse
    ) -> None:
        self._tell, self._stages, self._settings, self._pulse = tell, stages, settings, pulse
        self._born = time.monotonic()
        self.heard = self.said = Live(self._born)
        self.codec = ""
        self._mouth: Mouth | None = None
        self._media: Media | None = None
        self._signalling: Signalling | None = None
        self._registration: Any = None
        self._call: Call | None = None
        self._listening: asyncio.Task[None] | None = None
        self._leaving = False

    # --- the stages

    async def reach(self) -> None:
        """Pass everything up to a registered softphone with its candidates. Raises Over."""
        connection = await connection_to(self._stages, self._settings)
        self._speak(connection)
        await self._register()
        # Its import takes a second, which is no stage's.
        await asyncio.to_thread(import_module, "checks.webrtc.media")
        from checks.webrtc import media, own_addresses

        media.need_callbacks()
        far = str(connection.remote_address[0])
        own_addresses.reach(far)
        if is_own_host(far):
            own_addresses.reach_own_host()
        await self._prove_stun()
        await self._prove_turn()

    async def call(self) -> None:
        """Place the call, and have its sound both ways. Raises Over."""
        made = await self._candidates()
        async with self._stages.stage("answer") as facts:
            signalling = self._spoken()
            self._call = Call(signalling, self._tell, self._settings["to"], await made.offer())
            self.codec = made.read(await self._call.place())
            facts["note"] = f"answered with {self.codec}"
        # Without a fingerprint in the answer ICE would go on, and DTLS prove nothing.
        if made.has_fingerprint:
            async with self._stages.stage("ice") as facts:
                await made.begin()
                facts["note"] = f"ICE: {await made.until_connected()}"
        async with self._stages.stage("dtls") as facts:
            if not made.has_fingerprint:
                raise Failed("no-fingerprint", "the answer has no DTLS fingerprint")
            facts["note"] = await made.until_secured()
        await self._flow(made)

    async def _flow(self, made: Media) -> None:
        from checks.webrtc.sounds import listen

        self.heard, self.said = Live(time.monotonic()), Live(time.monotonic())
        if self._mouth:
            self._mouth.said = self.said
        self._listening = asyncio.create_task(listen(made.track, self.heard))
        async with self._stages.stage("srtp", late="no-rtp"):
            await made.until_heard()

    def _speak(self, connection: ClientConnection) -> None:
        known = self._settings
        identity = Identity(
            known["user"],
            known["domain"],
            known["login"],
            known["password"],
            known["url"].startswith("wss:"),
        )
        self._signalling = Signalling(connection, identity, self._asked, self._socket_lost)

    async def _register(self) -> None:
        async with self._stages.stage("register"):
            signalling = self._spoken()
            lasting = registration(signalling)
            answer = await signalling.ask_as_user(lasting(_REGISTERED_SECONDS))
            if longer := least_seconds(answer):
                answer = await signalling.ask_as_user(lasting(round(longer)))
            # A registrar's final refusal; the challenge has been answered already.
            if answer.code >= 300:
                raise refusal(Event("refused", 0.0, facts_of(answer)))
            self._registration = lasting
            hold_bound(answer, signalling.identity.contact)

    async def _prove_stun(self) -> None:
        # The first STUN server is the one that the agents' browsers use.
        for url in self._settings["stun"][:1]:
            async with self._stages.stage("stun") as facts:
                facts["note"] = f"{url} sees us as {await relay.reflexive_address(url)}"

    async def _prove_turn(self) -> None:
        """Each server by its transport; the slowest counts. Then the library must have got a relay
        of the first.
        """
        if not (urls := self._settings["turn"]):
            return
        async with self._stages.stage("turn") as facts:
            facts["notes"], facts["allocations"] = [], {}
            for url in urls:
                await self._allocate(url, facts)
            # A server may allocate for us directly, and not for the library: a firewall parts
            # their ports.
            if not relay.offered(await (await self._candidates()).offer()):
                raise Failed(
                    "no-candidate", f"{urls[0]} allocates, but no relay candidate came of it"
                )

    async def _allocate(self, url: str, facts: dict[str, Any]) -> None:
        known, began = self._settings, time.monotonic()
        scheme, _, _, transport = relay.parts(url)
        try:
            found = await relay.relayed_address(
                url, known["turn_user"], known["turn_password"], known["authorities"]
            )
        except Failed as refused:
            raise Failed(refused.code, f"{url}: {refused.text}") from None
        facts["allocations"]["tls" if scheme == "turns" else transport] = time.monotonic() - began
        facts["notes"].append(f"{url} relays from {found}")

    async def _candidates(self) -> Media:
        from checks.webrtc.media import Media
        from checks.webrtc.sounds import Mouth

        if self._media is None:
            self._mouth = Mouth()
            self._media = Media(self._settings, self._mouth, self._lost)
        return self._media

    def _spoken(self) -> Signalling:
        if self._signalling is None:
            raise RuntimeError("there is no WebSocket yet")
        return self._signalling

    # --- what comes from afar

    def _asked(self, request: Request) -> Response | None:
        return self._call.asked(request) if self._call else None

    def _socket_lost(self, why: Failed) -> None:
        # The stages register and answer hear of a lost socket themselves.
        if self._stages.current not in ("register", "answer"):
            self._lost("websocket", why.code, why.text)

    def _lost(self, stage: str, code: str, text: str) -> None:
        if not self._leaving:
            self._tell("lost", stage=stage, code=code, text=text)

    # --- in the call

    def say_nonce(self, nonce: list[int]) -> None:
        """Say a nonce again and again, until `hush`."""
        if self._mouth:
            self._mouth.play(nonce_sound.sound_of(nonce), again=True)

    def hush(self) -> None:
        """Stop what is being said."""
        if self._mouth:
            self._mouth.play(None)

    async def press(self, digits: str) -> None:
        """Press keys, with one INFO each: aiortc has no RFC 4733. Raises Failed."""
        # Each key is an INFO of its own: the far end answers each.
        for digit in digits:
            answer = await self._call.press(digit) if self._call else None
            if answer is None or answer.code >= 300:
                raise Failed(f"sip:{answer.code}" if answer else "no-call", "INFO was refused")

    async def counts(self) -> dict[str, Any]:
        """The RTP counts so far, and how much of what was due our own side has not sent; {} before
        there is media.
        """
        if self._media is None or self._mouth is None:
            return {}
        return {**await self._media.counts(), "unsent_percent": self._mouth.unsent_percent}

    # --- leaving

    async def hang_up(self, within: float) -> tuple[bool, bool]:
        """Send BYE and un-REGISTER; returns whether there was a call, and if it was answered."""
        self._leaving = True
        call, signalling = self._call, self._signalling
        had_call = call is not None and call.established and not call.ended
        answered = await call.hang_up(within) if call else True
        # Without a registration there is nothing to take back; a broken socket has lost it.
        if signalling and self._registration and not signalling.broken:
            with suppress(Failed, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await signalling.ask_as_user(self._registration(0))
        return had_call, answered

    async def statistics(self) -> dict[str, Any]:
        """The last counts; {} where no media came to stand."""
        return {} if self._listening is None else await self.counts()

    def write(self, folder: Path, files: Mapping[str, str]) -> None:
        """Write the exhibits: the ladder, and heard (left) and said (right)."""
        if self._signalling:
            text = self._signalling.ladder.text(self._born, "Reveille")
            (folder / files["ladder"]).write_text(text, encoding="utf-8", errors="replace")
        if self._listening is not None:
            sound.write_wav(
                folder / files["sound"],
                bound(self.heard.samples),
                bound(np.asarray(self.said.samples)),
            )

    async def close(self) -> None:
        """Close media and socket, and wait 2 s for them at most."""
        # An edge that reads no more must not hold the process.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                if self._media:
                    await self._media.close()
                if self._signalling:
                    await self._signalling.close()
