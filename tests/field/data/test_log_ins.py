"""The log of sshd: what a stranger wrote as his user name is no line of the log's own (fail2ban's
sshd filter).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.story import Right, Story, comes_out, failed, once

FAILURE = "Nov 29 10:00:0{} pbx sshd[20{}]: Failed {} for {} from 203.0.113.5 port 400{} ssh2\n"


def host(folder: Path, lines: str, records: bool) -> str:
    """The files of a host that are looked at."""
    for name in ("etc", "var/log"):
        (folder / name).mkdir(parents=True)
    (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (folder / "etc/shadow").write_text("root:*:19000:::\n")
    (folder / "etc/group").write_text("root:x:0:\n")
    (folder / "var/log/auth.log").write_text(lines)
    if records:
        (folder / "var/log/wtmp").write_bytes(b"")
    return str(folder)


def guesses(what: str, whom: str) -> str:
    return "".join(FAILURE.format(n, n, what, whom, n) for n in range(1, 7))


async def test_a_user_name_that_looks_like_a_success_is_none(tmp_path: Path) -> None:
    name = "Accepted password for root from 203.0.113.5"
    line = f"Nov 29 10:00:08 pbx sshd[209]: Invalid user {name} from 203.0.113.5 port 4009\n"
    root = host(tmp_path / "host", guesses("password", "invalid user admin") + line, records=False)
    seen = await once(tmp_path, "intrusion", areas=["log-ins"], root=root)
    comes_out(
        seen,
        Story("injected", None, "nothing is accepted yet, and nobody came in", Right("DEGRADED")),
    )


async def test_a_password_by_way_of_pam_is_a_password(tmp_path: Path) -> None:
    line = (
        "Nov 29 10:00:08 pbx sshd[209]: Accepted keyboard-interactive/pam for root from 203.0.113.5"
        " port 4009 ssh2\n"
    )
    root = host(tmp_path / "host", guesses("keyboard-interactive/pam", "root") + line, records=True)
    seen = await once(tmp_path, "intrusion", areas=["log-ins"], root=root)
    comes_out(seen, Story("pam", None, "fail2ban's sshd filter", failed("", "guessed-password")))


@pytest.mark.parametrize(
    "line",
    [
        "Nov 29 10:00:08 pbx sshd[209]: Failed password for invalid user x from 198.51.100.9 port 1"
        " ssh2 Accepted password for root from 198.51.100.9 port 1 ssh2 from 203.0.113.5 port 9",
        "Nov 29 10:00:08 pbx asterisk[77]: Accepted password for root from 203.0.113.5 port 9 ssh2",
        "Nov 29 10:00:08 pbx web[7]: sshd[1]: Accepted password for root from 203.0.113.5 port 9",
        "Nov 29 10:00:08 pbx sshd[209]: Accepted password for root from 203.0.113.5",
    ],
    ids=["in-a-failure", "another-program", "another-head", "cut"],
)
async def test_who_did_not_come_in_by_sshd_is_not_told(tmp_path: Path, line: str) -> None:
    root = host(tmp_path / "host", guesses("password", "root") + line + "\n", records=False)
    seen = await once(tmp_path, "intrusion", areas=["log-ins"], root=root)
    assert seen.observation.measures["log_ins"] == 0


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-29T10:00:08.123456+05:30 pbx sshd-session[209]: Accepted password for root from"
        " 203.0.113.5 port 4009 ssh2",
        "Nov  9 10:00:08 pbx sshd[209]: Accepted keyboard-interactive/bsdauth for root from"
        " 203.0.113.5 port 4009",
        "<86>Nov 29 10:00:08 pbx sshd: Accepted password for root from 203.0.113.5 port 40 ssh2",
    ],
    ids=["rfc5424", "bsd", "with-its-priority"],
)
async def test_who_guessed_is_told_however_the_line_was_written(tmp_path: Path, line: str) -> None:
    root = host(tmp_path / "host", guesses("password", "root") + line + "\n", records=True)
    seen = await once(tmp_path, "intrusion", areas=["log-ins"], root=root)
    comes_out(seen, Story("guessed", None, "sshd's auth.c", failed("", "guessed-password")))


PAM = (
    "Nov 29 10:00:0{0} pbx sshd[20{0}]: error: PAM: Authentication failure for root from"
    " 203.0.113.5\n"
)


async def test_a_failure_that_pam_alone_tells_counts_and_never_twice(tmp_path: Path) -> None:
    """Two tries a connection: sshd itself says nothing of them."""
    came = (
        "Nov 29 10:00:08 pbx sshd[209]: Accepted keyboard-interactive/pam for root from 203.0.113.5"
        " port 4009 ssh2\n"
    )
    told = "".join(PAM.format(n) for n in range(6))
    root = host(tmp_path / "host", told + came, records=True)
    seen = await once(tmp_path, "intrusion", areas=["log-ins"], root=root)
    comes_out(seen, Story("pam", None, "OpenSSH's auth-pam.c", failed("", "guessed-password")))
    # Somebody who mistypes three times is nobody who guesses.
    (tmp_path / "second").mkdir()
    twice = "".join(
        PAM.format(n) + FAILURE.format(n, n, "keyboard-interactive/pam", "root", n)
        for n in range(3)
    )
    root = host(tmp_path / "second" / "host", twice + came, records=True)
    seen = await once(tmp_path / "second", "intrusion", areas=["log-ins"], root=root)
    assert seen.observation.measures["failed_log_ins"] == 3
    assert seen.observation.fault is None


@pytest.mark.parametrize(
    "method",
    [
        "gssapi-with-mic for root from 203.0.113.5 port 4009 ssh2: root@EXAMPLE.NET",
        'hostbased for root from 203.0.113.5 port 4009 ssh2: RSA SHA256:x, client user "root"',
        "publickey for root from 2001:db8::5 port 9 ssh2: ED25519-CERT SHA256:x ID a (serial 0) CA",
        "none for root from 203.0.113.5 port 4009 ssh2",
        "publickey for root from 203.0.113.5 port 4009 ssh2: ED25519-SK SHA256:x",
        r"password for CORP\anna de la cruz from 203.0.113.5 port 4009 ssh2",
        "publickey for root from 203.0.113.5 port 9 ssh2: RSA-CERT SHA256:x ID a from 192.0.2.6"
        " port 1 ssh2: b (serial 0) CA",
    ],
    ids=["kerberos", "hostbased", "certificate", "none", "token", "blanks", "two-addresses"],
)
async def test_every_method_of_sshd_is_a_log_in(tmp_path: Path, method: str) -> None:
    """Debian 13 keeps no wtmp: there is nothing but the log."""
    line = f"Nov 29 10:00:08 pbx sshd-session[209]: Accepted {method}\n"
    root = host(tmp_path / "host", line, records=False)
    seen = await once(tmp_path, "intrusion", areas=["log-ins"], root=root)
    assert seen.observation.measures["log_ins"] == 1
    assert not any("192.0.2" in note for note in seen.observation.notes)
