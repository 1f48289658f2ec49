"""Odd servers for `browser_agrees`: what each says to every request, and where that is written.

A case without `because` must be judged as the browser shows it. `because` is the reason why the
portal's verdict is right where it differs.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.field.far_ends.http_server import (
    EARLY_HINTS,
    HTML,
    PAGE,
    Piece,
    chunked,
    framed,
    head,
    in_letters,
    page,
    raw_deflate,
    redirect,
    zipped,
)

WANTED = "Sign in"
OK_LINE = b"HTTP/1.1 200 OK"
LENGTH = b"Content-Length: %d" % len(PAGE)
CHUNKED = b"Transfer-Encoding: chunked"


@dataclass(frozen=True, slots=True)
class Case:
    """One odd server."""

    kind: str
    name: str
    says: tuple[Piece, ...]
    source: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    paths: Mapping[str, bytes] = field(default_factory=dict)
    because: str = ""
    wanted: str = WANTED


def of(kind: str, source: str, **says: bytes | tuple[Piece, ...] | Case) -> list[Case]:
    """Cases of a kind, by their names."""
    return [
        said
        if isinstance(said, Case)
        else Case(
            kind, name.replace("_", "-"), said if isinstance(said, tuple) else (said,), source
        )
        for name, said in says.items()
    ]


def with_head(*lines: bytes) -> bytes:
    """A good page with these lines in its head."""
    return page(*lines)


def with_first(first: bytes) -> bytes:
    """A good page under another first line."""
    return page(first=first)


def lf(answer: bytes) -> bytes:
    """Lines that end by LF alone."""
    return answer.replace(b"\r\n", b"\n")


def status(line: bytes, *lines: bytes) -> bytes:
    """A page of its own under another status."""
    return page(*lines, first=b"HTTP/1.1 " + line)


def typed(kind: bytes, *lines: bytes, body: bytes = PAGE) -> bytes:
    """A good page of another media type."""
    return page(*lines, body=body, html=b"Content-Type: " + kind)


def flushed(window: int) -> bytes:
    """A good page as a script packs it that ends before its packer does."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    return packer.compress(PAGE) + packer.flush(zlib.Z_SYNC_FLUSH)


def euro(label: str, codec: str, before: str = "") -> bytes:
    """A page with letters beyond ASCII."""
    text = f"<html><head>{before}<title>x</title></head><body>Sign in \u20ac 5</body></html>"
    return in_letters(label, text.encode(codec))


def led(tag: bytes) -> bytes:
    """A page whose head has this in it, and whose text is not the one that is wanted."""
    return page(body=b"<html><head>" + tag + b"</head><body>one moment</body></html>")


FIRST_LINES = of(
    "first line",
    "RFC 9112 section 4",
    two_blanks=with_first(b"HTTP/1.1  200 OK"),
    tab=with_first(b"HTTP/1.1\t200\tOK"),
    no_version=with_first(b"HTTP 200 OK"),
    version_1_2=with_first(b"HTTP/1.2 200 OK"),
    version_3=with_first(b"HTTP/3 200"),
    four_digits=Case(
        "first line",
        "four-digits",
        (with_first(b"HTTP/1.1 2000 OK"),),
        "RFC 9112 section 4",
    ),
    two_digits=with_first(b"HTTP/1.1 20 OK"),
    leading_zero=with_first(b"HTTP/1.1 0200 OK"),
    glued=with_first(b"HTTP/1.1 200OK"),
    slip=with_first(b"\xef\xbb\xbfHTTP/1.1 200 OK"),
    reason_latin1=with_first(b"HTTP/1.1 200 D\xe9j\xe0 vu"),
    reason_of_1000=with_first(b"HTTP/1.1 200 " + b"x" * 1000),
    mixed_case=with_first(b"Http/1.1 200 OK"),
    not_http=b"SSH-2.0-OpenSSH_9.2\r\n",
    icy=with_first(b"ICY 200 OK"),
    body_alone=PAGE,
    nothing=b"",
)
FIELDS = of(
    "field lines",
    "RFC 9112 section 5",
    folded_by_tab=with_head(b"X-A: one\r\n\ttwo"),
    folded_thrice=with_head(b"X-A: one\r\n two\r\n three\r\n four"),
    delete_in_value=with_head(b"X-A: a\x7fb"),
    escape_in_value=with_head(b"X-A: \x1b[31mred"),
    tab_before_colon=with_head(b"X-A\t: 1"),
)
FIELD_NAMES = of(
    "names of fields",
    "RFC 9110 section 5.1",
    name_of_latin1=with_head(b"X-\xe9: 1"),
    name_in_quotes=with_head(b'"X-A": 1'),
    colon_alone=with_head(b":"),
    no_value=with_head(b"X-A:"),
)
LARGE_HEADS = of(
    "large heads",
    "RFC 9110 section 5.4",
    header_twice_100=with_head(*[b"X-A: %d" % n for n in range(100)]),
    value_of_8000=with_head(b"X-A: " + b"v" * 8000),
    nul_in_name=with_head(b"X\0A: 1"),
    html_in_head=with_head(b"<br />", b"<b>Warning</b>:  x in y.php on line 3<br />"),
)
LINE_ENDS = of(
    "line ends",
    "RFC 9112 section 2.2",
    lf_alone=lf(page()),
    lf_in_the_head=head(OK_LINE, HTML, LENGTH).replace(b"\r\n", b"\n") + PAGE,
    mixed=OK_LINE + b"\n" + HTML + b"\r\n" + LENGTH + b"\n\r\n" + PAGE,
    crlf_thrice_first=b"\r\n\r\n\r\n" + page(),
    lone_cr_between=OK_LINE + b"\r\n" + HTML + b"\rX-A: 1\r\n" + LENGTH + b"\r\n\r\n" + PAGE,
)
LENGTHS = of(
    "length",
    "RFC 9110 section 8.6",
    hexadecimal=framed(b"Content-Length: 0x4d", body=PAGE),
    fraction=framed(b"Content-Length: %d.0" % len(PAGE), body=PAGE),
    negative=framed(b"Content-Length: -1", body=PAGE),
    of_words=framed(b"Content-Length: long", body=PAGE),
    empty=framed(b"Content-Length:", body=PAGE),
    leading_zeros=framed(b"Content-Length: 000%d" % len(PAGE), body=PAGE),
    list_that_differs=framed(b"Content-Length: 5, %d" % len(PAGE), body=PAGE),
    thrice_the_same=framed(LENGTH, LENGTH, LENGTH, body=PAGE),
    too_long=framed(b"Content-Length: 900", body=PAGE),
    zero=framed(b"Content-Length: 0", body=PAGE),
    before_the_text=framed(b"Content-Length: 40", body=PAGE),
    of_30_digits=framed(b"Content-Length: 9" + b"0" * 29, body=PAGE),
)
CHUNKS = of(
    "chunks",
    "RFC 9112 section 7.1",
    capitals=framed(CHUNKED, body=chunked(size=b"%X")),
    extension_quoted=framed(CHUNKED, body=chunked(size=b'%x;a="b c"')),
    extension_alone=framed(CHUNKED, body=chunked(size=b"%x;")),
    prefix_0x=framed(CHUNKED, body=chunked(size=b"0x%x")),
    plus=framed(CHUNKED, body=chunked(size=b"+%x")),
    blank_before=framed(CHUNKED, body=chunked(size=b" %x")),
    tab_after=framed(CHUNKED, body=chunked(size=b"%x\t")),
    of_20_digits=framed(CHUNKED, body=chunked(size=b"%020x")),
    trailers_of_300=framed(CHUNKED, body=chunked(end=b"0\r\n" + b"X-A: 1\r\n" * 300 + b"\r\n")),
    lf_alone=framed(CHUNKED, body=lf(chunked())),
)
BAD_CHUNKS = of(
    "chunks that lie",
    "RFC 9112 section 7.1",
    not_hexadecimal=framed(CHUNKED, body=b"zz\r\n" + PAGE + b"\r\n0\r\n\r\n"),
    longer_than_said=framed(CHUNKED, body=b"5\r\n" + PAGE + b"\r\n0\r\n\r\n"),
    shorter_than_said=framed(CHUNKED, body=b"fff\r\n" + PAGE + b"\r\n0\r\n\r\n"),
    trailer=framed(CHUNKED, body=chunked(end=b"0\r\nX-Sum: 1\r\n\r\n")),
    of_one_byte=framed(
        CHUNKED, body=b"".join(b"1\r\n%c\r\n" % byte for byte in PAGE) + b"0\r\n\r\n"
    ),
    chunked_twice=framed(b"Transfer-Encoding: chunked, chunked", body=chunked()),
    in_two_headers=framed(CHUNKED, CHUNKED, body=chunked()),
    identity_then_chunked=framed(b"Transfer-Encoding: identity, chunked", body=chunked()),
    said_and_not_done=framed(CHUNKED, body=PAGE),
    not_said_and_done=framed(LENGTH, body=chunked()),
    after_the_end=framed(CHUNKED, body=chunked() + b"HTTP/1.1 500 Oops\r\n\r\n"),
)
INTERIM = of(
    "interim answers",
    "RFC 9110 section 15.2",
    thrice_100=(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + page(),),
    hints_of_lf=(lf(EARLY_HINTS) + page(),),
    unknown_199=(b"HTTP/1.1 199 Odd\r\nX-A: 1\r\n\r\n", page()),
    hints_folded=(b"HTTP/1.1 103 Early Hints\r\nLink: </a>;\r\n rel=preload\r\n\r\n", page()),
    hints_then_odd=(EARLY_HINTS, page(b"X Bad Name: 1")),
    hints_then_500=(EARLY_HINTS, page(first=b"HTTP/1.1 500 Oops")),
    hints_then_nothing=(EARLY_HINTS,),
    switching_unasked=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + PAGE,
)
STATUSES = of(
    "status",
    "RFC 9110 section 15",
    no_content=status(b"204 No Content"),
    reset_content=status(b"205 Reset Content"),
    not_modified=status(b"304 Not Modified"),
    unauthorized=status(b"401 Unauthorized", b"WWW-Authenticate: Basic realm=x"),
    not_found=status(b"404 Not Found"),
    timeout=status(b"408 Request Timeout"),
    gone=status(b"410 Gone"),
    range_wrong=status(b"416 Range Not Satisfiable", b"Content-Range: bytes */77"),
    misdirected=status(b"421 Misdirected Request"),
    too_early=status(b"425 Too Early"),
    too_many=status(b"429 Too Many Requests", b"Retry-After: 1"),
    unavailable=status(b"503 Service Unavailable", b"Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"),
    captive=status(b"511 Network Authentication Required"),
    unknown_599=status(b"599 Odd"),
    partial=Case(
        "status",
        "partial-unasked",
        (status(b"206 Partial Content", b"Content-Range: bytes 0-76/9999"),),
        "RFC 9110 section 15.3.7",
    ),
    accepted=Case(
        "status",
        "accepted",
        (status(b"202 Accepted"),),
        "RFC 9110 section 15.3.3",
        {"expect_status": 202},
    ),
    from_a_proxy=Case(
        "status",
        "from-a-proxy",
        (status(b"203 Non-Authoritative Information"),),
        "RFC 9110 section 15.3.4",
        {"expect_status": 203},
    ),
)
CODINGS = of(
    "content codings",
    "RFC 9110 section 8.4",
    x_gzip=page(b"Content-Encoding: x-gzip", body=zipped()),
    capitals=page(b"Content-Encoding: GZIP", body=zipped()),
    gzip_in_deflate=page(b"Content-Encoding: gzip, deflate", body=zlib.compress(zipped())),
)
PACKED = of(
    "packed badly",
    "RFC 1952 section 2.3, RFC 9110 section 8.4",
    checksum_wrong=page(b"Content-Encoding: gzip", body=zipped()[:-8] + b"12345678"),
    trailer_missing=page(b"Content-Encoding: gzip", body=zipped()[:-8]),
    cut_in_the_middle=page(
        b"Content-Encoding: gzip", body=gzip.compress(bytes(range(97, 123)) * 9 + PAGE)[:-30]
    ),
    flushed_and_never_ended=page(b"Content-Encoding: gzip", body=flushed(31)),
    deflate_flushed_and_never_ended=page(b"Content-Encoding: deflate", body=flushed(15)),
    deflate_without_checksum=page(b"Content-Encoding: deflate", body=zlib.compress(PAGE)[:-4]),
    deflate_of_wrong_checksum=page(
        b"Content-Encoding: deflate", body=zlib.compress(PAGE)[:-4] + b"1234"
    ),
    bare_deflate_and_zeros=page(b"Content-Encoding: deflate", body=raw_deflate(PAGE) + bytes(4)),
    two_members=page(b"Content-Encoding: gzip", body=gzip.compress(b"<p>first") + zipped()),
    twice_said_once=page(b"Content-Encoding: gzip", body=zipped(times=2)),
    not_said=page(body=zipped()),
    said_not_done=page(b"Content-Encoding: gzip"),
    deflate_is_gzip=page(b"Content-Encoding: deflate", body=zipped()),
)
NO_CODINGS = of(
    "no content codings",
    "RFC 9110 section 8.4.1, section 12.5.3",
    identity=page(b"Content-Encoding: identity"),
    identity_and_gzip=page(b"Content-Encoding: identity, gzip", body=zipped()),
    comma_at_the_end=page(b"Content-Encoding: gzip,", body=zipped()),
    aws_chunked=page(b"Content-Encoding: aws-chunked"),
    aws_chunked_and_gzip=page(b"Content-Encoding: aws-chunked,gzip", body=zipped()),
    iso_8859_1=page(b"Content-Encoding: iso-8859-1"),
    any_coding=page(b"Content-Encoding: *"),
    brotli_unasked=page(b"Content-Encoding: br", body=PAGE),
    file_name_inside=page(
        b"Content-Encoding: gzip",
        body=b"\x1f\x8b\x08\x08\0\0\0\0\0\x03a.html\0" + zipped()[10:],
    ),
)
LETTERS = of(
    "letters",
    "WHATWG Encoding section 4.2, WHATWG HTML section 13.2.3",
    label_latin1=euro("latin1", "cp1252"),
    label_ascii=euro("us-ascii", "cp1252"),
    label_in_quotes=euro('"utf-8"', "utf-8"),
    label_in_apostrophes=euro("'utf-8'", "utf-8"),
    label_utf8=euro("utf8", "utf-8"),
    label_unicode=euro("unicode", "utf-16-le"),
    label_x_sjis=euro("x-sjis", "utf-8"),
    label_replacement=in_letters("iso-2022-kr", PAGE),
    label_hz=in_letters("hz-gb-2312", PAGE),
)
PRESCANS = of(
    "letters by prescan",
    "WHATWG HTML section 13.2.3.2",
    nothing_said_utf_8=euro("", "utf-8"),
    nothing_said_1252=euro("", "cp1252"),
    meta=euro("", "utf-8", "<meta charset=utf-8>"),
    meta_in_a_comment=euro("", "utf-8", "<!-- <meta charset=utf-8> -->"),
    meta_against_header=euro("utf-8", "utf-8", "<meta charset=windows-1251>"),
    meta_after_1024=euro("", "utf-8", "<!--" + "x" * 1100 + "--><meta charset=utf-8>"),
    meta_http_equiv=euro(
        "", "utf-8", "<meta http-equiv=Content-Type content='text/html; charset=utf-8'>"
    ),
    meta_of_utf_16=euro("", "utf-8", "<meta charset=utf-16>"),
    mark_of_utf_16_be=in_letters("utf-8", "\ufeff<p>Sign in \u20ac 5".encode("utf-16-be")),
    utf_8_said_1252_sent=euro("utf-8", "cp1252"),
)
TYPES = of(
    "media type",
    "RFC 9110 section 8.3, WHATWG MIME Sniffing",
    plain=typed(b"text/plain"),
    none=head(OK_LINE, LENGTH) + PAGE,
    empty=typed(b""),
    twice=typed(b"text/plain", b"Content-Type: text/html"),
)
SAVED = of(
    "saved and not shown",
    "RFC 6266 section 4.2, WHATWG MIME Sniffing section 7",
    download=typed(b"application/octet-stream"),
    php_source=typed(b"application/x-httpd-php", body=b"<?php echo 'Sign in'; ?>"),
    xhtml=typed(
        b"application/xhtml+xml",
        body=b"<html xmlns='http://www.w3.org/1999/xhtml'><body>Sign in</body></html>",
    ),
    attachment=page(b"Content-Disposition: attachment; filename=a.html"),
    inline=page(b"Content-Disposition: inline; filename=a.html"),
    disposition_of_a_name=page(b"Content-Disposition: filename=a.html"),
    no_sniffing=page(b"X-Content-Type-Options: nosniff"),
    json=typed(b"application/json", body=b'{"say": "Sign in"}'),
)
REDIRECTS = of(
    "redirects",
    "RFC 9110 section 15.4, WHATWG URL section 4.4",
    of_301=redirect(b"Location: /good", first=b"HTTP/1.1 301 Moved"),
    of_303=redirect(b"Location: /good", first=b"HTTP/1.1 303 See Other"),
    of_307=redirect(b"Location: /good", first=b"HTTP/1.1 307 Temporary"),
    over_twelve=Case(
        "redirects",
        "over-twelve",
        (redirect(b"Location: /h0"),),
        "WHATWG Fetch section 4.4: twenty are followed",
        paths={f"/h{n}": redirect(b"Location: /h%d" % (n + 1)) for n in range(11)}
        | {"/h11": redirect(b"Location: /good")},
    ),
    of_300=redirect(b"Location: /good", first=b"HTTP/1.1 300 Choices"),
    of_304=redirect(b"Location: /good", first=b"HTTP/1.1 304 Not Modified"),
    of_201=redirect(b"Location: /good", first=b"HTTP/1.1 201 Created"),
)
REFERENCES = of(
    "references",
    "WHATWG URL section 4.4, RFC 9110 section 10.2.2",
    empty_then_one=redirect(b"Location:", b"Location: /good"),
    two_that_differ=redirect(b"Location: /good", b"Location: http://127.0.0.1:1/"),
    by_scheme_only=redirect(b"Location: //127.0.0.1:PORT/good"),
    slashes_four=redirect(b"Location: http:////127.0.0.1:PORT/good"),
    tab_within=redirect(b"Location: /go\tod"),
    blanks_around=redirect(b"Location:    /good   "),
    password_within=redirect(b"Location: http://u:p@127.0.0.1:PORT/good"),
    query_alone=redirect(b"Location: /good?a=1&b=\xc3\xa9"),
    host_in_percent=redirect(b"Location: http://127.0.0.%31:PORT/good"),
    host_ends_in_a_dot=redirect(b"Location: http://127.0.0.1.:PORT/good"),
    host_in_full_width=redirect("Location: http://\uff11\uff12\uff17.0.0.1:PORT/good".encode()),
    host_with_a_soft_hyphen=redirect("Location: http://local\u00adhost:PORT/good".encode()),
    dots=redirect(b"Location: /x/../good"),
)
NOWHERE = of(
    "redirects to nowhere",
    "RFC 9110 section 15.4",
    to_itself=redirect(b"Location: /"),
    to_mail=redirect(b"Location: mailto:a@example.net"),
    to_a_script=redirect(b"Location: javascript:alert(1)"),
    to_nobody=redirect(b"Location: http://127.0.0.1:1/"),
    body_and_no_location=page(first=b"HTTP/1.1 302 Found"),
)
REFRESHES = of(
    "refresh",
    "WHATWG HTML section 4.2.5.3",
    header=page(b"Refresh: 0; url=/good", body=b"<p>one moment"),
    header_without_word=page(b"Refresh: 0; /good", body=b"<p>one moment"),
)
META_REFRESHES = of(
    "refresh by meta",
    "WHATWG HTML section 4.2.5.3",
    meta=led(b"<meta http-equiv=refresh content='0; url=/good'>"),
    meta_in_capitals=led(b'<META HTTP-EQUIV="Refresh" CONTENT="0;URL=/good">'),
    meta_with_comma=led(b'<meta http-equiv="refresh" content="0,url=/good">'),
    meta_without_blank=led(b'<meta content="0;url=&#47;good" http-equiv="refresh">'),
    meta_in_a_comment=led(b"<!-- <meta http-equiv=refresh content='0; url=/good'> -->"),
    meta_in_noscript=led(b"<noscript><meta http-equiv=refresh content='0;url=/good'></noscript>"),
    meta_to_404=page(
        body=b"<html><head><meta http-equiv=refresh content='0; url=/gone'></head>"
        b"<body>Sign in soon</body></html>"
    ),
    meta_to_itself=page(
        body=b"<html><head><meta http-equiv=refresh content='60'></head><body>Sign in</body></html>"
    ),
    script=Case(
        "refresh",
        "script",
        (led(b"<script>location.href='/good'</script>"),),
        "WHATWG HTML section 7.4",
        because="scripts are run by the kind portal-browser; plain HTTP sees the page before them",
    ),
)
ENDS = of(
    "end of the connection",
    "RFC 9112 section 9.6",
    stays_open=(page(), 1.0),
    drips=(page()[:60], 0.1, page()[60:]),
    before_the_head_ends=page()[:40],
    after_the_head=head(OK_LINE, HTML, LENGTH),
    http_1_0_keeps=page(b"Connection: keep-alive", first=b"HTTP/1.0 200 OK"),
)
OFFERS = of(
    "offers and policies",
    "RFC 7838, RFC 6797, W3C Content Security Policy",
    http_3=page(b'Alt-Svc: h3=":443"; ma=86400, h2="other:8443"'),
    alt_svc_clear=page(b"Alt-Svc: clear"),
    only_tls=page(b"Strict-Transport-Security: max-age=31536000"),
    upgrade_insecure=page(b"Content-Security-Policy: upgrade-insecure-requests"),
    nobodys_frame=page(b"X-Frame-Options: DENY"),
    clear_site=page(b'Clear-Site-Data: "cookies"'),
)
PLAIN_CASES = [
    *FIRST_LINES, *FIELDS, *FIELD_NAMES, *LARGE_HEADS, *LINE_ENDS, *LENGTHS, *CHUNKS, *BAD_CHUNKS,
    *INTERIM, *STATUSES, *CODINGS, *PACKED, *NO_CODINGS, *LETTERS, *PRESCANS, *TYPES, *SAVED,
    *REDIRECTS, *REFERENCES, *NOWHERE, *REFRESHES, *META_REFRESHES, *ENDS, *OFFERS,
]  # fmt: skip
