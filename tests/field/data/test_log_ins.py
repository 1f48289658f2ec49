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
