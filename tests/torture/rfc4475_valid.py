"""The torture cases of RFC 4475, section 3.1.1: messages that are legal, however odd; what a case
is: case.py.
"""

from __future__ import annotations

from tests.torture.case import Case, folded

LONG = "x" * 700

VALID: tuple[Case, ...] = (
    # 3.1.1 valid messages
    Case(
        "3.1.1.1",
        "wsinv",
        lines=("X-Novel:   folded\r\n  here\r\n\tand there", "s :", 'UNKNOWN: "q\\"" \\;;,,;=;,'),
        instead={
            "To": "TO :\r\n  <sip:reveille@example.net>;  tag = 90zq",
            "Via": "v :  SIP / 2.0\r\n / UDP\r\n  192.0.2.61 ;branch= z9hG4bKwsinv",
            "CSeq": "cseq: 0008\r\n  INVITE",
            "From": 'f: "O. \\\\\\"Neill" \r\n <sip:o@example.net>;tag = 7q',
            "Max-Forwards": "MAX-FORWARDS: 0070",
        },
        status="200 OK",
        verdict="taken",
        extra=("X-Novel:   folded\r\n  here\r\n\tand there", 'UNKNOWN: "q\\"" \\;;,,;=;,'),
        altered={**folded("CSeq"), **folded("Call-ID")},
    ),
    Case(
        "3.1.1.2",
        "intmeth",
        first="!odd'0_*%+`^~. sip:odd_~(but-legal!)&it's+so$/ok?,/;;*@example.net SIP/2.0",
        instead={
            "CSeq": "CSeq: 8 !odd'0_*%+`^~.",
            "To": 'To: "\\\x07 bell \\" quote" <sip:odd_~(but-legal!)@example.net>',
        },
        lines=("x-odd-!.%*+_`'~: \ufeff\u4f60\u597d",),
        status="200 OK",
        verdict="taken",
        extra=("x-odd-!.%*+_`'~: \ufeff\u4f60\u597d",),
    ),
    Case(
        "3.1.1.3",
        "esc01",
        first="INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
        instead={"To": "To: sip:%75se%72@example.net"},
        status="200 OK",
        verdict="taken",
        extra=("Reply-To: <sip:I%20have%20spaces@example.net>",),
    ),
    Case(
        "3.1.1.4",
        "escnull",
        first="REGISTER sip:{target} SIP/2.0",
        instead={
            "To": "To: sip:a%00b@example.net",
            "Contact": "Contact: <sip:%00@192.0.2.61>\r\nContact: <sip:%00%00@192.0.2.61>",
        },
        status="200 OK",
        verdict="taken",
        extra=("Reply-To: <sip:a%00b@example.net>",),
    ),
    Case(
        "3.1.1.5",
        "esc02",
        first="RE%47IST%45R sip:registrar@{target} SIP/2.0",
        instead={"CSeq": "CSeq: 8 RE%47IST%45R"},
        status="200 OK",
        verdict="taken",
        extra=("X-%47: escaped in a name that is not",),
    ),
    Case(
        "3.1.1.6",
        "lwsdisp",
        first="OPTIONS sip:{target} SIP/2.0",
        instead={"From": "From: caller<sip:caller@example.net>;tag=323"},
        status="200 OK",
        verdict="taken",
        extra=("Reply-To: caller<sip:caller@example.net>",),
    ),
    Case(
        "3.1.1.7",
        "longreq",
        lines=tuple(f"X-Long-{n}: {LONG}" for n in range(3)),
        status="200 OK",
        verdict="taken",
        instead={"To": f'To: "{LONG}" <sip:{LONG}@example.net>'},
        extra=tuple(f"X-Long-{n}: {LONG}" for n in range(3)),
    ),
    Case(
        "3.1.1.8",
        "dblreq",
        body="",
        lines=(
            (
                "Content-Length: 0\r\n\r\nINVITE sip:second@example.net SIP/2.0\r\nVia: SIP/2.0/UDP"
                " x;branch=z9hG4bKtwo"
            ),
        ),
        status="200 OK",
        verdict="either",
    ),
    Case(
        "3.1.1.9",
        "semiuri",
        first="OPTIONS sip:user;par=u%40example.net@{target} SIP/2.0",
        status="200 OK",
        verdict="taken",
        extra=("Reply-To: <sip:user;par=u%40example.net@example.org>",),
    ),
    Case(
        "3.1.1.10",
        "transports",
        first="OPTIONS sip:{target} SIP/2.0",
        status="200 OK",
        verdict="either",
        instead={
            "Via": "\r\n".join(
                f"Via: SIP/2.0/{way} t{n}.example.net;branch=z9hG4bKt{n}"
                for n, way in enumerate(("UDP", "SCTP", "TLS", "UNKNOWN", "TCP"))
            )
        },
    ),
    Case(
        "3.1.1.11",
        "mpart01",
        first="MESSAGE sip:reveille@{target} SIP/2.0",
        lines=("Content-Type: multipart/mixed;boundary=parting-9f2c",),
        body=(
            "--parting-9f2c\nContent-Type: text/plain\n\nHello\n--parting-9f2c\n"
            "Content-Type: application/octet-stream\n\n\x00\x01\x02\n--parting-9f2c--\n"
        ),
        status="200 OK",
        verdict="either",
        extra=(),
    ),
    Case(
        "3.1.1.12",
        "unreason",
        status="200 gut; \u0445\u043e\u0440\u043e\u0448\u043e; \u20ac",
        verdict="taken",
    ),
    Case("3.1.1.13", "noreason", status="200 ", verdict="taken"),
)
