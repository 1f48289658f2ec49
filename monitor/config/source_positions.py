"""Where in a TOML text each value stands: the standard library's reader keeps no positions.

The text has been read by `tomllib` before, so it is valid, and this reader only has to follow it.
TOML 1.0.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping

from monitor.config.fault_list import Place

# TOML has comments and blank lines between any two things; only inside a text is `#` no comment.
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
# The longer quotes first: `""` alone would be an empty text. Up to two quotes may stand before the
# three that close.
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?""""{0,2}' + r"|'''.*?''''{0,2}" + r'|"(?:\\.|[^"\\])*"' + r"|'[^']*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_BARE_VALUE = re.compile(r"[^,\]}\n#]+")


class Twice(Exception):
    """A key or table that is written a second time."""

    def __init__(self, place: Place, first: int, second: int) -> None:
        super().__init__(place)
        self.place, self.first, self.second = place, first, second


class Places:
    """The offset of every key and list entry of a text, by its place."""

    def __init__(self, text: str) -> None:
        """Raises Twice, or ValueError where the text is no TOML."""
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._offsets: Mapping[Place, int] = _Reader(text).document()

    def offset(self, place: Place) -> int:
        """The offset of a place, or of the nearest one around it that is written."""
        while place and place not in self._offsets:
            place = place[:-1]
        return self._offsets.get(place, 0)

    def line(self, place: Place) -> int:
        """The line of a place, counted from 1."""
        return bisect_right(self._starts, self.offset(place))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._offsets: dict[Place, int] = {}
        # Of each [[array of tables]]: how many entries there were so far.
        self._entries: dict[Place, int] = {}
        # What may be said only once: `key =` and `[table]`, with the offset of its first time.
        self._said: dict[Place, int] = {}

    def document(self) -> dict[Place, int]:
        table: Place = ()
        while self._skip():
            if self._took("[["):
                table = self._header(self._keys(), array=True)
                self._at += 2
            elif self._took("["):
                table = self._header(self._keys(), array=False)
                self._at += 1
            else:
                self._pair(table)
        return self._offsets

    def _header(self, keys: list[tuple[str, int]], array: bool) -> Place:
        place = self._below((), keys)
        if array:
            count = self._entries[place] = self._entries.get(place, 0) + 1
            place = (*place, count - 1)
            self._note(place, keys[-1][1])
        else:
            self._say(place, keys[-1][1])
        return place

    def _below(self, place: Place, keys: list[tuple[str, int]]) -> Place:
        """Follow dotted keys from a table; a key of an array of tables means its newest entry."""
        for number, (key, offset) in enumerate(keys):
            place = (*place, key)
            self._note(place, offset)
            # TOML 1.0, array of tables: `[checks.steps]` after `[[checks]]` belongs to its newest
            # entry.
            if number < len(keys) - 1 and place in self._entries:
                place = (*place, self._entries[place] - 1)
        return place

    def _pair(self, table: Place) -> None:
        keys = self._keys()
        place = self._below(table, keys)
        self._say(place, keys[-1][1])
        self._skip()
        self._at += 1  # =
        self._value(place)

    def _value(self, place: Place) -> None:
        self._skip()
        if self._took("["):
            self._list(place)
        elif self._took("{"):
            while self._skip() and not self._took("}"):
                if not self._took(","):
                    self._pair(place)
        else:
            match = _STRING.match(self._text, self._at) or _BARE_VALUE.match(self._text, self._at)
            self._at = match.end() if match else len(self._text)

    def _list(self, place: Place) -> None:
        count = 0
        while self._skip() and not self._took("]"):
            if not self._took(","):
                self._note((*place, count), self._at)
                self._value((*place, count))
                count += 1

    def _keys(self) -> list[tuple[str, int]]:
        """A dotted key: its parts, each with its offset."""
        keys: list[tuple[str, int]] = []
        while True:
            self._skip()
            match = _STRING.match(self._text, self._at) or _BARE_KEY.match(self._text, self._at)
            if match is None:
                raise ValueError("not a key")
            keys.append((_plain(match[0]), self._at))
            self._at = match.end()
            if not (dot := _DOT.match(self._text, self._at)):
                self._skip()
                return keys
            self._at = dot.end()

    def _say(self, place: Place, offset: int) -> None:
        if place in self._said:
            raise Twice(place, self._said[place], offset)
        self._said[place] = offset

    def _note(self, place: Place, offset: int) -> None:
        # The first time counts: a table that is reopened by a dotted key is shown where it begins.
        self._offsets.setdefault(place, offset)

    def _skip(self) -> bool:
        """Pass blanks and comments; whether anything is left."""
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at < len(self._text)

    def _took(self, mark: str) -> bool:
        if self._text.startswith(mark, self._at):
            self._at += len(mark)
            return True
        return False


def _plain(key: str) -> str:
    if key[0] == "'":
        return key[1:-1]
    # Only a quoted key has escapes; the standard reader knows all of them.
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] == '"' else key
