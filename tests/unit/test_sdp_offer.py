"""Our offers name telephone-events by the number that phones in the field have (RFC 4733)."""

from __future__ import annotations

from checks.telephony.sip.sdp_offer import with_codec_alone, with_usual_events

OFFER = (
    "v=0\r\nm=audio 4120 RTP/AVP 8 0 120\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:120 telephone-event/8000\r\na=fmtp:120 0-16\r\n"
)


def test_events_have_the_usual_number() -> None:
    assert with_usual_events(OFFER) == (
        "v=0\r\nm=audio 4120 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
    )


def test_an_offer_is_left_alone_where_the_number_is_taken_or_there_are_no_events() -> None:
    taken = OFFER.replace("8 0 120", "8 101 120")
    assert with_usual_events(taken) == taken
    without = OFFER.replace("telephone-event", "other")
    assert with_usual_events(without) == without
    again = with_usual_events(OFFER)
    assert with_usual_events(again) == again


def test_an_offer_of_one_codec_keeps_the_keys() -> None:
    offer = with_usual_events(OFFER) + "a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
    alone = with_codec_alone(offer, "PCMU/8000")
    assert "m=audio 4120 RTP/AVP 0 101\r\n" in alone and alone.endswith("a=sendrecv\r\n")
    assert "PCMA" not in alone and "a=rtpmap:101 telephone-event/8000" in alone
    assert with_codec_alone(offer, "G729/8000") == offer, "what is not in it cannot be offered"
    assert with_codec_alone(offer, "") == offer
    assert with_codec_alone(alone, "PCMU/8000") == alone
