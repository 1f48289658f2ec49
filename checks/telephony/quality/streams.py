"""Voice quality of a call, each direction by itself: what was counted on the wire becomes R and MOS
(emodel.py).

Loss that counts is the network's and what the jitter buffer threw away or had to leave empty; raw
jitter is never an input, since prompts and bridges make RTP timestamps jump. How losses cluster is
the burst ratio: their mean length beside the mean length that random loss of the same share would
have, 1 / (1 - p).

MOS-LQ is how it sounds (no delay), MOS-CQ how it is to talk over it (with the delay). Both go with
their codec, scale and where its values come from; a codec without values has no MOS: "not
computed". Values that ITU-T never settled are marked as an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checks.telephony.quality import emodel
from checks.telephony.quality.emodel import Path, Scale

_G113 = "ITU-T G.113 appendix I"


@dataclass(frozen=True, slots=True)
class Codec:
    """What a codec does to a voice: Ie and Bpl on its scale, and who says so. `lookahead_ms` is
    beside a frame.
    """

    ie: float
    bpl: float
    scale: Scale = Scale.NARROWBAND
    provenance: str = _G113
    estimate: bool = False
    lookahead_ms: float = 0.0


# Ie and Bpl by codec (ITU-T G.113 appendix I; G.113 amendments for the wideband scale). A codec
# without settled values has no MOS.
CODECS: dict[str, Codec] = {
    "PCMA": Codec(
        0.0, 25.1, provenance=f"{_G113}, G.711 with concealment, which our receiver does"
    ),
    "PCMU": Codec(
        0.0, 25.1, provenance=f"{_G113}, G.711 with concealment, which our receiver does"
    ),
    "G729": Codec(11.0, 19.0, provenance=f"{_G113}, G.729A with VAD", lookahead_ms=5.0),
    "G723": Codec(
        15.0, 16.1, provenance=f"{_G113}, G.723.1 at 6.3 kbit/s with VAD", lookahead_ms=7.5
    ),
    "GSM-EFR": Codec(5.0, 10.0, lookahead_ms=5.0),
    "GSM": Codec(
        20.0, 10.0, provenance=f"Ie of {_G113}, Bpl by analogy with GSM-EFR", estimate=True
    ),
    "ILBC": Codec(11.0, 11.7, provenance="no ITU-T value; as voip_patrol reckons", estimate=True),
    "G722": Codec(
        13.0, 4.3, Scale.WIDEBAND, "Ie,WB of G.722 at 64 kbit/s; no ITU-T Bpl", True, 1.5
    ),
    "OPUS": Codec(10.2, 4.3, Scale.FULLBAND, "no ITU-T value; as wire-avs reckons", True, 6.5),
}


_DIRECTIONS = {
    "heard": "what we heard",
    "said": "what we said, as our agent or the far end's RTCP tells it",
}
_FIGURES = {
    "loss_percent": "packets that never reached the ear in time, percent of those sent: {}",
    "burst_ratio": "how much longer losses are than random ones (BurstR of ITU-T G.107): {}",
    "delay_ms": "one way from mouth to ear, milliseconds: {}",
    "r": "transmission rating R by the E-model, on the scale of the codec: {}",
    "mos_lq": "listening quality, MOS of that R without delay: {}",
    "mos_cq": "conversational quality, MOS of that R with the delay: {}",
}
MEASURES: dict[str, str] = {
    f"{direction}_{name}": meaning.format(of)
    for direction, of in _DIRECTIONS.items()
    for name, meaning in _FIGURES.items()
}
"""the measures of both directions"""
FAR_MEASURES: dict[str, str] = {
    "xr_loss_percent": (
        "loss on the way to the far end, as its last RTCP-XR says (RFC 3611), percent"
    ),
    "xr_discard_percent": "what came too late or early for its jitter buffer, percent",
    "xr_burst_percent": "what of it was lost or discarded within bursts, percent",
    "xr_round_trip_ms": "round trip by the far end's reckoning, milliseconds",
    "xr_end_delay_ms": "delay within the far end, milliseconds",
    "xr_r": "R factor (ITU-T G.107) as the far end reckons it",
    "xr_mos_lq": "MOS-LQ as the far end reckons it",
    "xr_mos_cq": "MOS-CQ as the far end reckons it",
}


@dataclass(frozen=True, slots=True)
class Stream:
    """What was counted of one direction. `source` says who counted; delays that are not known are
    None.
    """

    codec: str
    received: int
    lost: int
    discarded: int = 0
    empty: int = 0
    loss_length_packets: float | None = None
    """mean length of a loss"""
    frame_ms: float = 20.0
    rtt_ms: float | None = None
    buffer_ms: float | None = None
    mouth_to_ear_ms: float | None = None
    """measured, by a challenge: then nothing else of the delay is needed"""
    source: str = "our own receiver"

    @property
    def expected(self) -> int:
        """Packets that were sent to the one who counted."""
        return self.received + self.lost


@dataclass(frozen=True, slots=True)
class Quality:
    """How one direction was. `missing` says why there is no R ("not computed: ..."), and then R and
    MOS are None.
    """

    codec: str
    source: str
    loss_percent: float
    network_loss_percent: float
    burst_ratio: float
    delay_ms: float | None
    delay_parts: str
    scale: str = ""
    provenance: str = ""
    estimate: bool = False
    r: float | None = None
    mos_lq: float | None = None
    mos_cq: float | None = None
    missing: str = ""

    def said(self) -> str:
        """In one line: the score with its codec, scale and provenance."""
        if self.mos_lq is None:
            return self.missing
        talk = f", MOS-CQ {self.mos_cq:.2f}" if self.mos_cq is not None else ""
        doubt = ", an estimate" if self.estimate else ""
        return (
            f"MOS-LQ {self.mos_lq:.2f}{talk}, R {self.r:.1f} on the {self.scale} scale{doubt} "
            f"({self.codec}; {self.provenance}; counted by {self.source})"
        )


def assess(stream: Stream) -> Quality:
    """The quality of one direction, with its delay, loss, R and MOS."""
    loss = effective_loss_percent(stream.received, stream.lost, stream.discarded, stream.empty)
    # The length of a loss is counted by the receiver; the burst ratio needs the share as well.
    burst = burst_ratio(stream.loss_length_packets, loss)
    delay, parts = _delay(stream)
    facts: dict[str, Any] = {
        "codec": stream.codec,
        "source": stream.source,
        "loss_percent": loss,
        "network_loss_percent": effective_loss_percent(stream.received, stream.lost),
        "burst_ratio": burst,
        "delay_ms": delay,
        "delay_parts": parts,
    }
    codec = CODECS.get(stream.codec.upper())
    if codec is None:
        return Quality(
            **facts,
            missing=f"not computed: no settled values for the codec {stream.codec or '(none)'}",
        )
    if not stream.expected:
        return Quality(**facts, missing="not computed: not a packet was counted")
    # Listening quality has no delay: whoever only listens does not notice it.
    listening = Path(ie=codec.ie, bpl=codec.bpl, ppl=loss, burst_ratio=burst)
    r = emodel.rating_on(codec.scale, listening)
    talking = None
    if delay is not None:
        path = Path.delayed(delay, ie=codec.ie, bpl=codec.bpl, ppl=loss, burst_ratio=burst)
        talking = emodel.mos(emodel.rating_on(codec.scale, path), codec.scale)
    return Quality(
        **facts,
        scale=codec.scale.title,
        provenance=codec.provenance,
        estimate=codec.estimate,
        r=r,
        mos_lq=emodel.mos(r, codec.scale),
        mos_cq=talking,
    )


def effective_loss_percent(received: int, lost: int, discarded: int = 0, empty: int = 0) -> float:
    """Share of what was sent to us that never reached the ear in time, in percent; 0 when nothing
    was expected.
    """
    expected = received + lost
    # An empty jitter buffer is a loss to the ear, even where the packet came later.
    return min(100.0, 100.0 * (lost + discarded + empty) / expected) if expected > 0 else 0.0


def burst_ratio(mean_length_packets: float | None, loss_percent: float) -> float:
    """BurstR of G.107: how much longer losses are than random ones; 1 where their lengths are not
    known.
    """
    if mean_length_packets is None or loss_percent <= 0:
        return 1.0
    # Random loss of a share p has a mean length of 1 / (1 - p) packets (G.107: BurstR).
    return max(1.0, mean_length_packets * (1 - loss_percent / 100))


def _delay(stream: Stream) -> tuple[float | None, str]:
    """The way from mouth to ear in milliseconds, measured or summed up from the known parts.

    None where no round trip is known.
    """
    if stream.mouth_to_ear_ms is not None:
        return stream.mouth_to_ear_ms, "measured from mouth to ear"
    if stream.rtt_ms is None:
        # Half of a round trip by RTCP (RFC 3550 section 6.4.1) supposes that both ways are alike.
        return None, "not known: the far end sent no RTCP report"
    codec = CODECS.get(stream.codec.upper())
    parts = {
        "half the round trip": stream.rtt_ms / 2,
        "a packet": stream.frame_ms + (codec.lookahead_ms if codec else 0),
    }
    if stream.buffer_ms is not None:
        parts["jitter buffer"] = stream.buffer_ms
    words = " + ".join(f"{name} {value:.0f} ms" for name, value in parts.items())
    return sum(parts.values()), (
        words if stream.buffer_ms is not None else f"{words}, without the far jitter buffer"
    )
