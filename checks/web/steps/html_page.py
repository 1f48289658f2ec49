"""Looking into an HTML page without building it: title, headings, visible text, fields. Linear in
the page's length, whatever the page is made of; a browser's view of it is another kind's matter.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

# A name is looked for where a word begins, not within it, and is not given back sign by sign:
# 4 000 letters without a value would otherwise be read 4 000 times.
_ATTRIBUTE = re.compile(
    r"""(?<![\w:-])([a-zA-Z][\w:-]*+)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))"""
)
_TAG = re.compile(r"<[^<>]*>")
# No code point has more than seven digits (Unicode ends at 1114111), and int() refuses more than
# 4 300 by ValueError.
_ENDLESS = re.compile(r"&#[xX]?0*+[0-9a-fA-F]{8,}+;?")
_SMALL = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
# A tag without its end would otherwise have the pattern look through the rest of the page, once for
# each tag.
_LONGEST_TAG = 4096


def elements(page: str, name: str, most: int = 200) -> Iterator[str]:
    """What stands inside each element of that name, as it is written."""
    lower, at = _small(page), 0
    for _ in range(most):
        begin = _tag(lower, name, at)
        if begin < 0 or (inside := lower.find(">", begin)) < 0:
            return
        end = lower.find(f"</{name}", inside)
        if end < 0:
            return
        yield page[inside + 1 : end]
        at = end + 1


def tags(page: str, name: str, most: int = 500) -> Iterator[dict[str, str]]:
    """The attributes of each tag of that name."""
    lower, at = _small(page), 0
    for _ in range(most):
        begin = _tag(lower, name, at)
        if begin < 0 or (end := lower.find(">", begin)) < 0:
            return
        found = _ATTRIBUTE.findall(page[begin : min(end, begin + _LONGEST_TAG)])
        yield {key.lower(): unescaped(one or two or three) for key, one, two, three in found}
        at = end + 1


def field_value(page: str, name: str) -> str | None:
    """The value of a form's field (a CSRF token, say), or of a meta element of that name."""
    for kind, key in (("input", "value"), ("meta", "content"), ("button", "value")):
        for tag in tags(page, kind):
            if tag.get("name") == name:
                return tag.get(key, "")
    return None


def plain(fragment: str) -> str:
    """The text of a piece of HTML, on one line."""
    return " ".join(unescaped(_TAG.sub(" ", fragment)).split())


def unescaped(text: str) -> str:
    """Character references read back; one that is longer than any code point is left out."""
    return html.unescape(_ENDLESS.sub("\ufffd", text)) if "&" in text else text


def visible(page: str) -> str:
    """What a reader would see of a page, roughly: no head, scripts, styles, comments, templates."""
    for opening, closing in (
        ("<!--", "-->"), ("<head", "</head"), ("<script", "</script"), ("<style", "</style"),
        ("<template", "</template"),
    ):  # fmt: skip
        page = without(page, opening, closing)
    return plain(page)


def without(page: str, opening: str, closing: str) -> str:
    """A page without what stands between these; what never ends goes to the page's end."""
    lower, kept, at = _small(page), list[str](), 0
    while (begin := lower.find(opening, at)) >= 0:
        # <header> is a part of the body, and begins with the same letters.
        if opening == "<head" and lower.startswith("<header", begin):
            kept.append(page[at : begin + len("<header")])
            at = begin + len("<header")
            continue
        kept.append(page[at:begin])
        end = lower.find(closing, begin)
        if end < 0:
            return " ".join(kept)
        at = end + len(closing)
    return " ".join((*kept, page[at:]))


def _small(page: str) -> str:
    """The page in small letters, each in its place: `lower` makes two signs of a dotted İ, and
    every place behind it wrong.
    """
    lower = page.lower()
    return lower if len(lower) == len(page) else page.translate(_SMALL)


def _tag(lower: str, name: str, at: int) -> int:
    """The place where a tag of that very name begins; -1 where there is none."""
    while (begin := lower.find(f"<{name}", at)) >= 0:
        after = lower[begin + 1 + len(name) : begin + 2 + len(name)]
        if not after or after in " \t\r\n\f/>":
            return begin
        at = begin + 1
    return -1
