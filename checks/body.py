"""Bodies: JSON that is kept, and read again by a later release. docs/kept-bodies.md lists them all.

Rules:
1. Reading is exact. A key too many or too few is Unreadable, which says of what and where: a
   renamed field never reads as an empty one, and nothing is filled in by a default.
2. What changes a body's keys is a migration: a small pure function, old body -> new body, appended
   to its list. One that was released is never edited. A new optional key with a default is
   `added("key", value)`, or `derived`; what one release changes is one migration (`together`,
   `within`).
3. A body has a number from its first migration on; one without is of release 0.1.0, number 1. A
   number above what this program knows is Unreadable too.
4. What cannot be read stays where it is, unchanged; who reads says so and goes on with the rest.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import (
    Any,
    Generic,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Shape = TypeVar("Shape")
Migration = Callable[[dict[str, Any]], dict[str, Any]]
_LONGEST_KEY = 40  # a key of a file is data: it is named in a message no longer than this
# What a constructor raises for data of another shape: a missing key, a text where a number should
# be, a list that is too short. Anything else is a bug of ours and passes.
_NOT_MADE = (ValueError, TypeError, KeyError, AttributeError, IndexError)


class Unreadable(Exception):
    """A body that this program cannot read; the text says which and why, without what is in it."""


class _Inexact(ValueError):
    """A key too many or too few; the text names it."""


@dataclass(frozen=True, slots=True)
class Body(Generic[Shape]):
    """One kind of body: its `name`, the `shape` that it has now (a dataclass, a TypedDict, or a
    frozenset of keys), how a value is `made` of one, and what has changed since the first release.
    `number` is the key of its number.
    """

    name: str
    shape: Any
    made: Callable[[dict[str, Any]], Shape]
    migrations: tuple[Migration, ...] = ()
    number: str = "v"

    @property
    def version(self) -> int:
        """The number that this program writes."""
        return len(self.migrations) + 1

    def numbered(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A body as it is to be kept."""
        return dict(body) if self.version == 1 else {self.number: self.version, **body}

    def read(self, kept: Any, of: str = "") -> Shape:
        """The value that was kept, `of` what ("RV-12"). Raises Unreadable."""
        body = self.newest(kept, of)
        try:
            return self.made(body)
        except _NOT_MADE as wrong:
            raise self._unreadable(of, _why(wrong)) from None

    def newest(self, kept: Any, of: str = "") -> dict[str, Any]:
        """What was kept, as today's release would have kept it, without its number. Raises
        Unreadable.
        """
        try:
            body = self._migrated(kept)
            exact(self.shape, body)
        except _NOT_MADE as wrong:
            raise self._unreadable(of, _why(wrong)) from None
        return body

    def _migrated(self, kept: Any) -> dict[str, Any]:
        if not isinstance(kept, dict):
            raise _Inexact("it is no object")
        body = dict(kept)
        number = body.pop(self.number, 1)
        # True is an int to isinstance(), and no number of a version.
        if type(number) is not int or not 1 <= number <= self.version:
            raise _Inexact(
                f"it is of version {str(number)[:_LONGEST_KEY]}, and this program knows 1 to"
                f" {self.version}"
            )
        # A body of 0.1.0 has no number and counts as 1: the first migration makes it 2.
        for migration in self.migrations[number - 1 :]:
            body = migration(body)
        return body

    def _unreadable(self, of: str, why: str) -> Unreadable:
        return Unreadable(f"the kept {self.name}{f' of {of}' if of else ''} cannot be read: {why}")


def added(key: str, value: Any) -> Migration:
    """The migration of a release that keeps one thing more: what it is in a body of before."""
    return derived(key, lambda _: value)


def derived(key: str, value_of: Callable[[dict[str, Any]], Any]) -> Migration:
    """The migration of a release that keeps one thing more, which a body of before says otherwise.
    One that has the key already has lost its number.
    """

    def migration(body: dict[str, Any]) -> dict[str, Any]:
        if key in body:
            raise _Inexact(f"it has {_named('', key)}, which its version had not")
        return {**body, key: value_of(body)}

    return migration


def renamed(old: str, new: str) -> Migration:
    """The migration of a release that calls a thing otherwise."""

    def migration(body: dict[str, Any]) -> dict[str, Any]:
        return {new if key == old else key: value for key, value in body.items()}

    return migration


def removed(key: str) -> Migration:
    """The migration of a release that keeps a thing no more, or says it otherwise: `derived` comes
    first.
    """

    def migration(body: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in body.items() if name != key}

    return migration


def within(key: str, *migrations: Migration) -> Migration:
    """The migration of what lies under a key: an object, or each object of a list. What is neither
    is left to whoever reads it.
    """
    inner = together(*migrations)

    def migration(body: dict[str, Any]) -> dict[str, Any]:
        under = body.get(key)
        if isinstance(under, list):
            return {**body, key: [inner(one) if isinstance(one, dict) else one for one in under]}
        return {**body, key: inner(under)} if isinstance(under, dict) else body

    return migration


def together(*migrations: Migration) -> Migration:
    """All that one release has changed, as one migration."""

    def migration(body: dict[str, Any]) -> dict[str, Any]:
        for one in migrations:
            body = one(body)
        return body

    return migration


def exact(shape: Any, told: Any) -> None:
    """Raises ValueError, with the place, where data has a key that a dataclass or TypedDict `shape`
    has not, or lacks one; so in what lies within. It looks at keys only: values are for whoever
    makes something of them.
    """
    if check := _checker(shape):
        check(told, "")


_Check = Callable[[Any, str], None]


@cache
def _checker(shape: Any) -> _Check | None:
    """What looks through data of a shape; None where no keys lie within."""
    if isinstance(shape, frozenset):
        return _of_keys(dict.fromkeys(shape, Any), shape, frozenset())
    if dataclasses.is_dataclass(shape):
        names = [field.name for field in dataclasses.fields(shape)]
        return _of_keys(get_type_hints(shape), frozenset(names), frozenset())
    if is_typeddict(shape):
        marked = get_type_hints(shape, include_extras=True)
        # postponed annotations hide the marks from __required_keys__
        optional = {
            name for name, hint in marked.items() if _is_optional(get_origin(hint), shape.__total__)
        }
        return _of_keys(get_type_hints(shape), frozenset(marked) - optional, frozenset(optional))
    # An optional value, a list of bodies, a table of bodies: what lies within is held to its own
    # shape.
    inner = [found for one in get_args(shape) if one is not type(None) and (found := _checker(one))]
    if not inner:
        return None
    origin = get_origin(shape)
    if origin in (Union, types.UnionType):
        return lambda told, at: None if told is None else inner[0](told, at)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _each_value(inner[0])
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _each(inner[0])
    return None


def _is_optional(mark: Any, total: bool) -> bool:
    return mark is NotRequired or (not total and mark is not Required)


def _of_keys(
    hints: Mapping[str, Any], required: frozenset[str], optional: frozenset[str]
) -> _Check:
    known = required | optional
    inner = [(name, check) for name in sorted(known) if (check := _checker(hints[name]))]

    def look(told: Any, at: str) -> None:
        if not isinstance(told, dict):
            raise _Inexact(f"{at or 'it'} is no object")
        if lacks := required - told.keys():
            raise _Inexact(f"it lacks {_named(at, min(lacks))}")
        if unknown := told.keys() - known:
            raise _Inexact(f"it has {_named(at, min(unknown))}, which nobody knows")
        for name, check in inner:
            if name in told:
                check(told[name], _named(at, name))

    return look


def _each(check: _Check) -> _Check:
    def look(told: Any, at: str) -> None:
        if not isinstance(told, list | tuple):
            raise _Inexact(f"{at} is no list")
        for place, one in enumerate(told):
            check(one, f"{at}[{place}]")

    return look


def _each_value(check: _Check) -> _Check:
    def look(told: Any, at: str) -> None:
        if not isinstance(told, dict):
            raise _Inexact(f"{at} is no object")
        for one in told.values():
            check(one, f"{at}.*")

    return look


def _named(at: str, key: str) -> str:
    # A key of the file goes into a message, and from there to a terminal: no control characters.
    sound = "".join(sign if sign.isprintable() else "?" for sign in key[:_LONGEST_KEY])
    return f"{at}.{sound}" if at else sound


def _why(wrong: Exception) -> str:
    """What is wrong with a body, without any value of it: what is kept may be a customer's."""
    if isinstance(wrong, _Inexact):
        return str(wrong)
    # pydantic's ValidationError has errors(); its own text would repeat the input.
    told = getattr(wrong, "errors", None)
    places = (
        [".".join(map(str, one["loc"])) for one in told(include_input=False, include_url=False)]
        if told
        else []
    )
    return f"{places[0]} is not what it should be" if places else f"{type(wrong).__name__}"
