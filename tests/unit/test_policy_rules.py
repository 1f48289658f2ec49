"""Globs that cover globs: a rule is called unreachable only if it truly is."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.failure import Case
from monitor.core.policy_rules import Rule, first_fitting, hidden_by

PATTERN = st.text("ab*?", min_size=1, max_size=4)
STARRED = st.text("ab*", min_size=1, max_size=4)
TEXTS = ["".join(letters) for length in range(5) for letters in product("abc", repeat=length)]
RULE = st.lists(PATTERN, min_size=1, max_size=2).map(
    lambda patterns: Rule("r", "i", (("code", tuple(patterns)),))
)


@settings(derandomize=True, deadline=None, database=None, max_examples=150)
@given(pattern=PATTERN)
def test_a_glob_fits_what_the_shell_says_it_fits(pattern: str) -> None:
    rule = Rule("r", "i", (("code", (pattern,)),))
    for text in TEXTS:
        assert rule.fits(Case("k", code=text)) == fnmatchcase(text, pattern)


@settings(derandomize=True, deadline=None, database=None, max_examples=150)
@given(rule=RULE, earlier=st.lists(RULE, max_size=3))
def test_a_rule_called_hidden_is_reached_by_no_case(rule: Rule, earlier: list[Rule]) -> None:
    if hidden_by(rule, earlier):
        for text in TEXTS:
            case = Case("k", code=text)
            assert not rule.fits(case) or first_fitting(earlier, case) is not None


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(wide=STARRED, narrow=STARRED)
def test_one_glob_of_stars_covers_another_exactly_when_it_takes_all_its_texts(
    wide: str, narrow: str
) -> None:
    """Texts of up to four letters, one of which no pattern names, tell all patterns of up to four
    apart.
    """
    hidden = bool(
        hidden_by(Rule("n", "i", (("code", (narrow,)),)), [Rule("w", "i", (("code", (wide,)),))])
    )
    assert hidden == all(fnmatchcase(text, wide) for text in TEXTS if fnmatchcase(text, narrow))
