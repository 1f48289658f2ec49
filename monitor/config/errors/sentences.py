"""The sentence for each of the validator's findings: what is wrong, a semicolon, what would be
right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from checks.settings import nearest, shown, write_duration


def expected(context: Mapping[str, Any]) -> str:
    """What a literal may be, as one writes it."""
    return str(context["expected"]).replace("True", "true").replace("False", "false")


def _choice(name: str, value: Any, context: Mapping[str, Any]) -> str:
    # pydantic gives the choices only as a sentence, each in single quotes.
    known = re.findall(r"'([^']*)'", str(context.get("expected_tags") or context["expected"]))
    if not known:
        return f"{name} is not {expected(context)}"
    return (
        f"{name} is none of"
        f" {', '.join(known)}{nearest(value, known) if isinstance(value, str) else ''}"
    )


def _bound(value: Any, bound: Any) -> str:
    # A duration is written as text: its bound is told in the same form ("at least 10s", and not
    # 10).
    return write_duration(bound) if isinstance(value, str) else f"{bound:g}"


_Sentence = Callable[[str, Any, Mapping[str, Any]], str]
SENTENCES: dict[str, _Sentence] = {
    "literal_error": _choice,
    "enum": _choice,
    "union_tag_invalid": lambda _name, _value, context: _choice(
        shown(context["tag"]), context["tag"], context
    ),
    "union_tag_not_found": lambda _name, _value, context: f"{context['discriminator']} is missing",
    "greater_than_equal": lambda name, value, context: (
        f"{name} is too little; at least {_bound(value, context['ge'])}"
    ),
    "greater_than": lambda name, value, context: (
        f"{name} is too little; more than {_bound(value, context['gt'])}"
    ),
    "less_than_equal": lambda name, value, context: (
        f"{name} is too much; at most {_bound(value, context['le'])}"
    ),
    "less_than": lambda name, value, context: (
        f"{name} is too much; less than {_bound(value, context['lt'])}"
    ),
    "finite_number": lambda name, _value, _context: f"{name} is no number",
    "string_too_short": lambda name, value, context: (
        f"{name} is too short; at least {context['min_length']} characters" if value else "is empty"
    ),
    "string_too_long": lambda name, _value, context: (
        f"{name} is too long; at most {context['max_length']} characters"
    ),
    "too_short": lambda _name, value, context: (
        f"that is too few; at least {context['min_length']}" if value else "is empty"
    ),
    "too_long": lambda _name, _value, context: f"that is too many; at most {context['max_length']}",
    "url_parsing": lambda name, _value, _context: (
        f"{name} is no address; write one as in 'https://example.net/'"
    ),
    "url_scheme": lambda name, _value, context: (
        f"{name} does not begin with {context['expected_schemes']}"
    ),
}
