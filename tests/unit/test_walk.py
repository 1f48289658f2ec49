"""What a walk knows of pages, cookies and words, without a wire."""

from __future__ import annotations

import gzip
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.contract import Failed
from checks.transport.http.address import Address
from checks.transport.http.content_coding import Body
from checks.transport.http.cookies import CookieJar
from checks.transport.http.message import Answer, Head
from checks.web.steps.html_page import elements, field_value, visible
from checks.web.steps.soft_200 import soft_failure

HERE = Address.parse("https://shop.example.net/in/list?page=2")


def page(body: str, content_type: str = "text/html", status: int = 200) -> Answer:
    return Answer(HERE, Head("1.1", status, "", (("content-type", content_type),)), body.encode())


@pytest.mark.parametrize(
    "body",
    [
        "",
        "   \n",
        "<html><body></body></html>",
        "<title>503 Service Unavailable</title><p>x",
        (
            "<html><head><title>Portal</title></head><body><h1>Scheduled"
            " Maintenance</h1></body></html>"
        ),
        "<title>Portal</title><p>We are carrying out maintenance and will be back soon.</p>",
        "<title>Portal</title><p>An unexpected error has occurred.</p>",
        "<title>Welcome to nginx!</title>",
        "<title>Index of /</title>",
        "<title>Error</title>",
        "<title>Sign in</title><h1>Sign in</h1><p>Please sign in.</p>",
        "<title>Error establishing a database connection</title>",
    ],
)
def test_a_page_that_says_it_is_none_is_a_soft_failure(body: str) -> None:
    assert soft_failure(page(body))


@pytest.mark.parametrize(
    "body",
    [
        (
            "<title>Agent Portal</title><h1>Agent Portal</h1><p>Sign in</p><form><input"
            " name=user></form>"
        ),
        "<title>Sign in</title><div id=root></div><script src=app.js></script>",
        "<title>Portal</title><header>Portal</header><p>Extension 503: Anna</p>",
        (
            "<title>News</title><p>Last night's maintenance is in progress no"
            f" more.</p><p>{'text ' * 400}</p>"
        ),
        "<title>Battery shop</title><p>ok</p>",
        "<script>var s = 'under maintenance'</script><p>Agents ready: 12</p>",
        (
            "<!-- <h1>Maintenance</h1> is for bad days --><p>Agents ready: 12</p><!-- under"
            " maintenance -->"
        ),
    ],
)
def test_a_good_page_is_left_alone(body: str) -> None:
    assert soft_failure(page(body)) is None


def test_only_pages_of_html_with_a_good_status_are_read_so() -> None:
    for answer in (
        page("{}", "application/json"),
        page("maintenance", "text/plain"),
        page("", status=204),
    ):
        assert soft_failure(answer) is None


def test_a_page_made_to_be_slow_is_not() -> None:
    for hostile in (
        "<script" * 40_000,
        "<input " * 40_000,
        "<title>" * 40_000,
        "<!--" * 60_000,
        "<head" * 40_000,
        "<" * 260_000,
    ):
        began = time.process_time()
        soft_failure(page(hostile))
        visible(hostile)
        field_value(hostile, "x")
        assert time.process_time() - began < 2


@given(st.text(alphabet="<>/!-= \"'headscriptinputtitle", max_size=300))
def test_any_page_is_read(body: str) -> None:
    soft_failure(page(body))
    list(elements(body, "title"))
    field_value(body, "a")


def test_the_value_of_a_field_is_found_however_it_is_written() -> None:
    for tag in (
        '<input name="t" value="a&amp;b">',
        "<INPUT VALUE='a&b' TYPE=hidden NAME=t>",
        "<meta name=t content=a&b>",
    ):
        assert field_value(f"<form>{tag}</form>", "t") == "a&b"
    assert field_value("<input name=other value=1>", "t") is None


def test_a_cookie_goes_back_to_whom_it_belongs() -> None:
    jar = CookieJar(now=1_800_000_000)
    jar.take(
        HERE,
        [
            "host=1",
            "wide=2; Domain=.example.net; Path=/",
            "deep=3; Path=/in/deep",
            "sure=4; Secure; Path=/",
            "foreign=5; Domain=example.org",
            "top=6; Domain=net",
            "old=7; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
            "gone=8; Max-Age=0",
            "broken; Path=/out",
            "=nothing; Path=/out",
            "control=a\x01b",
            "tab=a\tb",
            "__Host-short=9; Secure; Path=/in",
            "__Secure-not=9",
        ],
    )
    assert jar.header(HERE) == "host=1; wide=2; sure=4"
    assert (
        jar.header(Address.parse("http://shop.example.net/in/deep/er")) == "deep=3; host=1; wide=2"
    )
    assert jar.header(Address.parse("https://other.example.net/in/")) == "wide=2"
    assert jar.header(Address.parse("https://badexample.net/in/")) == ""
    assert not jar.take(HERE, ["host=1"]) and jar.take(HERE, ["host=9"])
    assert jar.take(HERE, ["host=; Max-Age=-1"]) and jar.value("host") is None


def test_a_cookie_of_an_address_goes_to_that_address_alone() -> None:
    jar = CookieJar()
    jar.take(Address.parse("http://10.1.2.3/"), ["a=1; Domain=2.3", "b=2"])
    assert jar.header(Address.parse("http://10.1.2.3/")) == "b=2"
    jar.take(Address.parse("http://10.1.2.3/"), [f"n{n}=1" for n in range(5000)])
    assert len(jar.values()) <= 180


@pytest.mark.parametrize(
    ("written", "host", "target"),
    [
        ("https://Example.NET", "example.net", "/"),
        ("http://bücher.example/ü?q=ä b", "xn--bcher-kva.example", "/%C3%BC?q=%C3%A4%20b"),
        ("http://straße.example/", "xn--strae-oqa.example", "/"),
        ("http://क्‍ष.example", "xn--11b2ezcw70k.example", "/"),
        ("http://☎.example。net", "xn--y3h.example.net", "/"),
        ("http://127.0.0.%31", "127.0.0.1", "/"),
        ("http://127.0.0.1./", "127.0.0.1", "/"),
        ("http://0x7f.1/", "127.0.0.1", "/"),
        ("http://２１３.0.0.1/", "213.0.0.1", "/"),
        ("http://line-1/", "line-1", "/"),
        ("http://[::ffff:192.0.2.7]/", "::ffff:192.0.2.7", "/"),
        ("http://[::1]:8080/a%20b#part", "::1", "/a%20b"),
        ("http://a/?x=1&y=[2]", "a", "/?x=1&y=[2]"),
    ],
)
def test_addresses_are_made_fit_for_the_wire(written: str, host: str, target: str) -> None:
    address = Address.parse(written)
    assert (address.host, address.target) == (host, target)


@given(st.text(max_size=60))
def test_what_is_no_address_is_refused_and_nothing_else_happens(written: str) -> None:
    for prefix in ("", "http://", "https://[", "http://a/"):
        try:
            address = Address.parse(prefix + written)
        except ValueError:
            continue
        assert (
            address.target.isascii() and address.target.isprintable() and " " not in address.target
        )
        assert "\n" not in address.authority


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_packed_is_unpacked_no_further_than_wanted(coding: str) -> None:
    plain = bytes(10_000_000)
    packed = gzip.compress(plain) if coding == "gzip" else zlib.compress(plain)
    body = Body(coding, 1000)
    for at in range(0, len(packed), 100):
        body.feed(packed[at : at + 100])
    assert body.full and len(body.content) == 1000


def test_codings_in_the_wild() -> None:
    for coding, packed in (
        ("gzip", gzip.compress(b"one two") + gzip.compress(b" and what no browser shows")),
        ("gzip", gzip.compress(b"one two")[:-8] + bytes(8)),
        ("x-gzip", gzip.compress(b"one two") + bytes(9)),
        ("deflate, gzip", gzip.compress(zlib.compress(b"one two"))),
        ("gzip, gzip", gzip.compress(gzip.compress(b"one two"))),
        ("none", b"one two"),
        ("deflate", zlib.compress(b"one two")),
        ("deflate", zlib.compress(b"one two")[2:-4]),
        ("identity", b"one two"),
    ):
        body = Body(coding, 100)
        for byte in packed:
            body.feed(bytes([byte]))
        body.end()
        assert bytes(body.content) == b"one two", coding
    for coding, packed, code in (
        ("gzip", b"no gzip at all", "bad-encoding"),
        ("br", b"", "bad-encoding"),
    ):
        with pytest.raises(Failed) as refused:
            Body(coding, 100).feed(packed)
        assert refused.value.code == code
    cut = Body("gzip", 100)
    cut.feed(gzip.compress(b"one two")[:-9])
    with pytest.raises(Failed, match="broken-off"):
        cut.end()
