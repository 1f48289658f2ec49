"""getStats (W3C webrtc-stats) as the figures of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Ten seconds: in a short call one hiccup is no sickness.
_LEAST_SECONDS = 10.0
# getStats groups its figures by kind; each of them may be missing while nothing was counted.
Stats = Mapping[str, Any]


def counts(stats: Stats, codec: str) -> dict[str, Any]:
    """RTP as counted at our end, and the round trip by the far end's reports."""
    heard, said = stats.get("inbound-rtp", {}), stats.get("outbound-rtp", {})
    report = stats.get("remote-inbound-rtp", {})
    trip = report.get("roundTripTime")
    told: dict[str, Any] = {
        "codec": codec,
        "rx_packets": int(heard.get("packetsReceived", 0)),
        # Duplicated packets make packetsLost negative (W3C webrtc-stats, RFC 3550 section 6.4.1).
        "rx_lost": max(0, int(heard.get("packetsLost", 0))),
        "rx_discarded": int(heard.get("packetsDiscarded", 0)),
        # Jitter and round trip are in seconds here (W3C webrtc-stats).
        "rx_jitter_ms": 1000.0 * float(heard.get("jitter", 0.0)),
        "tx_packets": int(said.get("packetsSent", 0)),
        "rtt_ms": 1000.0 * float(trip) if trip else None,
    }
    # The share that the browser made up is what a listener hears as robotic.
    if total := heard.get("totalSamplesReceived"):
        told["concealed_percent"] = 100.0 * float(heard.get("concealedSamples", 0)) / float(total)
    if emitted := heard.get("jitterBufferEmittedCount"):
        told["jitter_buffer_ms"] = (
            # Divided by the emitted samples it is the mean delay (W3C webrtc-stats:
            # jitterBufferDelay).
            1000.0 * float(heard.get("jitterBufferDelay", 0.0)) / float(emitted)
        )
    if "audioLevel" in heard:
        told["audio_level"] = float(heard["audioLevel"])
    return told


class Source:
    """Whether the browser's microphone kept pace: a browser that is starved records, and sends,
    less sound than time goes by.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def unsent_percent(self, stats: Stats, now: float) -> float:
        """Sound that was due since the first look and never made, of ten seconds of it at least;
        `now` is in monotonic seconds. 0 where the browser does not count it.
        """
        made = stats.get("media-source", {}).get("totalSamplesDuration")
        if made is None:
            return 0.0
        if self._first is None:
            self._first = now, float(made)
        due = now - self._first[0]
        missing = due - (float(made) - self._first[1])
        return min(100.0, 100 * max(0.0, missing) / max(due, _LEAST_SECONDS))


def pair(stats: Stats) -> str:
    """The candidate pair in use, in words."""
    chosen = stats.get("candidate-pair", {})
    ours, theirs = (
        stats.get(chosen.get(side, ""), {}) for side in ("localCandidateId", "remoteCandidateId")
    )
    return f"{_words(ours)} to {_words(theirs)}"


def _words(candidate: Stats) -> str:
    # Chromium hides the address of a host candidate behind an mDNS name, or leaves it out.
    kind = candidate.get("candidateType", "unknown")
    return f"{kind} {candidate.get('address') or '?'}:{candidate.get('port', '?')}"


def secured(stats: Stats) -> str:
    """DTLS and SRTP as agreed, in words."""
    transport = stats.get("transport", {})
    role, version = transport.get("dtlsRole", "unknown"), transport.get("tlsVersion", "")
    return (
        f"DTLS as {role},"
        f" {transport.get('srtpCipher', 'SRTP')}{f', version {version}' if version else ''}"
    )
