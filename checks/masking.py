"""The mouth of a check: what every text and every exhibit goes through before anybody sees it.

    with attempt() as mask:          the runner, around one look
        secret.reveal()              whatever is revealed within is known to the mask from then on
        hide(response)               likewise what was made of one: a digest, a session's token
        mask.text(said)              printable, bounded, without any of it
        mask.content(body)           the same for what is kept as evidence

Rules: one place for all kinds, so that a new kind is safe before its author thinks of it; a mask
that knows no secret costs a look at a length. What cannot be searched in good time is not shown.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import takewhile
from pathlib import Path
from typing import Any

from checks import json_texts, spellings

HIDDEN = "••••"
LONGEST_TEXT = 4000
"""characters of a note, a fault, a warning: a screen of a terminal, and more than a ticket needs"""
LONGEST_EXHIBIT = 128 * 1024
"""bytes of what a far end sent that are kept as evidence"""
_CUT = "…"
_CUT_HERE = b"\n[cut here: %d bytes more came]\n"
_WITHHELD = b"[withheld: it could not be searched for secrets in good time]\n"
# C0 but for tab and line feed, DEL, C1, the marks and embeddings of writing direction (UAX 9), the
# separators that end a line elsewhere, lone surrogates. ZWJ and ZWNJ stay: Indian scripts need
# them.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
# The proof of a password, which can be tried offline: RFC 7616 section 3.4, AMI's Key, and what
# RFC 7617 and RFC 6750 put behind the name of their scheme. In small letters.
_PROOF = re.compile(
    rb"\b((?:response|cnonce|key)[\"']?[ \t]{0,8}(?:=|:|%3d|%3a)[ \t]{0,8}"
    rb"(?:\\?[\"']|&quot;|&#34;|%22)?)[0-9a-f]{32,128}"
    rb"|\b((?:basic|bearer)(?:[ \t]{1,8}|%20|\+))[a-z0-9+/=._~%-]{8,2048}"
)

_Span = tuple[int, int]

# What databases quote of a row, a statement or a role: PostgreSQL's fields of an error beside its
# message (protocol 3, section 55.8), MariaDB's messages 1062, 1264, 1292, 1366, 1064; and hashes of
# passwords as both keep them, and as crypt(5) does.
_ROWS = re.compile(
    r"\b(?:DETAIL|CONTEXT|STATEMENT|QUERY|LINE \d{1,9}):[^\n]*"
    r"|\bfor type [\w ]{1,40}: \"[^\n]*"
    r"|SCRAM-SHA-256\$[\w+/=:$]+|\bmd5[0-9a-f]{32}\b|\*[0-9A-F]{40}\b"
    r"|\$(?:2[aby]|[156y]|argon2id?)\$[\w./=,$]+"
)
# From the first of the one to the last of the other in a line. As an expression the end would be
# looked for again from each beginning.
_QUOTED = (
    ("Duplicate entry '", "' for key"),
    ("value: '", "' for column"),
    ("near '", "' at line"),
)
_OF_ROWS = (
    "DETAIL:",
    "for type",
    "CONTEXT:",
    "STATEMENT:",
    "QUERY:",
    "LINE ",
    " '",
    "SCRAM-",
    "md5",
    "*",
    "$",
)


class Mask:
    """Knows the secrets of one attempt."""

    def __init__(self) -> None:
        # A dict keeps the order without keeping a value twice.
        self._values: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def hide(self, *values: str) -> None:
        """Never show these again."""
        self._values.update((value, None) for value in values if value.strip())

    def text(self, said: str, longest: int = LONGEST_TEXT) -> str:
        """A text for people: printable, bounded, without secrets."""
        # Searched before it is cut: half a secret at the cut would be found by nobody.
        more, said = len(said) > longest * 4, said[: longest * 4]
        if self._values:
            said = self._without(said.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
            said = said[: -spellings.LONGEST_SPELLING] if more else said
        if any(sign in said for sign in _OF_ROWS):
            said = _ROWS.sub(HIDDEN, _without_quotes(said))
        if not said.isprintable():
            said = UNPRINTABLE.sub(" ", said)
        return said if len(said) <= longest else said[: longest - len(_CUT)] + _CUT

    def content(self, content: bytes, same_length: bool = False) -> bytes:
        """Evidence without secrets; with `same_length`, so that a binary format stays one."""
        return self._without(content, same_length) if self._values else content

    def evidence(self, content: bytes) -> bytes:
        """What is kept of what a far end sent: bounded, and without secrets."""
        more = len(content) - LONGEST_EXHIBIT
        kept = self.content(content[: LONGEST_EXHIBIT + spellings.LONGEST_SPELLING])
        return kept[:LONGEST_EXHIBIT] + _CUT_HERE % more if more > 0 else kept

    def document(self, content: bytes, media_type: str) -> bytes:
        """What the house itself wrote, without secrets. JSON stays JSON: its texts alone are
        searched, since a PIN of four digits is a part of many a number.
        """
        if not self._values or not media_type.endswith("json"):
            return self.content(content)
        try:
            clean = self.json(told := json.loads(content))
        except (ValueError, RecursionError):
            return self.content(content)
        return content if clean == told else json.dumps(clean, ensure_ascii=False).encode()

    def file(self, path: Path, media_type: str) -> None:
        """The same for what a child wrote. Sound and pictures hold no text."""
        if not self._values or media_type.startswith(("audio/", "image/")):
            return
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return
        if media_type.endswith("json"):
            if (clean := self.document(content, media_type)) != content:
                path.write_bytes(clean)
            return
        text = media_type.startswith("text/") or media_type.endswith("xml")
        pieces = _pieces(content) if len(content) > LONGEST_EXHIBIT else [content]
        if (
            clean := b"".join(self.content(one, same_length=not text) for one in pieces)
        ) != content:
            path.write_bytes(clean)

    def json(self, value: Any) -> Any:
        """Plain JSON data without secrets."""
        if not self._values:
            return value
        texts = dict[str, str]()
        for group in json_texts.groups(value, LONGEST_EXHIBIT):
            texts |= self._texts(group)
        return json_texts.replaced(value, texts)

    def _texts(self, group: list[str]) -> dict[str, str]:
        """Texts that are searched together, those that come out otherwise."""
        parts = [text.encode("utf-8", "surrogatepass") for text in group]
        found, until = self._search(json_texts.BETWEEN.join(parts))
        told, at = dict[str, str](), 0
        for text, part in zip(group, parts, strict=True):
            end = at + len(part)
            while found and found[0][1] <= at:
                found.popleft()
            here = [(begin - at, last - at) for begin, last in _until(found, end)]
            clean = _shown(part, here, until - at)
            if (said := clean.decode("utf-8", "replace")) != text:
                told[text] = said
            at = end + len(json_texts.BETWEEN)
        return told

    def _search(self, content: bytes) -> tuple[deque[_Span], int]:
        """Where secrets stand, from left to right, and how far the content may be shown."""
        searched = spellings.Search(tuple(map(spellings.forms, self._values)), content)
        found = [*searched.found, *_proofs(content)]
        until = searched.until
        # Short of the half of a secret that may stand at its end.
        shown = until if until == len(content) else max(0, until - spellings.LONGEST_SPELLING)
        return deque(spellings.together(found, touching=1)), shown

    def _without(self, content: bytes, same_length: bool = False) -> bytes:
        found, until = self._search(content)
        return _shown(content, found, until, same_length)


def current() -> Mask:
    """The mask of the attempt under way; one of its own for whoever works without a runner."""
    mask = _current.get()
    if mask is None:
        _current.set(mask := Mask())
    return mask


def hide(*values: str) -> None:
    """Never show these again in the attempt under way; outside of one nothing is shown anyway."""
    if (mask := _current.get()) is not None:
        mask.hide(*values)


@contextmanager
def attempt() -> Iterator[Mask]:
    """A new mask for as long as the block runs."""
    token = _current.set(mask := Mask())
    try:
        yield mask
    finally:
        _current.reset(token)


_current: ContextVar[Mask | None] = ContextVar("mask", default=None)


def _without_quotes(said: str) -> str:
    for opening, closing in _QUOTED:
        if opening in said and closing in said:
            said = "\n".join(_hidden_between(line, opening, closing) for line in said.split("\n"))
    return said


def _hidden_between(line: str, opening: str, closing: str) -> str:
    begin, end = line.find(opening) + len(opening), line.rfind(closing)
    return line[:begin] + HIDDEN + line[end:] if len(opening) <= begin <= end else line


def _pieces(content: bytes) -> list[bytes]:
    """A long file in parts that end with a line, so that no secret is cut apart."""
    parts, at = list[bytes](), 0
    while at < len(content):
        end = content.rfind(b"\n", at, at + LONGEST_EXHIBIT) + 1 or at + LONGEST_EXHIBIT
        parts.append(content[at:end])
        at = end
    return parts


def _proofs(content: bytes) -> Iterator[_Span]:
    lower = content.lower()
    if any(word in lower for word in (b"response", b"key", b"nonce", b"basic", b"bearer")):
        for match in _PROOF.finditer(lower):
            yield match.end(match.lastindex or 0), match.end()


def _until(found: Iterable[_Span], end: int) -> Iterator[_Span]:
    return takewhile(lambda span: span[0] < end, found)


def _shown(content: bytes, found: Iterable[_Span], until: int, same_length: bool = False) -> bytes:
    """The content as far as it may be shown, without what was found in it."""
    parts, at, end = list[bytes](), 0, max(0, min(until, len(content)))
    for first, last in _until(found, end):
        length = min(last, end) - max(0, first)
        hidden = b"*" * length if same_length else HIDDEN.encode()
        parts += [content[at : max(0, first)], hidden]
        at = min(last, end)
    withheld = b"" if end == len(content) else _WITHHELD
    return b"".join((*parts, content[at:end], withheld))
