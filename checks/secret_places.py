"""Where the forms of secrets stand in one text as they are (secret_forms.py).

    places(values, b"pw=hunter2", effort).spans        [(3, 10)]

Rules: at the speed of C, small letters for small letters; each place is a step, and where there are
no more, `cut` is the first that was not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from checks.search_effort import Effort
from checks.secret_forms import Forms

_RUN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_"
# How far a base64 text is followed to both sides: a name and a password of 200 signs together.
_LONGEST_RUN = 300

Span = tuple[int, int]


@dataclass(slots=True)
class Places:
    """What was found in one text."""

    effort: Effort
    spans: list[Span] = field(default_factory=list)
    cut: int | None = None

    def all(self, content: bytes, form: bytes, steps: int = 1) -> Iterator[int]:
        """Each place of a form from left to right, none within another."""
        at = content.find(form)
        while at >= 0 and self.goes_on(at, steps):
            yield at
            at = content.find(form, at + len(form))

    def goes_on(self, at: int, steps: int = 1) -> bool:
        """Whether there is effort for this place."""
        if self.effort.step(steps):
            return True
        self.cut = at if self.cut is None else min(self.cut, at)
        return False


def places(values: Iterable[Forms], content: bytes, effort: Effort, runs: bool = True) -> Places:
    """Of each value. `runs`: of base64 the whole text that it stands in."""
    found, lower, ascii_alone = Places(effort), content.lower(), content.isascii()
    effort.looked_bytes += len(content)
    for value in values:
        if value.whole_words:
            _words(found, value, content)
            continue
        for form in value.plain:
            if ascii_alone and not form.isascii():
                continue
            found.spans += [(at, at + len(form)) for at in found.all(lower, form)]
        for form in value.coded:
            found.spans += _coded(found, form, content, lower, _LONGEST_RUN if runs else 0)
        if value.halves:
            found.spans += _cut_off(found, value.halves, lower)
    return found


def exactly(forms: Iterable[bytes], content: bytes, effort: Effort) -> Places:
    """Of these bytes, whatever letters they are."""
    found = Places(effort)
    for form in forms:
        found.spans += [(at, at + len(form)) for at in found.all(content, form)]
    return found


def _words(found: Places, value: Forms, content: bytes) -> None:
    """A short one where it stands alone."""
    for form in (*value.plain, *value.coded):
        length = len(form)
        of_base64 = form in value.coded
        for at in found.all(content, form):
            if _alone(content, at, at + length):
                span = (at, at + length)
                found.spans.append(_run(content, *span, _LONGEST_RUN) if of_base64 else span)


def _alone(content: bytes, begin: int, end: int) -> bool:
    return not (content[max(0, begin - 1) : begin].isalnum() or content[end : end + 1].isalnum())


def _coded(found: Places, form: bytes, content: bytes, lower: bytes, reach: int) -> Iterator[Span]:
    """What is coded, with the run about it. Of more places in one reach the last alone says how far
    that goes, so that no run is followed twice.
    """
    at = lower.find(form)
    while at >= 0 and found.goes_on(at, 2):
        begin, end = at, at + len(form)
        first, last = _run(content, begin, end, reach)
        yield first, last
        again = lower.rfind(form, end, last)
        at = again if again >= 0 else lower.find(form, max(end, last - len(form) + 1))


def _run(content: bytes, begin: int, end: int, reach: int) -> Span:
    """The whole base64 text around a piece of it: `user:` stands in the same one."""
    before, after = content[max(0, begin - reach) : begin], content[end : end + reach]
    return begin - len(before) + len(before.rstrip(_RUN)), end + len(after) - len(
        after.lstrip(_RUN)
    )


def _cut_off(found: Places, halves: tuple[bytes, ...], lower: bytes) -> Iterator[Span]:
    """Half of a long one, and whatever more of it stands there."""
    head, tail = halves
    whole = head + tail
    backwards = whole[::-1]
    for begin in found.all(lower, head, steps=2):
        end = begin + _shared(whole, lower[begin : begin + len(whole)])
        while 0x80 <= (lower[end] if end < len(lower) else 0) < 0xC0:  # within a sign of UTF-8
            end += 1
        yield begin, end
    for at in found.all(lower, tail, steps=2):
        end = at + len(tail)
        begin = end - _shared(backwards, lower[max(0, end - len(whole)) : end][::-1])
        while begin and 0x80 <= lower[begin] < 0xC0:
            begin -= 1
        yield begin, end


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes two have in common from the beginning."""
    same, most = 0, min(len(one), len(other))
    while same < most:
        middle = (same + most + 1) // 2
        if one[same:middle] != other[same:middle]:
            most = middle - 1
        else:
            same = middle
    return same
