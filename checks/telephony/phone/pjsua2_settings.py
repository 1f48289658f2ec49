"""What the engine (pjsua2) is told: about itself, an account, a transport; and the counts that it
tells back.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pjsua2 as pj

_SESSION_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Account:
    """Who the telephone is. The password is only here and in the engine."""

    address: str
    """its SIP URI"""
    transport: str = "udp"
    registrar: str | None = None
    """URI to REGISTER at; None does not"""
    route: str | None = None
    """URI of the proxy that every request goes through"""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    local_address: str = ""
    """the address of the interface to use; "" lets the system choose"""
    authorities: str = ""
    """PEM file of the authorities to trust on TLS"""
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    srtp: str = "never"
    """never, optional or required: SRTP with keys in the SDP (RFC 4568)"""


_SRTP = {
    "never": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "required": pj.PJMEDIA_SRTP_MANDATORY,
}


def of_engine(writer: Any) -> Any:
    """The engine's own settings; `writer` takes its log and must be kept referenced by the caller."""
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.uaConfig.maxCalls = 4
    settings.uaConfig.userAgent = "Reveille"
    settings.logConfig.level = settings.logConfig.consoleLevel = 4
    settings.logConfig.msgLogging = 1
    settings.logConfig.decor = 0
    settings.logConfig.writer = writer
    settings.medConfig.clockRate = settings.medConfig.sndClockRate = 8000
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    return settings


def of_transport(account: Account) -> Any:
    """The SIP transport: bound to one address; TLS 1.2 with the far end's certificate verified."""
    settings = pj.TransportConfig()
    settings.boundAddress = account.local_address
    if account.transport == "tls":
        settings.tlsConfig.verifyServer = True
        settings.tlsConfig.CaListFile = account.authorities
        settings.tlsConfig.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2
    return settings


def priority(codec: str, wanted: tuple[str, ...]) -> int:
    """255 for the first wanted codec, one less for each further, 0 (off) for all others."""
    name = codec.split("/", 1)[0].upper()
    order = [codec.upper() for codec in wanted]
    return 255 - order.index(name) if name in order else 0


def of_account(account: Account) -> Any:
    """The account: digest, a session timer so that an orphan dies at the far end, a random RTP port
    for each call.
    """
    settings = pj.AccountConfig()
    settings.idUri = account.address
    settings.regConfig.registerOnAdd = False
    settings.regConfig.registrarUri = account.registrar or ""
    settings.regConfig.retryIntervalSec = 0
    settings.regConfig.timeoutSec = 300
    if account.route:
        settings.sipConfig.proxies.push_back(account.route)
    if account.user:
        settings.sipConfig.authCreds.push_back(
            pj.AuthCredInfo("digest", "*", account.user, 0, account.password or "")
        )
    settings.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
    settings.callConfig.timerMinSESec = settings.callConfig.timerSessExpiresSec = _SESSION_SECONDS
    settings.mediaConfig.lockCodecEnabled = False
    settings.mediaConfig.srtpUse = _SRTP[account.srtp]
    settings.mediaConfig.srtpSecureSignaling = 0
    settings.mediaConfig.srtpOpt.keyings.push_back(pj.PJMEDIA_SRTP_KEYING_SDES)
    settings.mediaConfig.transportConfig.boundAddress = account.local_address
    settings.mediaConfig.transportConfig.port = random.randrange(16384, 48000, 2)  # noqa: S311 - no secret
    settings.mediaConfig.transportConfig.portRange = 16000
    return settings


def media_of(info: Any) -> dict[str, Any]:
    """What a stream is."""
    codec = info.audCodecParam
    packet_ms = codec.info.frameLen * max(1, codec.setting.frmPerPkt)
    return {"codec": info.codecName, "far": info.remoteRtpAddress, "packet_ms": packet_ms}


def counts(stat: Any, info: Any) -> dict[str, Any]:
    """RTP as counted at our end, and what the far end reported of ours by RTCP (RR, RFC 3550);
    times in ms. rxStat.reorder is left out: it returns the loss value.
    """
    rtcp, buffer, codec = stat.rtcp, stat.jbuf, info.audCodecParam
    received, sent = rtcp.rxStat, rtcp.txStat
    return {
        "codec": info.codecName,
        "frame_ms": codec.info.frameLen * max(1, codec.setting.frmPerPkt),
        "rx_packets": received.pkt,
        "rx_lost": received.loss,
        "rx_loss_length_ms": (
            received.lossPeriodUsec.mean / 1000 if received.lossPeriodUsec.n else None
        ),
        "rx_discarded": buffer.discard,
        "rx_empty": buffer.empty,
        "rx_buffer_ms": buffer.avgDelayMsec,
        "rx_jitter_ms": received.jitterUsec.mean / 1000,
        "tx_packets": sent.pkt,
        "far_reports": sent.updateCount,
        "far_lost": sent.loss,
        "far_jitter_ms": sent.jitterUsec.mean / 1000 if sent.updateCount else None,
        "far_tool": rtcp.peerSdes.tool,
        "rtt_ms": rtcp.rttUsec.mean / 1000 if rtcp.rttUsec.n > 0 else None,
    }
