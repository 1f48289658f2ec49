"""Words that were renamed: an old one works for one release and says the new one, and nothing that
people read uses it any more.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks import contract
from monitor.cli import main
from monitor.command_line import parser
from monitor.command_words import OLD_WORDS
from tests.house.source import ROOT, files, modules, none

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")

READ_BY_PEOPLE = (".md", ".j2", ".toml", ".1", ".service", "reveille", "_reveille")
# The changelog tells of the past.
NOT_OF_TODAY = ("CHANGELOG.md",)
OLD = {
    f"the verb {old}": re.compile(
        rf"(?<!\./)\breveille(?: --\w+(?: [\w.]+)?)* {old}\b|`{old} [A-Z]"
    )
    for old in OLD_WORDS
} | {"the step hold": re.compile(r"""\{ ?["']?hold["']?(:| =)""")}
# It shows what is said of the old step.
SHOWS_THE_HINT = "tests/configs/good-warnings.toml"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, list[str]]:
    """Exit code, standard output, the lines of standard error."""
    code = main(words)
    said = capsys.readouterr()
    return code, said.out, said.err.splitlines()


@pytest.mark.parametrize(("old", "new"), OLD_WORDS.items())
def test_an_old_verb_does_the_same_and_says_the_new_one(
    old: str, new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ("--config", str(tmp_path / "site.toml"))
    assert run(capsys, *config, "init", "--everything")[0] == 0
    code, out, said = run(capsys, *config, new, "nobody")
    hint = f"{old} is called {new} now"
    assert code == 2 and "nobody" in said[0]
    assert run(capsys, *config, old, "nobody") == (code, out, [hint, *said])
    assert run(capsys, "--json", old, *config, "nobody") == (code, out, [hint, *said])


@pytest.mark.parametrize(("old", "new"), OLD_WORDS.items())
def test_the_help_of_an_old_verb_is_that_of_the_new_one(
    old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = []
    for word in (old, new):
        with pytest.raises(SystemExit) as end:
            main(["help", word])
        assert end.value.code == 0
        pages.append(capsys.readouterr().out)
    assert pages[0] == pages[1] and f"usage: reveille {new} " in pages[1]


def test_no_help_and_no_hint_offers_an_old_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["loock", "main-number"])
    offered = parser().format_help() + capsys.readouterr().err
    for old, new in OLD_WORDS.items():
        assert not re.search(rf"(?<![\w-]){old}(?=[\s,]+[\w-]+,|  )", offered), old
        assert re.search(rf"(?<![\w-]){new}\b", offered), new


def strays(path: str, text: str) -> list[str]:
    return [
        f"{path}:{number}: {what}: {line.strip()[:80]}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in OLD.items()
        if pattern.search(line)
    ]


def test_no_page_template_or_configuration_uses_an_old_word() -> None:
    none(
        stray
        for path in files()
        if path.endswith(READ_BY_PEOPLE) and path not in (*NOT_OF_TODAY, SHOWS_THE_HINT)
        for stray in strays(path, (ROOT / path).read_text(encoding="utf-8"))
    )


def test_no_message_docstring_or_comment_uses_an_old_word() -> None:
    none(
        stray
        for module in modules()
        for text in (*module.words(), *(comment for _, comment in module.comments))
        for stray in strays(module.path, text)
    )


@pytest.mark.parametrize(
    "line",
    [
        "$ reveille accept main-number",
        "reveille --config x.toml look main-number",
        "| `look NAME` | have the daemon look |",
        "`accept NAME [PART]`",
        'script = [{ hear = "welcome.wav" }, { hold = "5s" }]',
    ],
)
def test_an_old_word_would_be_found(line: str) -> None:
    good = "reveille once main-number    # look again, or `accept` its warnings"
    assert len(strays("page.md", f"{good}\n{line}\n{good}")) == 1


def test_a_kind_of_others_goes_on_raising_by_the_old_name() -> None:
    """What it raises is what the house catches, and no warning comes with it."""
    assert contract.Refused is contract.Failed
    with pytest.raises(contract.Failed, match="timeout: nothing within 5 s"):
        raise contract.Refused("timeout", "nothing within 5 s")
