"""Tables become models, one by one; what is wrong is gathered on the way and nothing stops at the
first fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from checks.settings import Settings, nearest, shown
from monitor.config.errors.explanation import NO_SUCH_KEY, Found, explain, offer, what
from monitor.config.fault_list import ConfigurationFaults, Fault, Place, dotted
from monitor.config.model_introspection import fields
from monitor.config.section_models import wrong_name

Table = dict[str, Any]
TOP_KEYS = ("state", "include", "keep_evidence", "administrators")
_S = TypeVar("_S", bound=Settings)


class Reading:
    """One file as it is being understood. `found` gathers what is wrong; `context` is what names
    are looked up in.
    """

    def __init__(
        self,
        tables: Table,
        directory: Path,
        own_name: Callable[[str, str], str] = lambda _section, name: name,
    ) -> None:
        """`own_name(section, name)` is what a line or an agent is called among those of all
        sites.
        """
        self.tables, self.directory, self._own_name = tables, directory, own_name
        self.found: list[Found] = []
        self._faulty: dict[str, set[str]] = {"lines": set(), "agents": set()}
        self.context: dict[str, Any] = {"directory": directory, "faulty": self._faulty}

    def less(self, tables: Table) -> Reading:
        """To be read anew, out of fewer tables."""
        return Reading(tables, self.directory, self._own_name)

    def fault(self, place: Place, sentence: str) -> None:
        """Note one; what would be right stands after the first semicolon."""
        self.found.append(Found.said(place, sentence))

    def once(self, name: str, model: type[_S]) -> _S | None:
        """The section of this name, where it is written."""
        return self.model((name,), model, self.tables[name]) if name in self.tables else None

    def model(
        self, place: Place, model: type[_S], table: object, keys: Iterable[str] = ()
    ) -> _S | None:
        """A table as a model; None where it cannot be. `keys` are known in it beside the model's
        own.
        """
        if not isinstance(table, dict):
            hint = f"; write [{place[0]}]" if len(place) == 1 else ""
            self.fault(place, f"a table belongs here, not {what(table, place)}{hint}")
            return None
        # Such a field is set by the loader: written in the file it is as unknown as any other.
        for key in [
            key for key in table if key in model.model_fields and model.model_fields[key].exclude
        ]:
            self.fault((*place, key), NO_SUCH_KEY + offer(key, fields(model)))
            table = {other: value for other, value in table.items() if other != key}
        try:
            return model.model_validate(table, context=self.context)
        except ValidationError as error:
            found = explain(error, model, table, keys)
        self.found += [Found((*place, *one.place), one.wrong, _right(place, one)) for one in found]
        return None

    def entries(self, section: str, model: type[_S]) -> list[_S]:
        """The good ones of `[[section]]`."""
        tables = self.tables.get(section, [])
        if not isinstance(tables, list):
            self.fault((section,), f"stands in double brackets; write [[{section}]], once for each")
            return []
        made = [self.model((section, number), model, table) for number, table in enumerate(tables)]
        return [one for one in made if one is not None]

    def named(self, section: str) -> Iterator[tuple[str, Table]]:
        """The name and table of each `[section.NAME]`."""
        tables = self.tables.get(section, {})
        if not isinstance(tables, dict):
            self.fault((section,), f"each has a name; write [{section}.NAME]")
            return
        for name, table in tables.items():
            if wrong := wrong_name(name):
                self.fault((section, name), wrong)
            parted = _parted(name, table) if isinstance(table, dict) else []
            if parted and parted != [name]:
                for whole in parted:
                    wrong = "dots part a name; a name that has some stands in quotes"
                    self.fault((section, name), f'{wrong}: [{section}."{whole}"]')
            elif isinstance(table, dict):
                yield name, table
            else:
                self.fault(
                    (section, name),
                    f"a table belongs here, not {what(table, ())}; write [{section}.NAME]",
                )

    def referable(self, section: str, model: type[_S]) -> dict[str, _S]:
        """Each `[section.NAME]`, which others may name; one with faults is told of once."""
        made: dict[str, _S] = {}
        for name, table in self.named(section):
            one = self.model((section, name), model, table)
            if one is None:
                # Whoever names it is not told that there is no such name: there is, with faults of
                # its own.
                self._faulty[section].add(name)
            else:
                made[name] = one.model_copy(update={"name": self._own_name(section, name)})
        self.context[section] = made
        return made

    def again(self, place: Place, read: Callable[[], _S | None]) -> _S:
        """A table that was good when the daemon read it, and is known in brief alone until now.
        Raises ConfigurationFaults where what it names is no longer there.
        """
        known = len(self.found)
        if (made := read()) is not None:
            return made
        found, self.found = self.found[known:], self.found[:known]
        faults = [Fault(one.path or dotted(one.place), one.wrong, one.right) for one in found]
        raise ConfigurationFaults(dotted(place), faults)

    def kind(self, place: Place, table: Table, kinds: Mapping[str, type[_S]]) -> type[_S] | None:
        """The class that a table's `kind` names."""
        written = table.get("kind")
        if isinstance(written, str) and written in kinds:
            return kinds[written]
        if written is None:
            self.fault((*place, "kind"), f"is missing{offer('', sorted(kinds))}")
        elif isinstance(written, str):
            hint = kind_hint(written, kinds)
            self.fault((*place, "kind"), f"there is no kind {shown(written)}{hint}")
        else:
            self.fault((*place, "kind"), f"a text belongs here, not {what(written, ())}")
        return None


def kind_hint(written: str, kinds: Mapping[str, type[_S]]) -> str:
    """What may have been meant by a kind that there is not."""
    word = written.lower()
    elsewhere = {name: kind for kind, made in kinds.items() for name in _others_words(made)}
    if word in elsewhere:
        return f"; that is called '{elsewhere[word]}' here"
    if hint := nearest(written, sorted(kinds)):
        return hint
    if family := [kind for kind in sorted(kinds) if word in kind.split("-")]:
        return f"; there are {', '.join(family)}"
    # A typing error in a word of others'.
    like = [kind for name, kind in elsewhere.items() if nearest(word, [name])]
    return f"; did you mean '{like[0]}'?" if like else offer(written, sorted(kinds))


def _others_words(kind: type[_S]) -> tuple[str, ...]:
    """What others call it, as it says of itself."""
    return tuple(getattr(kind, "ALSO_CALLED", ()))


def _parted(name: str, table: Table) -> list[str]:
    """The names with dots that TOML took for tables in tables: `[checks.www.example.net]`."""
    inner = [(key, part) for key, part in table.items() if isinstance(part, dict)]
    if not table or len(inner) != len(table):
        return [name] if {"kind", "registrar"} & set(table) else []
    return [one for key, part in inner for one in _parted(f"{name}.{key}", part)]


def _right(place: Place, one: Found) -> str:
    """What would be right: a key of the top is easily written too late."""
    # TOML takes a key below a header into that table: `state` at the end of the file belongs to the
    # last section.
    if place and one.place[-1:] in [(key,) for key in TOP_KEYS] and one.wrong == NO_SUCH_KEY:
        return f"{one.place[-1]!r} stands by itself, above the first [section]"
    return one.right


def without(table: Table, keys: Iterable[str]) -> Table:
    """A table less some of its keys."""
    left_out = set(keys)
    return {key: value for key, value in table.items() if key not in left_out}
