"""The torture cases of RFC 4475, sections 3.2 and 3.3: legal to a parser, and trouble for whoever
acts on them.
"""

from __future__ import annotations

from tests.torture.case import SDP, Case

BEYOND: tuple[Case, ...] = (
    Case(
        "3.2.1",
        "badbranch",
        first="OPTIONS sip:{target} SIP/2.0",
        instead={"Via": "Via: SIP/2.0/UDP 192.0.2.61;branch=z9hG4bK"},
        status="200 OK",
        verdict="either",
        altered={b"branch=z9hG4bK": b"branch=z9hG4bK;x="},
    ),
    # 3.3 application layer
    Case(
        "3.3.1",
        "insuf",
        instead={"Call-ID": "", "From": "", "To": ""},
        status="200 OK",
        verdict="refused",
        altered={b"\r\nCall-ID: ": b"\r\nX-Call: "},
    ),
    Case("3.3.2", "unkscm", first="OPTIONS unheard-of:opaque SIP/2.0"),
    Case("3.3.3", "novelsc", first="OPTIONS novel.way://192.0.2.103:3002 SIP/2.0"),
    Case(
        "3.3.4",
        "unksm2",
        first="REGISTER sip:{target} SIP/2.0",
        instead={"To": "To: isbn:0000000000", "Contact": "Contact: <name:John_Smith>"},
        status="200 OK",
        verdict="either",
        extra=("Reply-To: <isbn:0000000000>",),
    ),
    Case(
        "3.3.5",
        "bext01",
        first="OPTIONS sip:{target} SIP/2.0",
        lines=("Require: unheard-of, unheard-of-too", "Proxy-Require: unheard-of-by-proxies"),
        status="200 OK",
        verdict="either",
        extra=("Require: unheard-of",),
    ),
    Case(
        "3.3.6",
        "invut",
        lines=("Content-Type: application/unknownformat",),
        body='<audio>\n <pcmu port="443"/>\n</audio>\n',
    ),
    Case(
        "3.3.7",
        "regaut01",
        first="REGISTER sip:{target} SIP/2.0",
        lines=("Authorization: Riddle answer=unknown",),
        status="401 Unauthorized",
        verdict="refused",
        extra=("WWW-Authenticate: Riddle answer=unknown",),
    ),
    Case(
        "3.3.8",
        "multi01",
        instead={
            "CSeq": "CSeq: 5 INVITE\r\nCSeq: 59 INVITE",
            "Call-ID": "Call-ID: one@192.0.2.61\r\nCall-ID: two@192.0.2.61",
            "From": "From: <sip:a@example.net>;tag=3\r\nFrom: <sip:b@example.net>;tag=4",
        },
        status="200 OK",
        verdict="either",
        altered={b"\r\nCSeq: ": b"\r\nCSeq: 59 PUBLISH\r\nCSeq: "},
    ),
    Case(
        "3.3.9",
        "mcl01",
        first="OPTIONS sip:{target} SIP/2.0",
        lines=("Content-Length: 13", "Content-Length: 5"),
        body="which of the two?\n",
        status="200 OK",
        verdict="either",
        extra=("Content-Length: 99999",),
    ),
    Case(
        "3.3.10",
        "bcast",
        status="200 OK",
        verdict="either",
        instead={
            "Via": (
                "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK13\r\nVia: SIP/2.0/UDP"
                " 255.255.255.255;branch=z9hG4bK14"
            )
        },
        altered={b"\r\nFrom: ": b"\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK14\r\nFrom: "},
    ),
    Case(
        "3.3.11",
        "zeromf",
        first="OPTIONS sip:{target} SIP/2.0",
        instead={"Max-Forwards": "Max-Forwards: 0"},
        status="200 OK",
        verdict="taken",
        extra=("Max-Forwards: 0",),
    ),
    Case(
        "3.3.12",
        "cparam01",
        first="REGISTER sip:{target} SIP/2.0",
        instead={"Contact": "Contact: sip:+4930000000@gw.example.net;unknownparam"},
        status="200 OK",
        verdict="either",
        altered={b"Contact: ": b"Contact: sip:+4930000000@gw.example.net;unknownparam, "},
    ),
    Case(
        "3.3.13",
        "cparam02",
        first="REGISTER sip:{target} SIP/2.0",
        instead={"Contact": "Contact: <sip:+4930000000@gw.example.net;unknownparam>"},
        status="200 OK",
        verdict="either",
        altered={b"Contact: ": b"Contact: <sip:+4930000000@gw.example.net;unknownparam>, "},
    ),
    Case(
        "3.3.14",
        "regescrt",
        first="REGISTER sip:{target} SIP/2.0",
        instead={"Contact": "Contact: <sip:ines@example.net?Route=%3Csip:sip.example.net%3E>"},
        status="200 OK",
        verdict="either",
        altered={
            b"Contact: ": b"Contact: <sip:ines@example.net?Route=%3Csip:sip.example.net%3E>, "
        },
    ),
    Case(
        "3.3.15",
        "sdp01",
        lines=("Accept: text/unheard-of",),
        body=SDP,
        status="200 OK",
        verdict="taken",
        extra=("Accept: text/unheard-of",),
    ),
    Case(
        "3.3.16",
        "inv2543",
        first="INVITE sip:reveille@{target} SIP/2.0",
        body=SDP,
        instead={
            "Via": "Via: SIP/2.0/UDP iftgw.example.net",
            "From": "From: <sip:+13035551111@ift.example.net;user=phone>",
            "Max-Forwards": "",
        },
        status="200 OK",
        verdict="either",
        altered={b";tag=far": b""},
    ),
)
