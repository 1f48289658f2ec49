"""What a check looks at, in one line: every kind says it, and no secret is ever in it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.kinds import kinds
from checks.plugin import NagiosPlugin
from checks.target import of_address, of_call, of_host, of_several
from checks.web.portal import Portal
from monitor.config import load, write_sample
from monitor.incidents.fault_words import target_of

SECRET = "s3cret-t0ken-of-the-night"
"""shown nowhere"""


def test_every_kind_of_the_sample_says_what_it_looks_at(tmp_path: Path) -> None:
    write_sample(file := tmp_path / "reveille.toml")
    entries = load(file).checks.values()
    targets = {entry.probe.KIND: target_of(entry.probe) for entry in entries}
    assert set(kinds()) <= set(targets)
    assert all(targets.values())
    assert targets["pyvoip-call"] == "8000 at sip.example.net"
    assert targets["smtp"] == "mail.example.net:587"
    assert targets["websocket"] == "wss://chat.example.net/socket"
    assert targets["database-health"] == "asterisk at 127.0.0.1"


@given(
    user=st.text(min_size=1, max_size=20),
    place=st.sampled_from(["https://{}:{}@a.example.net/login", "wss://a.example.net/ws?{}={}#{}"]),
)
def test_user_information_and_queries_are_left_out(user: str, place: str) -> None:
    written = place.format(quote(user, safe=""), SECRET, SECRET)
    assert of_address(written) in ("https://a.example.net/login", "wss://a.example.net/ws")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://hooks.example.net/services/T0/{SECRET}9",
         "https://hooks.example.net/services/T0/s3cr…"),
        ("http://[2001:db8::1]:8080/a", "http://[2001:db8::1]:8080/a"),
        ("https://a.example.net:99999/", ""),
        ("no address", ""),
    ],
)  # fmt: skip
def test_an_address_is_shown_as_far_as_it_is_no_key(url: str, shown: str) -> None:
    assert of_address(url) == shown


def test_a_portal_and_a_plugin_show_no_password() -> None:
    portal = Portal.model_validate({"url": f"https://a.example.net/x?token={SECRET}"})
    host = f"u:{SECRET}@db.example.net/x?{SECRET}"
    command = ["/usr/lib/nagios/plugins/check_mysql", "-H", host, "-p", SECRET]
    plugin = NagiosPlugin.model_validate({"command": command})
    assert portal.target() == "https://a.example.net/x"
    assert plugin.target() == "check_mysql at db.example.net"


def test_hosts_numbers_and_lists_as_people_write_them() -> None:
    assert of_host("mail.example.net", 25) == "mail.example.net:25"
    assert of_host("2001:db8::1", 53) == "[2001:db8::1]:53"
    assert of_call("8000", "sip.example.net") == "8000 at sip.example.net"
    assert of_call(f"ivr:{SECRET}@pbx.example.net;transport=tcp", "x") == "ivr@pbx.example.net"
    assert of_several(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
