"""What stands in the bytes of each kind of far end: words for the mutations to put in."""

from __future__ import annotations

SIP = (b"SIP/2.0 ", b"Via: SIP/2.0/UDP ", b";branch=z9hG4bK", b"CSeq: 1 INVITE\r\n", b"l: 5\r\n",
       b"Call-ID: a\r\n", b"Contact: *\r\n", b";expires=", b"Reason: Q.850;cause=16\r\n",
       b"WWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n", b"<sip:a@[::1]:5060;lr>",
       b"Content-Length: ", b"Retry-After: ")  # fmt: skip
SDP = (b"v=0\r\n", b"m=audio 0 RTP/AVP 8\r\n", b"a=rtpmap:8 PCMA/8000\r\n", b"c=IN IP4 0.0.0.0",
       b"o=- 1 1 IN IP4 1.2.3.4\r\n", b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", b"b=AS:64",
       b"a=fmtp:101 0-15\r\n")  # fmt: skip
UPSD = (b"BEGIN LIST VAR main\n", b"VAR main ups.status \"OB LB\"\n", b"END LIST VAR main\n",
        b"ERR DATA-STALE\n", b"\\\"", b"BEGIN LIST UPS\nUPS main \"\"\n",
        b"END LIST UPS\n")  # fmt: skip
AMI = (b"Response: Success\r\n", b"ActionID: reveille-id\r\n", b"Event: PRIShowSpans\r\n",
       b"EventList: Complete\r\n", b"ListItems: 2\r\n", b"Message: no such command\r\n",
       b"Event: PRIShowSpansComplete\r\n", b"Message: Permission denied\r\n")  # fmt: skip
HTTP = (b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n",
        b"Content-Length: ", b"Set-Cookie: a=b; Path=/; Max-Age=", b"Location: //[::1]:99999/\r\n",
        b"Content-Type: text/html; charset=", b"Refresh: 0; url=",
        b"HTTP/1.1 100 Continue\r\n\r\n", b"Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        b"\r\n0\r\n\r\n", b"utf-16")  # fmt: skip
URLS = (b"http://", b"https://[::1]/", b"//", b"?", b"#", b"xn--", b":80", b"user:p@", b"%2f",
        b"<meta http-equiv=refresh content=\"0;url=", b"<!--", b"-->", b"<script>", b"javascript:",
        b"</noscript>", b"&#x41;")  # fmt: skip
HTML = (b"<form action=", b'<input name="csrf" value="', b"<a href='", b"</a", b"<title>", b"<!--",
        b"-->", b"<head>", b"<header>", b"<template>", b"&#x110000;", b"&amp", b"&#")  # fmt: skip
JSON = (b"[", b"{\"a\":", b"}", b"]", b"\"tier\"", b"\"\\ud800\"", b"1e400", b"-0", b"null",
        b"\"queues\":", b"\\u0000")  # fmt: skip
ROWS = (b"\"", b"\"\"", b",", b"\n", b"2026-11-20 10:00:00", b"ANSWERED",
        b"PJSIP/trunk-a-0000002f", b"2026-10-25 02:30:00", b"2026-11-20T10:00:00+05:30",
        b"1763799012.18")  # fmt: skip
QUEUE = (b"ENTERQUEUE", b"CONNECT", b"ABANDON", b"PAUSE", b"UNPAUSEALL", b"ADDMEMBER", b"|",
         b"NONE", b"REMOVEMEMBER", b"QUEUESTART", b"COMPLETEAGENT", b"1795176000",
         b"TRANSFER")  # fmt: skip
SSHD = (b"sshd[1]: Accepted password for root from 192.0.2.1 port 22 ssh2",
        b"Failed password for ", b"invalid user ", b" from ", b" port ",
        b"2026-11-20T10:00:00.1+00:00 host ")  # fmt: skip
SCANS = (b"failed for '", b"SecurityEvent=\"InvalidPassword\"", b"AccountID=\"",
         b"RemoteAddress=\"", b"Registration from '", b"PIKE - BLOCKing ip ",
         b"Added contact 'sip:")  # fmt: skip
DATA = (b"|", b"'a b'=", b"=1;", b";@1:2;~:", b"ms", b"KB", b"U", b"%", b"c",
        b"=1e308KB")  # fmt: skip
MAIL = (b"250-", b"250 ", b"220 ", b"STARTTLS\r\n", b"* SEARCH ", b'* ESEARCH (TAG "r1") UID ALL ',
        b"r1 OK done\r\n", b"r2 OK\r\n", b"{5}\r\n", b"* BYE ", b"+ \r\n",
        b"1:4294967295")  # fmt: skip
LETTER = (b"From: ", b"Authentication-Results: mx.example.net; dmarc=pass header.from=",
          b"Content-Type: multipart/mixed; boundary=a\r\n", b"--a\r\n", b"ack\r\n", b"\r\n\r\n",
          b"Content-Transfer-Encoding: base64\r\n", b"rv-1.abcdefghij234567.reply@",
          b"charset=punycode", b"=?utf-8?q?", b"\r\n ", b"Auto-Submitted: ")  # fmt: skip
MANIFEST = (b"\"format\": 1", b"\"artefacts\": []", b"null", b"\"tables\": {}",
            b"\"name\": \"../x\"", b"\"body\": 1", b"\"previous\": null", b"-1",
            b"1e999")  # fmt: skip
TAR = (b"ustar\x0000", b"././@LongLink", b"../", b"/etc/", b"PaxHeader", b"30 path=../../etc\n",
       b"20 size=99999999999\n", b"GNU.sparse.major=1", b"\x80\0\0\0", bytes(512))  # fmt: skip
FRAMES = (b"HTTP/1.1 101 Switching Protocols\r\n", b"Sec-WebSocket-Accept: ", b"\x81\x7e",
          b"\x88\x02", b"\x89\x00", b"\x82\x7f", b"Upgrade: websocket\r\n",
          b"Sec-WebSocket-Protocol: sip\r\n")  # fmt: skip
LOG = (b"RX 501 bytes ", b"Dropping 501 bytes packet from UDP 192.0.2.9:5060 : ",
       b"Dropped packet:", b"--end msg--", b"-- end of packet.", b"Error processing packet from ",
       b" [code 1]:\n", *SIP)  # fmt: skip
WAV = (b"RIFF", b"WAVE", b"fmt ", b"data", b"\x01\0", b"\x06\0", b"\xfe\xff",
       b"\x40\x1f\0\0")  # fmt: skip
KEYS = (b"ssh-rsa AAAA", b" comment\n", b'command="x",no-pty ', b"=", b"\n",
        b"ssh-ed25519 AAAAC3Nz")  # fmt: skip
CHUNKS = (b"0\r\n", b";a=b", b"ffff\r\n", b"\r\n\r\n")
CODINGS = (b"gzip", b", deflate\n", b"identity", b"br")
LETTERS = (b"text/html;", b"utf-16", b"<meta charset=", b"<?xml encoding=", b"application/json;")
ARCHIVE = (
    b"--\n-- TOC entry 215 (class 1259 OID 16386)\n",
    b"-- Dependencies: 3 4\n",
    b"$$",
    b"$f$",
    b"-- Name: cdr; Type: TABLE; Schema: public; Owner: app\n--\n\n",
    b"E'\\'",
    b"''",
    b'"',
    b"    LANGUAGE plpgsql\n",
    b"CREATE EXTENSION ",
    b"ALTER ROLE app WITH LOGIN;\n",
    b"--\n",
    b"Type: EVENT TRIGGER; Schema: -; Owner: x",
    b"\\restrict abc\n",
    b"SET x = 1;\n",
)
MASKED = ("MARKER-sécret-9 of 24", "hunter2-A/b+c==")
SPELLED = (
    *(one.encode() for one in MASKED),
    b"MARKER-s",
    b"%4D",
    b"&#77;",
    b"\\u004d",
    b"\\x4d",
    b"TUFSS0VSLXPDqWNyZXQtOSBvZiAyNA==",
    b"4d41524b45522d73c3a9637265742d39",
    b"4d:41:",
    b"77, 65, 82",
    b"\r\n ",
    b"<b>",
    b"\xc2\xad",
    b"=4D",
    b"aHVudGVyMi1BL2IrYz09",
    b"response=",
)
COOKIES = (b"anna", b".", b"1795262400.", b"\n", b"\xff")
