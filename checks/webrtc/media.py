"""The media of a softphone, on aiortc: ICE (RFC 8445), DTLS (RFC 8827), SRTP (RFC 3711). Only for
its own process.

Traps of the library that this file lives with (aiortc 1.16, aioice 0.13):
* a TURN server that fails is silently no candidate: ask it directly (relay.py), and look whether a
  candidate came;
* a private authority for turns: is only taken from SSL_CERT_FILE;
* the loopback address is no host candidate, and none is where interfaces may not be listed:
  own_addresses.py;
* its DTLS needs callbacks in memory that is written and then run (cffi), and fails without a word;
* neither the pair chosen nor the DTLS role is public;
* jitter is told in units of the RTP clock.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc import sdp as descriptions
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from OpenSSL import SSL

from checks.contract import CannotTell, Failed
from checks.webrtc.sounds import Mouth

# The library has counters and no events for packets.
_LOOK_SECONDS = 0.02
# The codecs that aiortc decodes.
_USABLE = ("opus", "PCMA", "PCMU", "G722")


def need_callbacks() -> None:
    """Raises CannotTell where the library's DTLS cannot call back: it would die in silence, and the
    far end be blamed for a handshake that never began.
    """
    try:
        SSL.Context(SSL.DTLS_METHOD).set_verify(SSL.VERIFY_PEER, lambda *_: True)
    except MemoryError:
        raise CannotTell(
            "DTLS cannot call back, since this service may not run memory that it has written;"
            " `reveille install` lays down webrtc.conf, which lets it"
        ) from None


class Media:
    """One peer connection with one sound each way. `lost` is told when what stood breaks: stage and
    code.
    """

    def __init__(self, settings: Mapping[str, Any], mouth: Mouth, lost: Any) -> None:
        # aioice reads no other place for a private authority of turns:.
        if settings["authorities"]:
            os.environ["SSL_CERT_FILE"] = settings["authorities"]
        self._lost, self._standing = lost, False
        self._peer = RTCPeerConnection(_configuration(settings))
        self._transceiver = self._peer.addTransceiver(mouth, direction="sendrecv")
        self._transceiver.setCodecPreferences(_preferred(settings["codecs"]))
        self._codec, self._clock, self._answer = "", 8000, ""
        self._described: Any = None
        self._changed = asyncio.Event()

    @property
    def track(self) -> MediaStreamTrack:
        """What the far end says, once it has answered."""
        return self._transceiver.receiver.track

    async def offer(self) -> str:
        """Our description, with every candidate in it."""
        # Candidates are gathered once; the offer with all of them goes out in one INVITE (no
        # trickle ICE, RFC 8838).
        if self._peer.localDescription is None:
            await self._peer.setLocalDescription(await self._peer.createOffer())
        return str(self._peer.localDescription.sdp)

    def read(self, body: str) -> str:
        """Look at the far end's description; its codec. Raises Failed."""
        self._answer, self._described = body, _sound_in(body)
        codec = next((one for one in self._described.rtp.codecs if one.name in _USABLE), None)
        if codec is None:
            raise Failed("no-codec", "the answer has none of the codecs that were offered")
        self._codec, self._clock = codec.name, codec.clockRate
        return self._codec

    @property
    def has_fingerprint(self) -> bool:
        """Whether the description that was read can be trusted to be DTLS."""
        return bool(self._described.dtls and self._described.dtls.fingerprints)

    async def begin(self) -> None:
        """Take the description that was read: ICE begins. Raises Failed."""
        # RFC 8839 section 5.4: without ice-ufrag and ice-pwd the far end does no ICE.
        if self._described.ice.usernameFragment is None or self._described.ice.password is None:
            raise Failed(
                "no-ice", "the answer has no ICE credentials: the edge does not bridge to plain SIP"
            )
        self._watch()
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(self._answer, "answer"))
        except Exception as problem:  # noqa: BLE001 - whatever the library raises
            raise Failed(
                "bad-peer", f"the answer does not fit the offer: {problem}"[:200]
            ) from None

    async def until_connected(self) -> str:
        """Wait for ICE; the pair chosen, in words. Raises Failed."""
        transport = self._dtls.transport
        await self._until(lambda: transport.state in ("completed", "failed", "closed"))
        if transport.state != "completed":
            # The check list shows whether there was anything to try.
            tried = len(transport._connection._check_list)
            raise Failed("no-pair", f"none of {tried} candidate pairs could be used")
        # The library has no public way to the pair.
        pair = transport._connection._nominated[1]
        ours, theirs = pair.local_candidate, pair.remote_candidate
        return f"{ours.type} {ours.host}:{ours.port} to {theirs.type} {theirs.host}:{theirs.port}"

    async def until_secured(self) -> str:
        """Wait for DTLS; role and fingerprint in words. Raises Failed."""
        dtls = self._dtls
        await self._until(lambda: dtls.state in ("connected", "failed", "closed"))
        if dtls.state == "connected":
            self._standing = True
            return f"DTLS as {dtls._role}, the fingerprint of the answer's certificate holds"
        # DTLS came up and was closed again: the certificate did not match (RFC 8122 section 6.2).
        if dtls.encrypted:
            raise Failed(
                "fingerprint", "the certificate is not the one whose fingerprint the answer names"
            )
        raise Failed("dtls", f"the handshake failed (as {dtls._role})")

    async def until_heard(self) -> None:
        """Wait for the first packet both ways."""
        counts: Mapping[str, Any] = {}
        while not (counts.get("rx_packets") and counts.get("tx_packets")):
            # The library counts, and tells nobody.
            await asyncio.sleep(_LOOK_SECONDS)
            counts = await self.counts()

    async def counts(self) -> dict[str, Any]:
        """RTP as counted at our end, and the round trip by the far end's reports."""
        told = {one.type: one for one in (await self._peer.getStats()).values()}
        heard, said, report = (
            told.get(name) for name in ("inbound-rtp", "outbound-rtp", "remote-inbound-rtp")
        )
        return {
            "codec": self._codec,
            "rx_packets": heard.packetsReceived if heard else 0,
            # Duplicated packets make the cumulative loss negative (RFC 3550 section 6.4.1).
            "rx_lost": max(0, heard.packetsLost) if heard else 0,
            # aiortc's jitter buffer tells nothing of what it discards.
            "rx_discarded": 0,
            # aiortc tells jitter in units of the RTP clock: 48 kHz for Opus, 8 kHz for G.711 and
            # G.722 (RFC 3551 section 4.5.2).
            "rx_jitter_ms": 1000.0 * heard.jitter / self._clock if heard else 0.0,
            "tx_packets": said.packetsSent if said else 0,
            "rtt_ms": 1000.0 * report.roundTripTime if report and report.roundTripTime else None,
        }

    async def close(self) -> None:
        """Close the peer connection."""
        self._standing = False
        await self._peer.close()

    @property
    def _dtls(self) -> Any:
        return self._transceiver.receiver.transport

    def _watch(self) -> None:
        for source in (self._dtls, self._dtls.transport):
            source.on("statechange", self._change)

    def _change(self) -> None:
        self._changed.set()
        # Before the call stands the stages themselves tell what fails.
        if not self._standing:
            return
        if self._dtls.transport.state in ("failed", "closed"):
            self._standing = False
            self._lost("ice", "lost", "the far end no longer agrees to be sent to (RFC 7675)")
        elif self._dtls.state in ("failed", "closed"):
            self._standing = False
            self._lost("dtls", "closed", "the far end closed DTLS in the call")

    async def _until(self, condition: Any) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()


def _sound_in(body: str) -> Any:
    """The description of the sound in an SDP. Raises Failed."""
    try:
        found = [
            one
            for one in descriptions.SessionDescription.parse(body).media
            if one.kind == "audio" and one.port
        ]
    except Exception:  # noqa: BLE001 - the library raises whatever it stumbles over
        raise Failed("bad-peer", "the answer's description is no SDP") from None
    if not found:
        raise Failed("no-media", "the answer takes no sound")
    return found[0]


def _configuration(settings: Mapping[str, Any]) -> RTCConfiguration:
    # One server of each kind, as browsers warn of more; the others are proven by the stage turn.
    servers = [RTCIceServer(urls=url) for url in settings["stun"][:1]]
    servers += [
        RTCIceServer(urls=url, username=settings["turn_user"], credential=settings["turn_password"])
        for url in settings["turn"][:1]
    ]
    policy = RTCIceTransportPolicy.RELAY if settings["relay_only"] else RTCIceTransportPolicy.ALL
    # RFC 9143 (BUNDLE): all media over one transport.
    return RTCConfiguration(
        iceServers=servers, iceTransportPolicy=policy, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE
    )


def _preferred(codecs: Sequence[str]) -> list[Any]:
    known = RTCRtpSender.getCapabilities("audio").codecs
    return [
        one for name in codecs for one in known if one.mimeType.lower() == f"audio/{name}".lower()
    ]
