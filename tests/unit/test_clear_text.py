"""Passwords that everybody on the way could read: each is warned of, unless it says that it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.transport.clear_text import is_here, is_open
from monitor.config import load

SITE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\n'
SECRET = '{ environment = "HOME" }'
ACCOUNT = f'user = "x"\npassword = {SECRET}\n'
SERVER = f'server = {{ database = "a", user = "x", password = {SECRET}, host = "HOST" }}\n'
LINE = '[lines.t]\nregistrar = "pbx.example.net"\n'
FAR = "192.0.2.7"

OPEN = {
    "portal-basic": f'kind = "portal"\nurl = "http://{FAR}/"\n{ACCOUNT}',
    "portal-step": f'kind = "portal"\nurl = "https://{FAR}/"\nsecrets = {{ p = {SECRET} }}\n'
    f'steps = [{{ name = "a", url = "http://{FAR}/", form = {{ p = "{{p}}" }} }}]\n',
    "api-header": f'kind = "api"\nurl = "http://{FAR}/"\nsecrets = {{ k = {SECRET} }}\n'
    'steps = [{ name = "a", url = "/", headers = { X-Key = "{k}" } }]\n',
    "websocket-token": f'kind = "websocket"\nurl = "ws://{FAR}/"\ntoken = {SECRET}\n',
    "ami": f'kind = "pri-ami"\nhost = "{FAR}"\n{ACCOUNT}',
    "ami-queue": f'kind = "queue-state"\nhost = "{FAR}:5038"\nqueues = ["q"]\n{ACCOUNT}',
    "snmp-v2c": f'kind = "pri-snmp"\nhost = "{FAR}"\ncommunity = {SECRET}\n',
    "postgresql": 'kind = "database-health"\nengine = "postgresql"\n' + SERVER.replace("HOST", FAR),
    "mariadb": 'kind = "database-health"\nengine = "mariadb"\n' + SERVER.replace("HOST", FAR),
    "backup": f'kind = "backup"\nengine = "mariadb"\ndatabase = "a"\nfolder = "b"\nhost = "{FAR}"\n'
    + ACCOUNT,
    "usage": 'kind = "usage"\nrecords = { mariadb = { database = "a", user = "x",'
    f' host = "{FAR}", password = {SECRET} }} }}\n',
    "browser": f'kind = "portal-browser"\nurl = "http://{FAR}/"\n'
    f'steps = [{{ open = "/" }}, {{ fill = "Password", secret = {SECRET} }}]\n',
    "recording": 'kind = "sip-call"\nline = "t"\nto = "8000"\n'
    f'recording = {{ url = "http://{FAR}/x", headers = {{ X = {SECRET} }} }}\n',
}


def told(folder: Path, check: str) -> list[str]:
    file = folder / "reveille.toml"
    file.write_text(f'{SITE}{LINE}[checks.c]\nevery = "1h"\n{check}', encoding="utf-8")
    return [
        str(one)
        for one in load(file).warnings
        if one.path.startswith("checks.c") and "insecure = true" in one.right
    ]


@pytest.mark.parametrize("check", OPEN.values(), ids=OPEN)
def test_a_password_in_the_clear_is_said_where_it_stands(tmp_path: Path, check: str) -> None:
    (said,) = told(tmp_path, check)
    assert said.startswith("checks.c")


@pytest.mark.parametrize("name", ["portal-basic", "websocket-token", "ami", "snmp-v2c", "backup"])
def test_whoever_means_it_says_so_once(tmp_path: Path, name: str) -> None:
    assert told(tmp_path, OPEN[name] + "insecure = true\n") == []


@pytest.mark.parametrize("check", OPEN.values(), ids=OPEN)
@pytest.mark.parametrize("here", ["127.0.0.1", "localhost"])
def test_on_the_loopback_nobody_listens(tmp_path: Path, check: str, here: str) -> None:
    assert told(tmp_path, check.replace(FAR, here)) == []


def test_tls_and_keys_are_enough(tmp_path: Path) -> None:
    for safe in (
        OPEN["portal-basic"].replace("http:", "https:"),
        OPEN["websocket-token"].replace("ws:", "wss:"),
        OPEN["ami"] + "tls = true\n",
        f'kind = "pri-snmp"\nhost = "{FAR}"\nuser = "x"\nauthentication_password = {SECRET}\n',
        'kind = "database-health"\nengine = "postgresql"\n'
        + SERVER.replace("HOST", "/run/postgresql"),
        OPEN["portal-basic"].replace(ACCOUNT, ""),
    ):
        assert told(tmp_path, safe) == []


def test_forty_portals_with_one_mistake_are_one_line(tmp_path: Path) -> None:
    portals = "".join(f'[checks.p{n}]\nevery = "5m"\n{OPEN["portal-basic"]}' for n in range(40))
    file = tmp_path / "reveille.toml"
    file.write_text(SITE + portals, encoding="utf-8")
    (said,) = [one for one in load(file).warnings if "in the clear" in one.wrong]
    assert said.path.startswith("checks.p0, checks.p1, ") and said.path.endswith("checks.p39")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("", True), ("/run/mysqld/mysqld.sock", True), ("127.0.0.1", True), ("127.9.9.9:80", True),
        ("[::1]:5038", True), ("localhost:5038", True), ("a.localhost", True), ("10.0.0.1", False),
        ("pbx.example.net", False), ("localhost.example.net", False), ("[2001:db8::1]", False),
    ],
)  # fmt: skip
def test_what_is_here(host: str, here: bool) -> None:
    assert is_here(host) is here
    if host and not host.startswith("/"):
        assert is_open(f"http://{host}/") is not here
        assert not is_open(f"https://{host}/")


def test_what_is_no_address_is_not_called_open() -> None:
    assert not any(map(is_open, ("", "/login", "http://[", "mailto:x")))
