"""REGISTER, the kinds of test_registration.py met by other causes than the reported ones: digests
of the newer RFCs, next nonces, addresses in every lawful form.

Each row is a member of a kind that was ended, made after its RFC and not after a report.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.field.far_ends.sip_server import (
    PASSWORD,
    USER,
    Piece,
    Plays,
    Request,
    answer,
    asks,
    bound,
    challenge,
    grants,
    over_udp,
    proven,
    says,
)
from tests.field.story import Right, Story, comes_out, failed, once, told

HOME = 'Digest realm="home.example", nonce="h1"'
PROXY = 'Digest realm="proxy.example", nonce="p1"'


def both_in_one(asked: Request) -> Iterable[Piece]:
    """A forking proxy gathers both kinds of challenge in one 401 (RFC 3261, 16.7)."""
    if proven(asked, "Proxy-Authorization", "proxy.example") and proven(
        asked, "Authorization", "home.example"
    ):
        return [answer(asked, "200 OK", bound(asked))]
    return challenge(asked, f"Proxy-Authenticate: {PROXY}", f"WWW-Authenticate: {HOME}")


def second_door_stale(asked: Request) -> Iterable[Piece]:
    """The proxy's nonce runs out while the registrar behind it asks."""
    n = asked.kept["n"] = asked.kept.get("n", 0) + 1
    if n == 1 or (n == 3 and 'nonce="p2"' not in asked.text):
        word = "" if n == 1 else ", stale=true"
        door = f'Digest realm="proxy.example", nonce="p{1 if n == 1 else 2}"{word}'
        return challenge(asked, f"Proxy-Authenticate: {door}", status="407 Proxy Required")
    if not proven(asked, "Authorization", "home.example"):
        return challenge(asked, f"WWW-Authenticate: {HOME}")
    return [answer(asked, "200 OK", bound(asked))]


def wrong_password(asked: Request) -> Iterable[Piece]:
    """Two realms, and the second never takes the proof."""
    if proven(asked, "Proxy-Authorization", "proxy.example"):
        return challenge(asked, 'WWW-Authenticate: Digest realm="other", nonce="o1"')
    return challenge(asked, f"Proxy-Authenticate: {PROXY}", status="407 Proxy Required")


def next_nonce(asked: Request) -> Iterable[Piece]:
    """RFC 7615: the farewell comes with the nonce that the registrar named, without being asked."""
    if asked.seconds and proven(asked, "Authorization", "home.example"):
        return [
            answer(asked, "200 OK", bound(asked), 'Authentication-Info: nextnonce="h2", qop=auth')
        ]
    if not asked.seconds and 'nonce="h2"' in asked.one("Authorization"):
        return [answer(asked, "200 OK")]
    return challenge(asked, f'WWW-Authenticate: {HOME}, qop="auth"', status="401 Unauthorized")


def brief_and_asked(asked: Request) -> Iterable[Piece]:
    """Both: a challenge, and an hour at least; blanks and folding in Min-Expires."""
    if not proven(asked, "Authorization", "home.example"):
        return challenge(asked, f"WWW-Authenticate: {HOME}")
    if 0 < asked.seconds < 3600:
        return [answer(asked, "423 Interval Too Brief", "Min-Expires:\r\n  3600")]
    return [answer(asked, "200 OK", bound(asked, seconds=asked.seconds))]


def qualities(words: str) -> Plays:
    return asks(f"{HOME}, qop={words}")


PROOFS = (
    Story("both-in-one-401", both_in_one, "RFC 3261, 16.7 and 22.3"),
    Story("second-door-stale", second_door_stale, "RFC 7616, 3.3"),
    Story("wrong-password", wrong_password, "RFC 3261, 22.2", failed("register", "sip:401")),
    Story("next-nonce", next_nonce, "RFC 7615, 3"),
    Story("brief-and-asked", brief_and_asked, "RFC 3261, 10.2.8"),
    Story("qop-list-with-blanks", qualities('" auth-int , auth "'), "RFC 7616, 3.3"),
    Story("qop-in-capitals", qualities('"AUTH"'), "RFC 7616, 3.3: tokens have no case"),
    Story("qop-bare", qualities("auth"), "in the field"),
    Story("qop-empty", qualities('""'), "RFC 2617, 3.2.1: as without"),
    Story(
        "qop-unknown", qualities('"auth-conf"'), "RFC 2831 alone", failed("register", "bad-peer")
    ),
    Story("sha-256", asks(f'{HOME}, qop="auth", algorithm=SHA-256'), "RFC 8760"),
    Story("sha-256-sess", asks(f"{HOME}, qop=auth, algorithm=SHA-256-sess"), "RFC 7616, 3.4.2"),
    Story("sha-512-256", asks(f'{HOME}, qop="auth", algorithm=SHA-512-256'), "RFC 8760"),
    Story("sess-without-qop", asks(f'{HOME}, algorithm="md5-SESS"'), "RFC 2617, 3.2.2.2"),
    Story("opaque-with-comma", asks(f'{HOME}, opaque="a,b ,Digest x=\\"1\\""'), "RFC 9110, 5.6.4"),
    Story(
        "basic-and-digest-in-a-line",
        asks(f'Basic realm="x", charset="UTF-8", {HOME}, domain="sip:a sip:b", userhash=false'),
        "RFC 9110, 11.6.1",
    ),
    Story(
        "folded",
        asks('Digest\r\n realm="home.example",\r\n\tnonce="h1"'),
        "RFC 3261, 7.3.1",
    ),
)


def minutes(*contacts: str, header: str = "") -> Plays:
    """These Contacts; OURS stands for the URI that was given."""
    more = [f"Expires: {header}"] if header else []
    return lambda a: [
        answer(
            a, "200 OK", *(f"Contact: {one.replace('OURS', a.contact)}" for one in contacts), *more
        )
    ]


CONTACTS = (
    Story(
        "quoted-name-with-brackets",
        minutes('"Mon <itor>; \\"x\\", y" <OURS>;expires=60'),
        "RFC 3261, 25.1",
    ),
    Story("blanks-in-brackets", minutes('< OURS > ; Expires = "60"'), "RFC 3261, 25.1: LAQUOT"),
    Story(
        "sips-rewritten", minutes(f"<sips:{USER}@[2001:db8::7]:5061>;expires=60"), "pjproject#498"
    ),
    Story(
        "date-in-the-contact", minutes('<OURS>;expires="Thu, 01 Dec 2026 16:00:00 GMT"'), "RFC 2543"
    ),
    Story("urn-beside", minutes("<urn:service:sos>;q=0", "<OURS>;expires=60"), "RFC 5031"),
    Story("header-with-comment", minutes("<OURS>", header="60 (a minute)"), "RFC 3261, 20.19"),
    Story("headers-in-the-uri", minutes("<OURS?Route=%3Csip:edge%3Blr%3E>;expires=60"), "19.1.1"),
    Story("header-none", minutes("<OURS>"), "RFC 3261, 10.3: what was asked for"),
    Story("204", lambda a: [answer(a, "204 No Notification", bound(a))], "RFC 3261, 8.1.3.2"),
    Story(
        "only-another", minutes("<sip:desk@192.0.2.9>;expires=60"), "10.3", failed("", "not-bound")
    ),
    Story("none-and-zero", says("200 OK", "Expires: 0"), "RFC 3261, 10.3", failed("", "not-bound")),
    Story(
        "zero-by-the-header",
        minutes("<OURS>", header="0"),
        "RFC 3261, 10.3",
        failed("", "not-bound"),
    ),
    Story(
        "zero-padded",
        minutes("<OURS>;expires=000"),
        "RFC 3261, 25.1: delta-seconds",
        failed("", "not-bound"),
    ),
    Story(
        "ours-gone-another-there",
        minutes("<OURS>;expires=0", f"<sip:{USER}@192.0.2.9>;expires=60"),
        "RFC 3261, 10.3: ours is exactly there, and ends",
        failed("", "not-bound"),
    ),
    Story("no-uri", minutes("<OURS"), "no bracket ends it", Right("FAILED")),
    Story("below-zero", grants(lambda a: bound(a, seconds=-1)), "no number", Right("FAILED")),
)


@pytest.mark.parametrize("story", told((*PROOFS, *CONTACTS)))
async def test_a_line_is_registered_where_a_phone_is(
    tmp_path: Path, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", PASSWORD)
    async with over_udp(story.far) as port:
        line = {
            "registrar": f"127.0.0.1:{port}",
            "user": USER,
            "password": {"environment": "REVEILLE_TEST_SECRET"},
        }
        seen = await once(tmp_path, "sip-registration", line, line="main", within="3s")
    comes_out(seen, story)
