"""What the pages for administrators say to type is typed by a test in a booted machine, or named
with the reason why not (tests/systemd/pages.py, remedies.py): nothing is forgotten, nothing stale.
"""

from __future__ import annotations

import re

from tests.house.source import ROOT, none
from tests.systemd.pages import ELSEWHERE, MESSAGES, PAGES, WHOLE, commands, messages
from tests.systemd.remedies import REMEDIES, SEEN_ELSEWHERE

STORIES = ("test_installed.py", "test_package.py", "test_pages.py")
ROWS = [row.replace("`", "") for row in messages()]


def test_the_pages_have_commands_and_each_is_typed_or_has_its_reason() -> None:
    found = {command for _, command in commands()}
    assert len(found) > 60
    none(command for command in ELSEWHERE if command not in found)


def test_every_block_of_a_story_is_typed_by_one() -> None:
    stories = "".join((ROOT / "tests/systemd" / name).read_text("utf-8") for name in STORIES)
    none(
        f"{page}: {reason}"
        for page in PAGES
        if page.removeprefix("docs/").removesuffix(".md") in WHOLE
        for reason in re.findall(r"(?m)^```sh ([^\n]+)", (ROOT / page).read_text("utf-8"))
        if (f'"{page}", "{reason}"' if reason != "on the server" else f'"{page}"') not in stories
    )


def test_every_message_is_provoked_and_mended_or_has_its_reason() -> None:
    known = [remedy.row for remedy in REMEDIES] + list(SEEN_ELSEWHERE)
    none(row for row in ROWS if not any(row.startswith(one) for one in known))
    none(one for one in known if not any(row.startswith(one) for row in ROWS))


def test_a_test_that_a_reason_names_is_there() -> None:
    reasons = " ".join([*ELSEWHERE.values(), *SEEN_ELSEWHERE.values()])
    files = re.findall(r"\b(?:tests/[\w/]+/)?test_\w+\.py", reasons)
    none(
        name
        for name in files
        if not (ROOT / name).is_file() and not (ROOT / "tests/systemd" / name).is_file()
    )
    assert (ROOT / MESSAGES).is_file()
