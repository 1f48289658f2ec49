"""What the pages for administrators say to type: in blocks, and between the lines of their text.

A span in backquotes is a command where it begins with a program of an administrator's, or with a
verb of ours that has a word behind it (`upgrade --dry-run`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from monitor.command_line import parser
from tests.house.source import ROOT

PAGES = tuple(
    f"docs/{name}.md"
    for name in (
        *("operations", "tickets", "page", "desks", "telephone", "configuration", "credentials"),
        *("restore", "own-backup", "troubleshooting", "install", "upgrade"),
    )
)
MESSAGES = "docs/troubleshooting.md"
WHOLE = ("install", "restore", "credentials", "own-backup", "upgrade")
"""the pages whose blocks are stories: tests/systemd/test_installed.py types them, in their order"""
_PROGRAMS = (
    r"reveille|/\S+/reveille(?= )|systemctl|journalctl|apt-get|usermod|dpkg|rm|df|ps|sudo"
    r"|[A-Z_]+=\S+|install -d|python"
)
_COMMAND = re.compile(rf"(?:{_PROGRAMS})(?: |$)")
_OURS = re.compile(r"(?m)^    ([a-z][a-z-]+)(?: |$)")
_MESSAGE = re.compile(r"(?m)^\| (?!it says|---)([^|]+) \|(?=[^|]+\|[^|]+\|$)")
# What is no command though it begins as one.
_NAMES = ("reveille", "sudo")

ELSEWHERE: Mapping[str, str] = {
    "reveille lab FOLDER": "in the foreground; test_service.py and the matrix run it",
    "reveille run": "what reveille.service runs; a second one is refused: remedies.py",
    "reveille reference": "5 000 lines; tests/house reads them",
    "python -m tests.house.exposure": "of the checkout: tests/house/test_unit_file.py",
    "rm -r /opt/reveille": "test_installed.py, at its end",
    "dpkg -l reveille": "the package: test_package.py",
    "apt-get remove reveille": "the package: test_package.py",
    "apt-get purge reveille": "the package: test_package.py",
    "apt-get install ./reveille_NEW.deb": "the package: test_package.py",
    "apt-get install --reinstall ./reveille_OLD.deb": "the package: test_package.py",
    "reveille upgrade --dry-run": "typed with another program: test_installed.py",
    "CREDENTIALS_DIRECTORY=/etc/reveille/credentials reveille …": "credentials.md has a whole one",
    'reveille outbox dismiss NUMBER "told by phone"': "remedies.py: a letter that has failed",
}
"""what is not typed by test_pages.py -> why not, and who does"""


def verbs() -> set[str]:
    """Every verb of the command line."""
    return set(_OURS.findall(parser().format_help()))


def spoken(page: str) -> list[str]:
    """The commands between the lines of a page, once each, whole."""
    text = re.sub(r"(?ms)^```.*?^```", "", _text(page))
    if page == MESSAGES:  # its first column is what is said, and not what is typed
        text = _MESSAGE.sub("", text)
    spans = [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", text)]
    ours = verbs()
    typed = [
        f"reveille {span}" if span.split()[0] in ours and " " in span else span for span in spans
    ]
    return _once(one for one in typed if _COMMAND.match(one) and one not in _NAMES)


def shown(page: str) -> list[str]:
    """The commands of a page's blocks that are for a host, a line each, without their remarks."""
    if page.removeprefix("docs/").removesuffix(".md") in WHOLE:
        return []
    blocks = re.findall(r"(?ms)^```sh (?:on|asks) [^\n]*\n(.*?)^```", _text(page))
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return _once(re.sub(r"\s+#.*", "", line).strip() for line in lines if line.strip())


def commands() -> list[tuple[str, str]]:
    """(page, command), each command once."""
    found: dict[str, str] = {}
    for page in PAGES:
        for command in (*shown(page), *spoken(page)):
            found.setdefault(command, page)
    return [(page, command) for command, page in found.items()]


def messages() -> list[str]:
    """What stands in the first column of the page of messages: the quoted words of each line."""
    return [row.strip() for row in _MESSAGE.findall(_text(MESSAGES))]


def _text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def _once(found: object) -> list[str]:
    return list(dict.fromkeys(found))  # type: ignore[call-overload]
