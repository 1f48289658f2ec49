"""Where in an answer something stands: a token to remember, a figure to measure. Each is found in
exactly one way.

{ field = "csrf_token" }          the value of a form's field (or of a meta element) of that name
{ regex = "order no. (\\d+)" }     the first group, or the whole match, in the body
{ json = "$.access_token" }       a value of the JSON that came
{ header = "Location" }           a header of the answer
{ cookie = "session" }            a cookie that is kept
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from checks.contract import Failed
from checks.settings import Settings
from checks.transport.http.cookies import CookieJar
from checks.transport.http.message import Answer
from checks.web.expected import at_paths
from checks.web.json_path import JsonPath
from checks.web.sandbox.patterns import search
from checks.web.steps.html_page import field_value

# With or without groups of thousands: 1,284.5 and, as India has it, 12,34,567.
_NUMBER = re.compile(
    r"[+-]?(?:\d{1,3}(?:,\d{2,3}){0,9},\d{3}|\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?", re.A
)
_LONGEST_NUMBER = 400
_WAYS = ("field", "regex", "json", "header", "cookie")


def _pattern(written: str) -> str:
    try:
        re.compile(written)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{written[:100]!r} is no regular expression: {error}") from None
    return written


Pattern = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]


class Find(Settings):
    """One way to find something in an answer."""

    field: str | None = Field(default=None, min_length=1)
    """name of a form's field or of a meta element, whose value is taken"""
    regex: Pattern | None = None
    """a regular expression over the body; its first group is taken, or the whole match"""
    json_path: JsonPath | None = Field(default=None, alias="json")
    """a JSON path into the body, as in "$.access_token\""""
    header: str | None = Field(default=None, min_length=1)
    """name of a header of the answer"""
    cookie: str | None = Field(default=None, min_length=1)
    """name of a cookie"""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = (self.field, self.regex, self.json_path, self.header, self.cookie)
        if sum(way is not None for way in given) != 1:
            raise ValueError(f'name one of {", ".join(_WAYS)}, as in {{ json = "$.access_token" }}')
        return self

    def __str__(self) -> str:
        given = {way: getattr(self, "json_path" if way == "json" else way) for way in _WAYS}
        way, what = next((way, what) for way, what in given.items() if what is not None)
        return f"{way} {what}"

    async def text(self, answer: Answer, jar: CookieJar) -> str | None:
        """What is found, as text; None for nothing. Raises Failed for a body that is no JSON where
        that is asked.
        """
        if self.field is not None:
            return field_value(answer.text, self.field)
        if self.regex is not None:
            match = await search(self.regex, answer.text)
            return None if match is None else match.text
        if self.json_path is not None:
            return _written((await at_paths(answer.text, [self.json_path]))[0])
        if self.header is not None:
            return answer.head.get(self.header.lower()) or None
        return jar.value(self.cookie or "")

    async def number(self, answer: Answer, jar: CookieJar) -> float:
        """What is found, as a number. Raises Failed."""
        found = await self.text(answer, jar)
        if found is None:
            raise Failed("not-found", f"{self} is not in the answer")
        if (value := _number(found.strip())) is None:
            raise Failed("not-a-number", f"{self} is {found[:40]!r}")
        return value


def _number(written: str) -> float | None:
    # Python's float() takes nan, 1_000 and the digits of every script; "1,5" is one and a half in
    # most of Europe, and no group of thousands.
    if len(written) > _LONGEST_NUMBER or not _NUMBER.fullmatch(written):
        return None
    try:
        value = float(written.replace(",", ""))
    except ValueError:
        return None
    # 1e400 is a number of JSON, and none that anything can be held to.
    return value if math.isfinite(value) else None


async def remembered(wanted: Mapping[str, Find], answer: Answer, jar: CookieJar) -> dict[str, str]:
    """Every value to remember. Raises Failed for one that is not there."""
    found = {}
    for name, find in wanted.items():
        value = await find.text(answer, jar)
        if value is None or value == "":
            raise Failed("not-found", f"{name}: {find} is not in the answer")
        # RFC 8259 section 8.2: half a pair ("\\ud83d", cut off by a limit of length) is no
        # character, and can be sent to nobody.
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            raise Failed("bad-json", f"{name}: {find} has half a character in it (a surrogate)")
        found[name] = value
    return found


def _written(found: list[Any]) -> str | None:
    if not found or found[0] is None:
        return None
    return found[0] if isinstance(found[0], str) else json.dumps(found[0])
