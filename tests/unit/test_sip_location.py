"""Which server of a SIP domain comes first (RFC 3263, RFC 2782), and how records are read from an
answer: dnspython is the oracle.
"""

from __future__ import annotations

from contextlib import suppress

import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from checks.network.dns_records import Naptr, Srv, naptr_in, srv_in
from checks.telephony.sip.location import by_priority

words = some.integers(0, 65535)
labels = some.text("abcXYZ019-_", min_size=1, max_size=20)
names = some.lists(labels, min_size=1, max_size=4).map(".".join)
servers = some.lists(some.builds(Srv, words, words, words, names), max_size=6, unique=True)


def answered(kind: str, records: list[str], owner: str = "_sip._udp.trunk.test.") -> bytes:
    """An answer of dnspython's making, with pointers in it."""
    message = dns.message.make_response(dns.message.make_query("_sip._udp.trunk.test.", kind))
    if records:
        message.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, *records))
    return message.to_wire()


@settings(max_examples=40, deadline=None)
@given(servers)
def test_servers_are_read_as_a_library_wrote_them(wanted: list[Srv]) -> None:
    written = [f"{one.priority} {one.weight} {one.port} {one.target}." for one in wanted]
    found = srv_in(answered("SRV", written))
    small = {Srv(one.priority, one.weight, one.port, one.target.lower()) for one in wanted}
    assert set(found) == small


def test_a_way_on_is_read_as_a_library_wrote_it() -> None:
    record = '10 50 "S" "SIP+D2T" "" _sip._tcp.trunk.test.'
    assert naptr_in(answered("NAPTR", [record])) == [
        Naptr(10, 50, "S", "SIP+D2T", "", "_sip._tcp.trunk.test")
    ]


def test_a_root_is_no_server() -> None:
    assert srv_in(answered("SRV", ["0 0 0 ."])) == [Srv(0, 0, 0, "")]


def test_records_of_another_name_are_no_answer() -> None:
    assert srv_in(answered("SRV", ["1 1 5060 far.test."], "_sip._udp.other.test.")) == []


@settings(max_examples=60, deadline=None)
@given(some.binary(max_size=200), some.integers(0, 80))
def test_whatever_comes_is_read_to_an_end(junk: bytes, keep: int) -> None:
    for data in (junk, answered("SRV", ["1 2 3 far.trunk.test."])[:keep] + junk):
        for reads in (srv_in, naptr_in):
            with suppress(ValueError):
                reads(data)


@settings(max_examples=60, deadline=None)
@given(servers, some.randoms(use_true_random=False))
def test_each_server_is_tried_once_the_least_priority_first(
    wanted: list[Srv], chance: object
) -> None:
    order = list(by_priority(wanted, chance.randrange))  # type: ignore[attr-defined]
    assert sorted(map(repr, order)) == sorted(map(repr, wanted))
    assert [one.priority for one in order] == sorted(one.priority for one in wanted)


@pytest.mark.parametrize(("mark", "first"), [(0, "a"), (1, "b"), (20, "b"), (21, "c"), (100, "c")])
def test_equals_are_drawn_by_weight(mark: int, first: str) -> None:
    equals = [Srv(1, 20, 5060, "b"), Srv(1, 80, 5060, "c"), Srv(1, 0, 5060, "a")]
    marks = iter([mark, 0, 0])
    assert next(by_priority(equals, lambda _below: next(marks))).target == first
