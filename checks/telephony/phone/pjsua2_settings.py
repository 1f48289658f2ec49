"""The settings of the engine (pjsua2) for itself, an account and a transport, and the counts that
it tells back.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pjsua2 as pj

from checks.telephony.phone.tls_relay import HOST, Far, TlsRelay
from checks.telephony.sip.ladder import Ladder, Message

# RFC 3261 section 25.1: a quoted string, in which a backslash quotes what follows.
_REALM = re.compile(r'(?i)\brealm[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"')
# RFC 4028 section 5 has 90 s as the least session interval: an orphaned call dies at the far end
# within it.
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
    relay: str = ""
    """host:port of our own relay, which every request goes through before (tls_relay.py)"""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    local_address: str = ""
    """the address of the interface to use; "" lets the system choose"""
    places: tuple[tuple[str, int], ...] = ()
    """addresses and ports of the next hop, on TLS"""
    server_name: str = ""
    """the name that it must prove, on TLS"""
    authorities: str | None = None
    """PEM file of the authorities to trust on TLS; None: the system's"""
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    srtp: str = "never"
    """never, optional or required: SRTP with keys in the SDP (RFC 4568)"""
    realm: str | None = None
    """whose challenges are answered with the password; None: that of the first who registers us"""
    sources: tuple[str, ...] = ()
    """where its calls come from (screening.py); none: from anywhere"""

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Account:
        """Out of an order, which has lists for what is fixed here."""
        lists = {name: tuple(written.get(name, ())) for name in ("codecs", "sources")}
        places = tuple((str(host), int(port)) for host, port in written.get("places", ()))
        return cls(**{**written, **lists, "places": places})


# pjsua2 parts the transports by family: IPv6 has kinds of its own, which this engine's build
# lacks. TLS it has by our relay.
_TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}
_SRTP = {
    "never": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "required": pj.PJMEDIA_SRTP_MANDATORY,
}


def relayed(account: Account) -> tuple[Account, TlsRelay | None]:
    """The account as the engine has it, and the relay that has its TLS, if it has. Raises OSError,
    also for authorities that are none.
    """
    if account.transport != "tls":
        return account, None
    authorities = Path(account.authorities) if account.authorities else None
    relay = TlsRelay(Far(account.places, account.server_name, authorities))
    sources = (*account.sources, relay.place) if account.sources else ()
    return replace(account, transport="tcp", relay=relay.place, sources=sources), relay


def started(account: Account, writer: Any, begin: Callable[[], object]) -> tuple[Any, int]:
    """The engine, started with the transport and the codecs of an account, and its port; `begin` is
    called before anything can arrive. Raises pjsua2.Error.
    """
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    endpoint.libInit(of_engine(writer))
    begin()
    transport = endpoint.transportCreate(_TRANSPORTS[account.transport], of_transport(account))
    port = int(endpoint.transportGetInfo(transport).localName.rsplit(":", 1)[1])
    endpoint.libStart()
    # No sound card: sound comes from files, and goes to files.
    endpoint.audDevManager().setNullDev()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, priority(codec.codecId, account.codecs))
    return endpoint, port


def of_engine(writer: Any) -> Any:
    """The engine's own settings. `writer` takes its log; the caller must keep it referenced."""
    settings = pj.EpConfig()
    # No threads: pjsua2 asserts when a thread that it does not know calls it.
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    # The call, a consultation, and those who are turned away: one who never sends the ACK stays for
    # 32 s (RFC 3261 section 17.2.1, timer H), and must not make the phone look busy.
    settings.uaConfig.maxCalls = 32
    settings.uaConfig.userAgent = "Reveille"
    # Level 4 logs whole SIP messages and RTP decode errors, which the ladder and the watch read.
    settings.logConfig.level = settings.logConfig.consoleLevel = 4
    settings.logConfig.msgLogging = 1
    settings.logConfig.decor = 0
    settings.logConfig.writer = writer
    # The telephone network's rate: prompts are compared at 8 kHz, whatever the codec.
    settings.medConfig.clockRate = settings.medConfig.sndClockRate = 8000
    # Voice activity detection would leave gaps in what our own nonce needs.
    settings.medConfig.noVad = True
    # The echo canceller would remove what an echo test is to find.
    settings.medConfig.ecTailLen = 0
    return settings


def of_transport(account: Account) -> Any:
    """The SIP transport: bound to one address, which is the relay's where there is one."""
    settings = pj.TransportConfig()
    settings.boundAddress = HOST if account.relay else account.local_address
    return settings


def priority(codec: str, wanted: tuple[str, ...]) -> int:
    """255 for the first wanted codec, one less for each further, 0 (off) for all others."""
    name = codec.split("/", 1)[0].upper()
    order = [codec.upper() for codec in wanted]
    # The engine's priorities go from 255, the first in the offer, to 0, not offered at all.
    return 255 - order.index(name) if name in order else 0


def of_account(account: Account) -> Any:
    """The account: digest, a session timer so that an orphan dies at the far end, a random RTP port
    for each call.
    """
    settings = pj.AccountConfig()
    settings.idUri = account.address
    settings.regConfig.registerOnAdd = False
    # Else `pin_to` takes the account away from its registrar and brings it back, each with a
    # challenge of its own: a call in between finds nobody, and where the two overtake each other
    # none does any more.
    settings.regConfig.disableRegOnModify = True
    settings.regConfig.registrarUri = account.registrar or ""
    # The daemon decides whether a registration is tried again.
    settings.regConfig.retryIntervalSec = 0
    # The registration outlives a probe by minutes at most, should the process die without taking
    # it back.
    settings.regConfig.timeoutSec = 300
    if account.relay:
        settings.sipConfig.proxies.push_back(f"sip:{account.relay};transport=tcp;lr")
    if account.route:
        settings.sipConfig.proxies.push_back(account.route)
    if account.user:
        settings.sipConfig.authCreds.push_back(
            pj.AuthCredInfo("digest", account.realm or "*", account.user, 0, account.password or "")
        )
    settings.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
    settings.callConfig.timerMinSESec = settings.callConfig.timerSessExpiresSec = _SESSION_SECONDS
    # An answer with several codecs would make the engine send a second INVITE to lock one.
    settings.mediaConfig.lockCodecEnabled = False
    settings.mediaConfig.srtpUse = _SRTP[account.srtp]
    # 0 lets the keys go over UDP too, as the line's srtp setting says.
    settings.mediaConfig.srtpSecureSignaling = 0
    # Keys in the SDP (RFC 4568) are what SIP trunks and PBXs have; DTLS-SRTP belongs to browsers.
    settings.mediaConfig.srtpOpt.keyings.push_back(pj.PJMEDIA_SRTP_KEYING_SDES)
    settings.mediaConfig.transportConfig.boundAddress = account.local_address
    # The engine reuses its default port: packets of a call that was orphaned would be heard in the
    # next one. RTP takes even ports (RFC 3550 section 11).
    port = random.randrange(16384, 48000, 2)  # noqa: S311 - no secret
    settings.mediaConfig.transportConfig.port = port
    settings.mediaConfig.transportConfig.portRange = 16000
    return settings


def pin(account: Any, settings: Any, ladder: Ladder) -> None:
    """From now on answer the challenges of the realm alone that has registered us: whoever a call
    leads to may ask for a password, and would get a digest to guess it by.
    """
    asked = [
        message
        for message in ladder
        if message.direction == "received"
        and message.method == "REGISTER"
        and message.status in (401, 407)
    ]
    written = challenges_in(asked[-1] if asked else None)
    if written and (found := _REALM.search(written[0])):
        pin_to(account, settings, re.sub(r"\\(.)", r"\1", found[1]))


def challenges_in(answer: Message | None) -> list[str]:
    """The challenges of an answer, as they are written; none without one."""
    if answer is None:
        return []
    return [*answer.headers("WWW-Authenticate"), *answer.headers("Proxy-Authenticate")][:8]


def pin_to(account: Any, settings: Any, realm: str) -> None:
    """From now on answer the challenges of this realm alone, where none is set."""
    credentials = settings.sipConfig.authCreds
    if not len(credentials) or credentials[0].realm != "*":
        return
    one = credentials[0]
    pinned = pj.AuthCredInfo(one.scheme, realm, one.username, one.dataType, one.data)
    settings.sipConfig.authCreds.clear()
    settings.sipConfig.authCreds.push_back(pinned)
    account.modify(settings)


def media_of(info: Any) -> dict[str, Any]:
    """The codec of a stream, its far address and its packet time (milliseconds)."""
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
        # A jitter buffer discards what comes too late, or twice.
        "rx_discarded": buffer.discard,
        "rx_empty": buffer.empty,
        "rx_buffer_ms": buffer.avgDelayMsec,
        "rx_jitter_ms": received.jitterUsec.mean / 1000,
        "tx_packets": sent.pkt,
        # Without a report the far end's figures are zero, which would read as a perfect call.
        "far_reports": sent.updateCount,
        "far_lost": sent.loss,
        "far_jitter_ms": sent.jitterUsec.mean / 1000 if sent.updateCount else None,
        "far_tool": rtcp.peerSdes.tool,
        "rtt_ms": rtcp.rttUsec.mean / 1000 if rtcp.rttUsec.n > 0 else None,
    }
