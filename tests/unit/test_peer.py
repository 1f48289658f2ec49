"""Who speaks at a UNIX socket, by the kernel's word; what the control socket takes for a line."""

from __future__ import annotations

import grp
import json
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.service.control_protocol import (
    MOST_BYTES,
    Malformed,
    Request,
    line,
    pieces,
    places,
    read,
    request_of,
    short,
)
from monitor.service.peer import Peer, peer_of, refusal

GROUP = grp.getgrgid(os.getgid()).gr_name


def test_the_kernel_says_who_is_connected() -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        peer = peer_of(here)
    assert (peer.process, peer.user) == (os.getpid(), os.geteuid())
    assert {os.getegid(), *os.getgroups()} == peer.groups


def test_only_root_the_service_and_the_group_may_act() -> None:
    assert refusal(Peer(1, 0, frozenset()), "no-such-group") == ""
    assert refusal(Peer(1, os.geteuid(), frozenset()), "no-such-group") == ""
    assert refusal(Peer(1, 4_000_001, frozenset({os.getgid()})), GROUP) == ""
    stranger = Peer(1, 4_000_001, frozenset({4_000_001}))
    assert refusal(stranger, GROUP).endswith(
        f"usermod --append --groups {GROUP} user 4000001, then log in anew"
    )
    assert "groupadd --system no-such-group" in refusal(stranger, "no-such-group")


@given(st.text())
def test_a_text_of_any_length_arrives_whole_in_lines_that_fit(text: str) -> None:
    sent = list(pieces("show", text))
    assert all(len(one) <= MOST_BYTES and one.count(b"\n") == 1 for one in sent)
    assert "".join(read(one)[1] for one in sent) == text


@given(st.binary())
def test_whatever_comes_is_a_line_or_refused(written: bytes) -> None:
    try:
        key, _ = read(written)
    except Malformed:
        return
    assert isinstance(key, str)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"words": JSON}, optional={"colour": JSON, "behind": JSON}) | JSON)
def test_a_request_is_understood_as_it_was_meant_or_refused(value: object) -> None:
    try:
        found = request_of(value)
    except Malformed:
        return
    assert isinstance(found, Request)
    assert request_of(read(found.encoded())[1]) == found


def test_a_key_of_a_later_release_is_passed_over() -> None:
    assert request_of({"words": ["status"], "font": "large"}) == Request(("status",))
    assert json.loads(line("end", 0)) == {"end": 0}


@pytest.mark.parametrize(
    ("written", "state"),
    [
        ('state = "/a/b"\n', "/a/b"),
        ("  state='c' # here\n[site\nbroken", "{folder}/c"),
        ('# state = "no"\n[checks.x]\nstate = "no"\n', "/var/lib/reveille"),
        ('\ufeffstate = "/a"\r\n', "/a"),
        ("\x00\x01", "/var/lib/reveille"),
    ],
)
def test_the_state_is_found_in_a_file_that_nobody_else_can_read(
    tmp_path: Path, written: str, state: str
) -> None:
    file = tmp_path / "reveille.toml"
    file.write_text(written, encoding="utf-8")
    assert list(places(file))[-1].parent == Path(state.format(folder=tmp_path))
    assert list(places(tmp_path / "nowhere.toml"))[-1].parent == Path("/var/lib/reveille")


def test_a_socket_may_lie_deeper_than_its_address_is_long(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as bound, short(deep / "control.socket") as name:
        bound.bind(name)
    assert (deep / "control.socket").is_socket()
