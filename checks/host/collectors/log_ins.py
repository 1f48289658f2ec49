"""Who came in, from where; who tried; and whether the records of it were tampered with.

wtmp and btmp (utmp(5)), auth.log or secure, or the journal. A source is the network of an address
(/24, /64), so that one who works from home is not new every day. A log-in that nobody accepted
stays a fault until somebody does.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked, listed
from checks.host.collectors.delta import Codes, Delta
from checks.host.collectors.new_lines import MOST_BYTES, new_lines
from checks.host.collectors.program import run

# struct utmp of glibc on 64-bit Linux (utmp(5)): 384 bytes, with 32-bit times for the sake of
# 32-bit programs.
_RECORD = struct.Struct("=hxxi32s4s32s256shhiii4i20s")
# utmp(5). The programs that write btmp differ in which of the two a failed log-in is.
_USER_PROCESS, _LOGIN_PROCESS = 7, 6
_FIRST_SECONDS = 86400.0
# sshd hangs up after six failures (MaxAuthTries), and a person who mistypes gives up or succeeds
# before.
_GUESSED_AFTER = 5
_SECONDS = 30.0
_MOST_NAME = 100
# Who wrote a line: the head that rsyslog puts before it (RFC 3164 or RFC 5424 times, a host, the
# program with its pid). What stands behind it is sshd's own from its first letter on.
_HEAD = re.compile(
    r"(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{8,26}) \S+"
    r" (?:sshd|sshd-session|sshd-auth)(?:\[\d+\])?: "
)
# The words of sshd's auth.c (auth_log), from the line's beginning to its end: the name in the
# middle is the caller's own, and may hold all of these words, so the last address is the true one.
# Behind the protocol stands what the method says: a key, a certificate, a principal of Kerberos.
_TAIL = r"from (\S+) port \d+(?: ssh\d)?(?:: \S.*| \[preauth\])?$"
# Of who came in the name is an account's own: a directory may have blanks in it, and behind the
# first address stands what a certificate calls itself.
_ACCEPTED = re.compile(rf"Accepted (\S+) for (.{{1,1000}}?) {_TAIL}")
_FAILED = re.compile(rf"Failed (\S+) for (?:invalid user )?(.{{0,1000}}) {_TAIL}")
# auth-pam.c: of the first failures of a connection this is all that is said at LogLevel INFO
# (auth_log tells them from the third on, and then of the same failure twice).
_BY_PAM = re.compile(r"error: PAM: .{1,100}? for (?:illegal user )?(.{0,100}) from (\S+)$")
_OF_PAM = "keyboard-interactive/pam"
# The methods that ask for a password: by sshd itself, or by PAM or BSD's login in its place.
_BY_PASSWORD = ("password", "keyboard-interactive")


@dataclass(slots=True)
class Seen:
    """The log-ins since the last look, by account and source."""

    came: Counter[tuple[str, str]] = field(default_factory=Counter)
    """account and source"""
    failed: Counter[str] = field(default_factory=Counter)
    """source"""
    tried: dict[str, set[str]] = field(default_factory=dict)
    """source -> accounts"""
    guessed: set[tuple[str, str]] = field(default_factory=set)
    """account and source of a log-in by password after many that failed"""
    by_pam: Counter[tuple[str, str]] = field(default_factory=Counter)
    """account and source of failures that PAM has told and sshd may tell again"""

    def success(self, account: str, origin: str, by_password: bool = False) -> None:
        """Count a log-in that succeeded."""
        source = network(origin)
        self.came[account, source] += 1
        if by_password and self.failed[source] >= _GUESSED_AFTER:
            self.guessed.add((account, source))

    def failure(self, account: str, origin: str) -> None:
        """Count a log-in that failed."""
        source = network(origin)
        self.failed[source] += 1
        self.tried.setdefault(source, set()).add(account)


def log_ins(at: Look, delta: Delta) -> None:
    """Read all the records of log-ins that this host keeps, and judge them."""
    root = Path(at.settings["root"])
    seen = Seen()
    sources = 0
    for name in ("btmp", "wtmp"):
        if (root / "var/log" / name).is_file():
            sources += 1
            _of_records(at, delta, root / "var/log" / name, seen)
        # An intruder removes the whole file; logrotate makes a new, empty one in its place.
        elif f"records {name}" in at.recalled:
            delta.found("log-erased", f"{root / 'var/log' / name} is gone")
    sources += _of_log(at, root, seen)
    if not sources:
        raise NotLooked("this host keeps no records of log-ins")
    _tell(at, delta, seen)


def _tell(at: Look, delta: Delta, seen: Seen) -> None:
    at.measure("log_ins", seen.came.total())
    at.measure("failed_log_ins", seen.failed.total())
    for (account, source), times in seen.came.most_common(20):
        at.note(f"{account} came in {times} times from {source}")
    for source, times in seen.failed.most_common(5):
        at.note(f"{times} failed from {source}, as {listed(sorted(seen.tried[source]), 4)}")
        if times >= at.settings["most_failed"]:
            at.warning(
                f"{times} failed log-ins from {source}, as {len(seen.tried[source])} accounts"
            )
    guessed = {tuple(pair) for pair in at.recalled.get("guessed", [])} | seen.guessed
    accepted = at.accepted.get("log-ins")
    left = {f"{account} from {source}" for account, source in seen.came} | set(
        at.recalled.get("new log-ins", [])
    )
    open_pairs = sorted(left - set(accepted or {}))
    delta.compare(
        "log-ins",
        {**(accepted or {}), **dict.fromkeys(open_pairs, "")},
        Codes("new-log-in"),
        None,
        "log-in",
    )
    at.remember("new log-ins", open_pairs[-500:])
    still = sorted(
        pair for pair in guessed if f"{pair[0]} from {pair[1]}" in open_pairs or accepted is None
    )
    at.remember("guessed", still)
    for account, source in still:
        delta.found(
            "guessed-password",
            f"{account} came in by password from {source} after many that failed",
        )


def _of_records(at: Look, delta: Delta, path: Path, seen: Seen) -> None:
    """wtmp and btmp: each record once; one that was wiped is all zeroes.

    What stands behind the place where the look before ended is new; in a file that was begun anew,
    what is later.
    """
    name = f"records {path.name}"
    known = path.stat()
    inode, size, last = at.recalled.get(name, [None, 0, at.now - _FIRST_SECONDS])
    # logrotate renames the file and begins another; the same inode that has become shorter was cut
    # by somebody.
    if inode == known.st_ino and known.st_size < size:
        delta.found("log-erased", f"{path} was {size} bytes long and is {known.st_size}")
    begin = max(0, known.st_size - MOST_BYTES) // _RECORD.size * _RECORD.size
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read()
    newest, wiped = last, 0
    for place, (kind, account, origin, line, moment) in enumerate(_records(data)):
        behind = begin + place * _RECORD.size >= size
        # Log cleaners overwrite the record of a log-in with zeroes; no program writes such a
        # record.
        if not kind and not moment:
            wiped += 1
        elif behind if inode == known.st_ino else moment > last:
            newest = max(newest, moment)
            if path.name == "btmp" and kind in (_USER_PROCESS, _LOGIN_PROCESS):
                seen.failure(account, origin or line)
            elif kind == _USER_PROCESS:
                seen.success(account, origin or line)
    if wiped:
        delta.found("log-erased", f"{wiped} records of {path} are wiped")
    at.remember(name, [known.st_ino, known.st_size, newest])


def _records(data: bytes) -> Iterator[tuple[int, str, str, str, int]]:
    for kind, _, line, _, user, host, _, _, _, seconds, *_ in _RECORD.iter_unpack(
        data[: len(data) // 384 * 384]
    ):
        texts = (part.partition(b"\0")[0].decode("utf-8", "replace") for part in (user, host, line))
        account, origin, where = texts
        yield kind, account, origin, where, seconds


def _of_log(at: Look, root: Path, seen: Seen) -> int:
    """sshd's own words, which tell of passwords and keys."""
    files = [file for name in ("auth.log", "secure") if (file := root / "var/log" / name).is_file()]
    records = (root / "var/log/wtmp").is_file()
    lines: Iterator[str] = iter(())
    if files:
        lines = new_lines(at, files[0])
    elif at.settings["root"] == "/":
        since = at.recalled.get("journal", at.now - _FIRST_SECONDS)
        at.remember("journal", at.now)
        command = [
            "journalctl",
            "-q",
            "-o",
            "cat",
            "--no-pager",
            f"--since=@{since:.0f}",
            "-t",
            "sshd",
            "-t",
            "sshd-session",
            # Whoever may log may call himself sshd; whose process it was journald knows.
            "_UID=0",
        ]
        lines = iter(run(command, min(_SECONDS, at.left())).output.splitlines())
    for line in lines:
        head = _HEAD.match(line) if files else None
        # The journal was asked for sshd's lines alone, and gives them without a head.
        if files and head is None:
            continue
        _of_sshd(line[head.end() if head else 0 :], seen, records)
    return len(files)


def _of_sshd(said: str, seen: Seen, records: bool) -> None:
    """One line that sshd wrote."""
    if found := _BY_PAM.fullmatch(said):
        seen.by_pam[found[1], found[2]] += 1
        seen.failure(found[1], found[2])
    elif found := _FAILED.fullmatch(said):
        if found[1] == _OF_PAM and seen.by_pam[found[2], found[3]] > 0:
            seen.by_pam[found[2], found[3]] -= 1
            return
        seen.failure(found[2][:_MOST_NAME], found[3])
    elif found := _ACCEPTED.fullmatch(said):
        by_password = found[1].startswith(_BY_PASSWORD)
        # Where wtmp is kept it counts the log-ins, and the log adds only which of them were by
        # password.
        if by_password or not records:
            seen.success(found[2], found[3], by_password)


def network(origin: str) -> str:
    """The network of an address; a name or a terminal as it is."""
    try:
        address = ipaddress.ip_address(origin.partition("%")[0])
    except ValueError:
        return origin or "the console"
    # /24 and /64: the address of a home changes within such a block, and a person is not new every
    # day.
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))
