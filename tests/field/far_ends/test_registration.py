"""REGISTER: registrars that rewrite, ask twice, challenge oddly and grant otherwise (RFC 3261, 10;
RFC 7616; RFC 5626).

Right is what the product's own calls do on the same registrar: where a phone registers, the line is
registered.
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

NAT = "pjsip/pjproject#498, onsip/SIP.js#852"
DOORS = "versatica/JsSIP#94, signalwire/freeswitch#242"
OUTSIDE = f"Contact: <sip:{USER}@198.51.100.7:40000>;expires=60"
MOVED = ";rport=40000;received=198.51.100.7"
HOME, OTHER = 'Digest realm="home.example", nonce="h1"', 'Digest realm="other.example", nonce="o1"'


def two_doors(asked: Request) -> Iterable[Piece]:
    """A proxy asks (407), then the registrar behind it (401); both proofs must be there."""
    if not proven(asked, "Proxy-Authorization", "proxy.example"):
        proxy = 'Proxy-Authenticate: Digest realm="proxy.example", nonce="p1", algorithm=MD5'
        return challenge(asked, proxy, status="407 Proxy Authentication Required")
    if not proven(asked, "Authorization", "home.example"):
        return challenge(asked, f"WWW-Authenticate: {HOME}, algorithm=MD5")
    return [answer(asked, "200 OK", bound(asked))]


def two_realms(asked: Request) -> Iterable[Piece]:
    """One 401 with a challenge of each of two realms; a proof for the second is what it wants."""
    if proven(asked, "Authorization", "home.example"):
        return [answer(asked, "200 OK", bound(asked))]
    return challenge(asked, f"WWW-Authenticate: {OTHER}", f"WWW-Authenticate: {HOME}")


def basic_first(asked: Request) -> Iterable[Piece]:
    if proven(asked, "Authorization", "home.example"):
        return [answer(asked, "200 OK", bound(asked))]
    return challenge(asked, 'WWW-Authenticate: Basic realm="x"', f"WWW-Authenticate: {HOME}")


def a_farm(stale: bool) -> Plays:
    """Members that do not share their nonces: the third proof is for the right one."""

    def story(asked: Request) -> Iterable[Piece]:
        n = asked.kept["n"] = asked.kept.get("n", 0) + 1
        if proven(asked, "Authorization", "home.example") and n % 3 == 0:
            return [answer(asked, "200 OK", bound(asked))]
        word = f", stale={'true' if n % 3 == 2 else 'false'}" if stale else ""
        return challenge(
            asked, f'WWW-Authenticate: Digest realm="home.example", nonce="n{n}"{word}'
        )

    return story


def brief(minimum: bool) -> Plays:
    """Takes an hour at least."""

    def story(asked: Request) -> Iterable[Piece]:
        if 0 < asked.seconds < 3600:
            return [
                answer(asked, "423 Interval Too Brief", *(["Min-Expires: 3600"] if minimum else []))
            ]
        return [answer(asked, "200 OK", bound(asked, seconds=asked.seconds))]

    return story


def no_farewell(asked: Request) -> Iterable[Piece]:
    if asked.seconds == 0:
        return [answer(asked, "481 Call/Transaction Does Not Exist")]
    return [answer(asked, "200 OK", bound(asked))]


def auth_int(asked: Request) -> Iterable[Piece]:
    if "auth-int" in asked.one("Authorization") and proven(asked, "Authorization", "home.example"):
        return [answer(asked, "200 OK", bound(asked))]
    return challenge(asked, f'WWW-Authenticate: {HOME}, qop="auth-int"')


def through_nat(asked: Request) -> Iterable[Piece]:
    via = asked.one("Via").replace(";rport", MOVED)
    return [answer(asked, "200 OK", OUTSIDE, via=[via])]


def host_of(asked: Request) -> str:
    return asked.contact.partition("@")[2]


def granted_with(*more: str) -> Plays:
    return lambda asked: [answer(asked, "200 OK", bound(asked), *more)]


def after(contact: str) -> Plays:
    """Another binding first, then ours."""
    return lambda asked: [answer(asked, "200 OK", contact, bound(asked))]


SEVERAL_DIGESTS = (
    'Digest realm="home.example", nonce="h1", algorithm=SHA-512-256, qop="auth", '
    'Digest realm="home.example", nonce="h1", algorithm=MD5, qop="auth"'
)
CONTACTS = (
    Story("good", grants(bound), "RFC 3261, 10.3"),
    Story("nat-port-moved", grants(lambda _a: OUTSIDE), NAT),
    Story(
        "nat-asterisk",
        grants(lambda a: OUTSIDE.replace(">", f";x-ast-orig-host={host_of(a)}>")),
        "Asterisk's rewrite_contact",
    ),
    Story("nat-told-in-via", through_nat, NAT),
    Story(
        "host-by-name",
        grants(lambda a: bound(a, a.contact.replace("127.0.0.1", "localhost"))),
        NAT,
    ),
    Story(
        "port-left-out",
        grants(lambda _a: f"Contact: <sip:{USER}@127.0.0.1>;expires=60"),
        NAT,
    ),
    Story("none", says("200 OK", "Expires: 60"), "RestComm/Restcomm-Connect#2601"),
    Story(
        "star",
        grants(lambda _a: "Contact: *"),
        "RFC 3261, 10.2.2: no answer has it",
        Right("FAILED"),
    ),
    Story(
        "star-with-expires",
        grants(lambda _a: "Contact: *", "Expires: 60"),
        "RFC 3261, 10.2.2: whoever names nobody has bound nobody, for whatever time",
        failed("register", "not-bound"),
    ),
    Story(
        "contact-empty",
        grants(lambda _a: "Contact:", "Expires: 60"),
        "RFC 3261, 20.10: a list of nobody",
        failed("register", "not-bound"),
    ),
    Story(
        "two-in-a-line",
        grants(
            lambda a: f"Contact: <sip:{USER}@192.0.2.9:5060>;expires=99, <{a.contact}>;expires=60"
        ),
        "RFC 3261, 7.3.1",
    ),
    Story("no-brackets", grants(lambda a: f"Contact: {a.contact};expires=60"), "RFC 3261, 20.10"),
    Story("compact", grants(lambda a: f"m: <{a.contact}>;expires=60"), "RFC 3261, 7.3.3"),
    Story(
        "scheme-in-capitals",
        grants(lambda a: bound(a, a.contact.replace("sip:", "SIP:"))),
        "RFC 3986, 3.1",
    ),
    Story(
        "parameter-in-capitals",
        grants(lambda a: f"Contact: <{a.contact}>;Expires=60"),
        "RFC 3261, 7.3.1",
    ),
    Story("blanks", grants(lambda a: f"Contact: <{a.contact}> ; expires = 60"), "RFC 3261, 25.1"),
    Story(
        "name", grants(lambda a: f'Contact: "Monitor" <{a.contact}>;expires=60'), "RFC 3261, 20.10"
    ),
    Story(
        "name-with-comma",
        grants(lambda a: f'Contact: "Mon, itor" <{a.contact}>;expires=60'),
        "RFC 3261, 25.1",
    ),
    Story("outbound", grants(lambda a: bound(a, f"{a.contact};transport=udp;ob")), "RFC 5626, 5.4"),
    Story(
        "instance",
        grants(lambda a: f'{bound(a)};+sip.instance="<urn:uuid:0-0>";reg-id=1;q=0.5'),
        "RFC 5626, 4.2: quoted brackets and commas",
    ),
    Story(
        "gruu",
        grants(lambda a: f'Contact: <{a.contact}>;pub-gruu="sip:m@home;gr=urn:uuid:1";expires=60'),
        "RFC 5627",
    ),
    Story(
        "escaped-user",
        grants(lambda a: bound(a, a.contact.replace("monitor", "%6donitor"))),
        "RFC 3986, 6.2.2",
    ),
    Story(
        "sips-beside",
        after("Contact: <sips:other@192.0.2.1:5061;transport=tls>;expires=3"),
        "RFC 3261, 10.3",
    ),
    Story("tel-beside", after("Contact: <tel:+4912345>;expires=300"), "RFC 3966"),
    Story(
        "mailto-beside",
        after("Contact: <mailto:ops@example.net>;q=0.1"),
        "RFC 3261, 20.10",
    ),
    Story(
        "expires-is-a-date",
        lambda a: [
            answer(a, "200 OK", f"Contact: <{a.contact}>", "Expires: Thu, 01 Dec 2026 16:00:00 GMT")
        ],
        "RFC 2543; RFC 3261, 20.19: malformed is 3600",
    ),
    Story(
        "path-and-service-route",
        granted_with(
            "Path: <sip:edge.example;lr>",
            "Service-Route: <sip:home.example;lr>",
            "P-Associated-URI: <tel:+1>",
        ),
        "RFC 3327, RFC 3608, RFC 7315",
    ),
)
PROOFS = (
    Story("two-doors", two_doors, DOORS),
    Story("two-realms", two_realms, DOORS),
    Story("two-digests-in-a-line", asks(SEVERAL_DIGESTS), "RFC 7616, 3.7: the first that is known"),
    Story("auth-int", auth_int, "RFC 7616, 3.4.3"),
    Story("md5-sess", asks(f'{HOME}, qop="auth", algorithm=MD5-sess'), "RFC 7616, 3.4.2"),
    Story(
        "realm-with-quotes",
        asks('Digest realm="a \\"b\\" c", nonce="h1", qop="auth"', 'a "b" c', 'a \\"b\\" c'),
        "RFC 9110, 5.6.4",
    ),
    Story(
        "realm-in-utf-8",
        asks('Digest realm="Zürich", nonce="h1", qop="auth"', "Zürich"),
        "RFC 3261, 25.1",
    ),
    Story(
        "algorithm-quoted",
        asks(f'{HOME}, qop=auth, algorithm="MD5"'),
        "RFC 7616, 3.3: either way in the field",
    ),
    Story(
        "nothing-quoted", asks("Digest realm=home.example,nonce=h1,algorithm=md5"), "in the field"
    ),
    Story(
        "tabs-and-capitals",
        asks('DIGEST\trealm="home.example",\t nonce="h1"'),
        "RFC 3261, 25.1: LWS",
    ),
    Story(
        "nonce-with-signs",
        asks('Digest nonce="a=b,c==", realm="home.example", opaque=""'),
        "RFC 9110, 5.6.4",
    ),
    Story("basic-first", basic_first, "RFC 3261, 22.1: Basic is not for SIP"),
    Story("stale", a_farm(stale=True), "RFC 7616, 3.3"),
    Story("stale-unsaid", a_farm(stale=False), "a farm that shares no nonces", Right("FAILED")),
)
GRANTS = (
    Story("brief", brief(minimum=True), "RFC 3261, 10.2.8"),
    Story(
        "brief-without-minimum",
        brief(minimum=False),
        "RFC 3261, 20.23: it must say",
        Right("FAILED"),
    ),
    Story("shorter", grants(lambda a: bound(a, seconds=7), "Expires: 7"), "RFC 3261, 10.3"),
    Story(
        "no-seconds",
        grants(lambda a: bound(a, seconds=0)),
        "RFC 3261, 10.3: it is removed",
        Right("FAILED"),
    ),
    Story(
        "seconds-with-point",
        grants(lambda a: bound(a, seconds="60.0")),
        "no delta-seconds",
        Right("FAILED"),
    ),
    Story(
        "seconds-at-the-limit",
        grants(lambda a: bound(a, seconds=4294967295)),
        "RFC 3261, 20.19: 2**32 - 1",
    ),
    Story(
        "202",
        lambda a: [answer(a, "202 Accepted", bound(a))],
        "RFC 3261, 7.2: of the class 2xx",
    ),
    Story(
        "farewell-refused",
        no_farewell,
        "our binding may still stand",
        failed("unregister", "sip:481"),
    ),
    Story(
        "503",
        says("503 Service Unavailable", "Retry-After: 5"),
        "RFC 3261, 21.5.4",
        failed("", "sip:503"),
    ),
    Story(
        "301",
        says("301 Moved Permanently", "Contact: <sip:127.0.0.1:9>"),
        "RFC 3261, 8.1.3.4",
        failed("", "sip:301"),
    ),
)


@pytest.mark.parametrize("story", told((*CONTACTS, *PROOFS, *GRANTS)))
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
