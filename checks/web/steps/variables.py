"""What a step may say with a word of the walk in braces, and what must never be seen again.

    form = { user = "monitor", password = "{password}", csrf = "{csrf}" }

A word is a secret by reference, or a value that an earlier step has remembered. Rules: `hidden`
takes every secret, every cookie and every remembered value that is long enough to be one out of a
text, in each form in which it may come back: as it is, in a URL, in base64, in JSON, in HTML.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from checks import masking
from checks.contract import CannotTell
from checks.settings import Secret

WORD = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# What is remembered and shorter than this is a figure or a name, and no token: hiding "12" would
# take every 12 out of every note.
_TOKEN_LENGTH = 8


def words_in(written: Any) -> set[str]:
    """Every word in braces in a text, or in the texts of a table or list."""
    if isinstance(written, str):
        return set(WORD.findall(written))
    if isinstance(written, Mapping):
        return {word for key, part in written.items() for word in words_in(key) | words_in(part)}
    if isinstance(written, list | tuple):
        return {word for part in written for word in words_in(part)}
    return set()


class Words:
    """The words of one walk."""

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        """Raises CannotTell for a secret that is not there."""
        self._hidden: dict[str, None] = {}
        self._known = {name: self.revealed(secret) for name, secret in secrets.items()}
        self._private = set(self._known)
        self._held: dict[str, str] = {}
        """a remembered word -> the one origin that it may be sent to"""

    def revealed(self, secret: Secret) -> str:
        """A secret, never to be shown again. Raises CannotTell where there is none."""
        try:
            value = secret.reveal()
        except LookupError as missing:
            raise CannotTell(str(missing)) from None
        self.hide([value])
        return value

    def remember(self, name: str, value: str, only: str = "") -> None:
        """Keep a word for the steps that come after; for one origin `only`, where one is named."""
        self._known[name] = value
        self._held.pop(name, None)
        if only:
            self._held[name] = only
        if len(value) >= _TOKEN_LENGTH:
            self.hide([value])

    def filled(self, written: str) -> str:
        """A text with its words in their places."""
        return WORD.sub(lambda match: self._known.get(match[1], match[0]), written)

    def filled_all(self, written: Any) -> Any:
        """The same for the texts of a table or list."""
        if isinstance(written, str):
            return self.filled(written)
        if isinstance(written, Mapping):
            return {self.filled(key): self.filled_all(part) for key, part in written.items()}
        if isinstance(written, list | tuple):
            return [self.filled_all(part) for part in written]
        return written

    def is_private(self, written: str) -> bool:
        """Whether a text has a word in it, so that it is not for every origin."""
        return bool(words_in(written) & set(self._known))

    def strange_to(self, origin: str, named: bool, *written: Any) -> str:
        """Why the first word in these that is not for this origin is not; "" for none. `named`:
        whether the administrator has named the origin.
        """
        for word in sorted(words_in(written) & set(self._known)):
            if self._held.get(word, "" if named else "elsewhere") in ("", origin):
                continue
            if word in self._held:
                return (
                    f"{word} was taken from {self._held[word]}, to which an answer led and no step"
                )
            whose = "is a secret" if word in self._private else "was taken from a site of the steps"
            return (
                f"{word} {whose}, and an answer led here and no step: where that is meant, name"
                " the site in `sign_in_at`"
            )
        return ""

    def has_secret(self, written: Any) -> bool:
        """Whether a secret is among the words of a table."""
        return bool(words_in(written) & self._private)

    def hide(self, values: Iterable[str]) -> None:
        """Take these values out of every text from now on."""
        for value in values:
            masking.hide(value)
            for form in _forms(value):
                # A dict keeps the order without keeping a value twice.
                self._hidden[form] = None

    def hidden(self, text: str) -> str:
        """A text without what must not be seen, the longest first."""
        for form in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(form, "…")
        return text


def _forms(value: str) -> set[str]:
    if not value:
        return set()
    coded = value.encode()
    forms = {
        value,
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        base64.b64encode(coded).decode(),
        base64.urlsafe_b64encode(coded).decode().rstrip("="),
    }
    return {form for form in forms if form}
