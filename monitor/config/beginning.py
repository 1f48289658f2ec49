"""The file that `reveille init` writes: small enough to be read in two minutes, and somebody is
told from the first day on.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from monitor import policies
from monitor.config.fault_list import ConfigurationFaults, Fault
from monitor.config.loading import understand
from monitor.config.section_models import OPERATORS
from monitor.config.toml_text import parse
from monitor.config.toml_writer import toml

_MODE = 0o644
# The usual policy of [site], as its model has it.
USUAL_POLICY = "ozonetel"
_HERE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Answers:
    """What has to be known of a site before anything can be looked at, and somebody be told."""

    site: str = ""
    zone: str = ""
    region: str = ""
    policy: str = USUAL_POLICY
    to: tuple[str, ...] = ()
    """mail addresses; `ROLE=ADDRESS` for a role of the policy's ladders, else the operators"""
    relay: str = ""
    """the mail server, as `host` or `host:port`"""
    sender: str = ""
    """whom mails come from; without it `reveille@` the domain of the first address"""


def text_of(answers: Answers) -> str:
    """The file. What is wrong with an answer is wrong in it, at the place that `PLACES` says."""
    people = [one.rpartition("=")[::2] for one in answers.to]
    told = "\n\n".join(
        f"[[people]]\nrole = {toml(role or OPERATORS)}\nmail = {toml(mail)}"
        for role, mail in people
    )
    operators = [mail for role, mail in people if role in ("", OPERATORS)] or [
        mail for _, mail in people
    ]
    region = f"region = {toml(answers.region)}\n" if answers.region else ""
    return f"""\
# Reveille watches this site.
#
#   reveille check-config        what is wrong in here, and what is probably not meant
#   reveille check-config --try  whether everything that is named here opens
#   reveille reference           what may be written; of one kind: reveille reference portal
#
# More to look at, each tried before it is written:
#
#   reveille add portal https://www.example.net/
#   reveille add number 8000 --registrar sip.example.net
#   reveille add database asterisk --engine postgresql

[site]
name = {toml(answers.site)}
timezone = {toml(answers.zone)}
{region}policy = {toml(answers.policy)}

# Who is told, by their roles. The operators hear of everything.{_ladder(answers, people)}
{told}

# Through which mail server: reveille reference mail
[desks.mail]
kind = "mail"
{_relay(answers.relay)}sender = {toml(answers.sender or _sender(people))}

# The report of every morning
[audit]
at = "04:00"
to = {toml(operators)}

# What is looked at: this host, to begin with
[checks.host]
kind = "host-resources"
every = "5m"
"""


def _ladder(answers: Answers, people: list[tuple[str, str]]) -> str:
    """Which roles of the policy nobody has yet."""
    if answers.policy not in policies.shipped():
        return ""
    missing = [
        role
        for role in policies.load(answers.policy).roles
        if role not in {role or OPERATORS for role, _ in people}
    ]
    if not missing:
        return ""
    listed = "".join(f"\n#   {role}" for role in missing)
    return (
        f" What the policy tells these\n# roles falls to them too, until people have them:{listed}"
    )


def _relay(written: str) -> str:
    """The server's keys. On the loopback a relay speaks plainly; elsewhere TLS is asked for."""
    host, colon, port = written.rpartition(":")
    if not (colon and port.isdecimal() and (host.startswith("[") or ":" not in host)):
        host, port = written, ""
    host = host.strip("[]")
    tls = '"none"' if host in _HERE else '"tls"' if port == "465" else '"starttls"'
    return f"host = {toml(host)}\n{f'port = {int(port)}{chr(10)}' if port else ''}tls = {tls}\n"


def _sender(people: list[tuple[str, str]]) -> str:
    domain = people[0][1].rpartition("@")[2] if people else ""
    return f"reveille@{domain}"


PLACES = {
    "site": "site.name",
    "zone": "site.timezone",
    "region": "site.region",
    "policy": "site.policy",
    "to": "people",
    "relay": "desks.mail.host",
    "sender": "desks.mail.sender",
}
"""where each answer stands in the file"""


def faults_of(answers: Answers, file: Path) -> tuple[Fault, ...]:
    """What is wrong with the answers, and what is probably not meant with them."""
    try:
        found = understand(parse(text_of(answers), file))[0].warnings
    except ConfigurationFaults as refused:
        return refused.faults
    # That roles are not filled is said in the file itself.
    return tuple(one for one in found if one.path != "people")


def write_new(path: Path, text: str) -> None:
    """Write a file that was not there, and its folder, for everybody to read: it holds no secret,
    and the service's user may be made when it starts (DynamicUser=), so that no group can be given
    to it before. Raises FileExistsError: nothing is overwritten; OSError.
    """
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        # A file stands where the folder was to be; what was to be written is not there.
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    # O_EXCL: a configuration that is there is never overwritten, not even between a look and the
    # writing. The umask may take bits away that the daemon's user needs.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, _MODE)
        file.write(text)
