"""Where a secret stands in what a far end said, in whatever spelling it came back.

What is coded sign by sign is read back before it is searched (coded_signs.py), so that no list of
spellings has to be whole, and so is what stands between its signs (taken_out.py), each within each.
What is coded as a whole is decoded (coded_runs.py), and the rest looked for as it is
(secret_places.py).

    searched = Search(forms of all secrets, content)
    searched.found, searched.until

Rules: bytes in, spans of bytes out. Linear in the length: every text is gone over once, only what
lies about a coded sign is read again, and the effort for that is bounded (search_effort.py): what
there is no effort for is not searched, and so never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from checks.coded_runs import decoded
from checks.coded_signs import CODED, QUOTED, Text, looks_coded, meaning, read_back
from checks.search_effort import Effort
from checks.secret_forms import SHORT, Forms
from checks.secret_places import Places, Span, exactly, places
from checks.taken_out import taken_out, without_any

__all__ = ["LONGEST_SPELLING", "SHORT", "Search", "forms", "together"]

LONGEST_SPELLING = 4096
"""bytes: a secret of 256 signs, each of them coded as `&#x0041;`, and folded"""
# How often one is within another: a URL in a URL in HTML in JSON.
_MOST_ROUNDS = 5
_MOST_ROUNDS_WITHIN = 2


@lru_cache(maxsize=64)
def forms(value: str) -> Forms:
    """The forms of a value, worked out once."""
    return Forms(value, _read_back)


def _read_back(form: bytes) -> Iterator[bytes]:
    """A value that looks coded itself is read back with the text around it, and loses what is taken
    out of that before a search.
    """
    read = [form]
    for _ in range(_MOST_ROUNDS):
        if (after := CODED.sub(meaning, read[-1])) == read[-1]:
            break
        read.append(after)
    for one in read:
        yield from (one, *without_any(one))


class Search:
    """One search of one content: `found` are the places of every value, and `until` is how far the
    content was searched; half a secret may stand within LONGEST_SPELLING before that.
    """

    def __init__(self, values: tuple[Forms, ...], content: bytes) -> None:
        self.found = list[Span]()
        self.effort = Effort(len(content), sum(value.count for value in values))
        self._long = tuple(value for value in values if not value.whole_words)
        self._longest = max((value.longest for value in self._long), default=0)
        text = Text(content)
        self._keep(text, places(values, content, self.effort))
        if self._long:
            self._folded(text)
            for part in read_back(text, QUOTED, LONGEST_SPELLING, self.effort):
                self._look(part)
                self._folded(part)
            self._rounds(text, _MOST_ROUNDS)

    @property
    def until(self) -> int:
        """From here on the content must not be shown."""
        return self.effort.until

    def _rounds(self, text: Text, more: int) -> None:
        """What is coded in it as a whole, and what was coded sign by sign: once, twice and more."""
        self._runs(text)
        if not more or not looks_coded(text.content):
            return
        for part in read_back(text, CODED, LONGEST_SPELLING, self.effort):
            self._look(part)
            self._folded(part)
            self._rounds(part, more - 1)

    def _look(self, text: Text, runs: bool = True) -> None:
        """Where they stand as they are."""
        self._keep(text, places(self._long, text.content, self.effort, runs))

    def _folded(self, text: Text) -> None:
        """Across blanks, borders, and what nobody sees. Without blanks every word is a part of one
        long run.
        """
        for one in taken_out(text, self.effort):
            found = places(self._long, one.content, self.effort, runs=False)
            if found.spans or found.cut is not None:
                self._keep(one.text(), found)

    def _runs(self, text: Text) -> None:
        """Within what is coded as a whole; what was found there hides the whole of it."""
        for run in decoded(text, self.effort):
            self._look(run, runs=False)
            for value in self._long:
                as_bytes = (*value.wide, *value.hashed)
                self._keep(run, exactly(as_bytes, run.content, self.effort))
            self._within(run, _MOST_ROUNDS_WITHIN)

    def _within(self, text: Text, more: int) -> None:
        """What was coded sign by sign before it was coded as a whole: JSON, a URL's query in JSON.
        No place in it is longer than the longest form.
        """
        if more and looks_coded(text.content):
            for part in read_back(text, CODED, self._longest, self.effort):
                self._look(part, runs=False)
                self._within(part, more - 1)

    def _keep(self, text: Text, found: Places) -> None:
        """Places that overlap are one, and the way back is gone for its two ends alone. Those that
        touch may be of two runs, far from each other.
        """
        if found.cut is not None:
            self.effort.stop(text.back(found.cut, found.cut + 1)[0])
        for begin, end in together(found.spans):
            back = text.back(begin, end)
            self.found.append(back)
            if not self.effort.step(text.depth):
                self.effort.stop(back[0])
                break


def together(spans: Iterable[Span], touching: int = 0) -> Iterator[Span]:
    """Spans that hold a part of each other as one, from left to right; with `touching` 1 those that
    only touch as well.
    """
    begin = end = -1
    for one, other in sorted(spans):
        if one >= end + touching:
            if end >= 0:
                yield begin, end
            begin, end = one, other
        end = max(end, other)
    if end >= 0:
        yield begin, end
