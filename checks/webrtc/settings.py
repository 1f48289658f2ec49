"""The settings of a softphone's call, with the stages, claims and measures that follow from them.

The kinds `webrtc-call` and `webrtc-browser` place the same call; each adds how (call.py,
browser/check.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from checks.contract import Check, Claim, Layer
from checks.settings import Duration, ReadableFile, Secret
from checks.target import of_address, of_call
from checks.telephony.call import engine, media_judgement, probe_health
from checks.telephony.call.feature_steps import Feature
from checks.telephony.call.line import Line
from checks.telephony.call.media_judgement import MediaLimits
from checks.telephony.call.probe_health import ProbeLimits
from checks.telephony.call.script import AgentStep, Hear, Script, seconds_of, timed_stages
from checks.telephony.quality import streams
from checks.transport.host_port import without_variable

# Seconds for our own challenge to come back from an echo: six rounds of the nonce.
ECHO_SECONDS = 5.0
STAGES = (
    "dns",
    "tcp",
    "tls",
    "websocket",
    "register",
    "stun",
    "turn",
    "answer",
    "ice",
    "dtls",
    "srtp",
)
# Everything up to the answer, and hanging up, is signalling.
_LAYERS: dict[str, Layer] = {
    "": Layer.SIGNALLING,
    **dict.fromkeys(("stun", "turn", "ice", "dtls", "srtp", "hold", "media"), Layer.MEDIA),
    **dict.fromkeys(("prompt", "press", "pause"), Layer.PROMPT),
    **dict.fromkeys(("agent", "talk", "echo"), Layer.AGENT),
}
# RFC 6455 section 3: ws and wss URIs have no fragment.
_EDGE = re.compile(r"wss?://(\[[0-9A-Fa-f:.]+\]|[^\s/:?#@\[\]]+)(:[0-9]{1,5})?(/[^\s#]*)?")
_ICE_SERVER = re.compile(
    r"(?:stun|turns?):(?:\[[0-9A-Fa-f:.]+\]|[^:?\s\[\]/@]+)"
    r"(?::[0-9]{1,5})?(?:\?transport=(?:udp|tcp))?"
)


def _edge(written: str) -> str:
    without_variable(written)
    if not _EDGE.fullmatch(written):
        raise ValueError(
            f"{written!r} is no WebSocket address; write one as in 'wss://edge.example.net:443/ws'"
        )
    return written


def _ice_server(written: str) -> str:
    if not _ICE_SERVER.fullmatch(written):
        raise ValueError(
            f"{written!r} is no server; write one as in 'turn:turn.example.net:3478?transport=udp'"
        )
    return written


WebSocketAddress = Annotated[str, AfterValidator(_edge)]
IceServer = Annotated[str, AfterValidator(_ice_server)]


class SoftphoneCall(ProbeLimits, MediaLimits, Check):
    """The settings of a call by a softphone: edge, account, servers, script, times."""

    LAYER: ClassVar[Layer] = Layer.AGENT
    STAGE_LAYERS: ClassVar[Mapping[str, Layer]] = _LAYERS

    url: WebSocketAddress = Field(examples=["wss://edge.example.net/ws"])
    """the edge's address for SIP over WebSocket"""
    user: Annotated[str, Field(pattern=r"^[^\s<>\"',;@:]+$")] = Field(examples=["6001"])
    """the account's user name"""
    login: str | None = None
    """the user name for the digest, where it is another"""
    password: Secret | None = None
    """the account's password, by reference"""
    domain: Annotated[str, Field(pattern=r"^[^\s<>\"',;@]+$")] | None = None
    """the domain of the account's address, where it is not the edge's host"""
    origin: str | None = None
    """the Origin that the edge expects of a page"""
    to: Annotated[str, Field(pattern=r"^[^\s<>\"',;@]+(@[^\s<>\"',@]+)?$")] = Field(
        examples=["8000"]
    )
    """the number to call, or a SIP URI"""
    script: Script = ()
    """the steps in order, as of a sip-call: hear, press (by INFO), pause, agent, hold, hang-up"""
    echo: bool = False
    """whether the far end is an echo: then our own challenge must come back"""
    stun: tuple[IceServer, ...] = Field(default=(), max_length=1)
    """the STUN server of the agents' browsers"""
    turn: tuple[IceServer, ...] = Field(default=(), max_length=6)
    """TURN servers, each of which must give a relay; media takes the first"""
    turn_user: str = ""
    """the user name at the TURN servers"""
    turn_password: Secret | None = None
    """the password there, by reference"""
    relay_only: bool = False
    """whether media may only go by TURN"""
    codecs: Annotated[tuple[Literal["opus", "PCMA", "PCMU", "G722"], ...], Field(min_length=1)] = (
        "opus",
        "PCMA",
        "PCMU",
    )
    """what is offered, the preferred first"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust on TLS; without it the system's"""
    step_within: Duration = Field(default=5.0, gt=0)
    """how soon each stage up to TURN must pass"""
    answer_within: Duration = Field(default=30.0, gt=0)
    """how soon the call must be answered"""
    media_within: Duration = Field(default=6.0, gt=0)
    """how soon each of ICE, DTLS and the first packet must come"""

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if wrong := [url for url in self.stun if not url.startswith("stun:")]:
            raise ValueError(
                f"{wrong[0]!r} is no STUN server; write it as in 'stun:stun.example.net:3478'"
            )
        if wrong := [url for url in self.turn if url.startswith("stun:")]:
            raise ValueError(f"{wrong[0]!r} is no TURN server; write it under 'stun'")
        # RFC 8656 section 5: TURN servers authenticate by long-term credentials.
        if self.turn and (not self.turn_user or self.turn_password is None):
            raise ValueError("a TURN server asks who it is; write 'turn_user' and 'turn_password'")
        if self.relay_only and not self.turn:
            raise ValueError("'relay_only' needs a TURN server; write one under 'turn'")
        if any(isinstance(step, Feature) for step in self.script):
            raise ValueError(
                "call control (hold, mute, transfer, conference ...) is tried by a sip-call"
            )
        return self

    @property
    def agent_line(self) -> Line | None:
        """The agent's account, where the script reaches one."""
        return next((step.agent for step in self.script if isinstance(step, AgentStep)), None)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that there are with these settings."""
        there = {"tls": self._secure, "stun": bool(self.stun), "turn": bool(self.turn)}
        return tuple(stage for stage in STAGES if there.get(stage, True))

    @property
    def _secure(self) -> bool:
        return self.url.startswith("wss:")

    def claims(self) -> tuple[Claim, ...]:
        """The account, which has one softphone at a time, and the agent's."""
        agent = self.agent_line
        # Two softphones of one account would each be rung: the edge forks the call.
        return (Claim(f"{self.user} at {self.url}", 1), *((Claim(agent.name, 1),) if agent else ()))

    def lacks(self) -> str | None:
        """The engine of the agent's phone, where the script reaches one and this host has none."""
        return super().lacks() or (engine.missing() if self.agent_line else None)

    def target(self) -> str:
        """The number, and the edge that the call goes through."""
        return of_call(self.to, of_address(self.url))

    def measures(self) -> Mapping[str, str]:
        """Every measure it can give with these settings."""
        given = {f"{stage}_seconds": f"the stage {stage}, seconds" for stage in self.stages}
        if self._secure:
            given["certificate_days"] = "how long the edge's certificate is still valid, days"
        for url in self.turn:
            transport = _transport(url)
            given[f"turn_{transport}_seconds"] = f"a TURN allocation by {transport}, seconds"
        given |= {**_SOUND, **media_judgement.MEASURES, **streams.MEASURES, **probe_health.MEASURES}
        for number, _ in enumerate((step for step in self.script if isinstance(step, Hear)), 1):
            given[f"hear_{number}_seconds"] = "awaiting the prompt until it began, seconds"
            given[f"hear_{number}_level_dbm0"] = "how loud the prompt is heard, dBm0"
            given["prompt_seconds"] = "awaiting the last prompt until it was recognised, seconds"
        for stage in timed_stages(self.script):
            given[f"{stage}_seconds"] = f"the last {stage}, seconds"
        if self.agent_line:
            given["agent_ring_seconds"] = "awaiting the agent until the agent's phone rang, seconds"
            given["agent_seconds"] = "awaiting the agent until the agent was connected, seconds"
            given["talk_seconds"] = given["talk_heard_seconds"] = (
                "until both sides had heard each other, seconds"
            )
        if self.echo:
            given["echo_seconds"] = "until our own challenge came back, seconds"
        return given

    def longest_seconds(self) -> float:
        """The sum of all timers, which may run out one after the other, in seconds."""
        timers = (
            sum(self._within().values())
            + self.step_within
            + (ECHO_SECONDS if self.echo else self.listen)
        )
        return timers + sum(seconds_of(step) for step in self.script) + 15.0

    def _within(self) -> dict[str, float]:
        special = {
            "answer": self.answer_within,
            **dict.fromkeys(("ice", "dtls", "srtp"), self.media_within),
        }
        return {stage: special.get(stage, self.step_within) for stage in self.stages}


def _transport(url: str) -> str:
    """How a TURN server is reached: udp, tcp or tls."""
    if url.startswith("turns:"):
        return "tls"
    return "tcp" if url.endswith("transport=tcp") else "udp"


_SOUND: dict[str, str] = {
    "hang_up_seconds": "BYE until its answer, seconds",
    "rx_packets": "RTP packets received",
    "tx_packets": "RTP packets sent",
    "rx_loss_percent": "RTP packets lost on the way to us, percent",
    "rx_jitter_ms": "interarrival jitter (RFC 3550), milliseconds",
    "rtt_ms": "round trip by RTCP, milliseconds, where the far end sends any",
    "mos": "mean opinion score of what was heard, of a narrowband codec",
    "rx_level_dbm0": "level of the sounding parts of what was received, dBm0",
}
