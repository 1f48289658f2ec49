"""The generated reference: each section and key with type, default, meaning and example; each kind
and its measures.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill, shorten

from checks.contract import Check
from checks.settings import nearest, shown
from checks.telephony.call.line import Line
from monitor.config.model_introspection import fields
from monitor.config.reference.json_schema import Catalogue, Schema, shared_catalogue
from monitor.config.reference.sample_sections import entries, entries_of, example_of
from monitor.config.reference.schema_words import example, meaning, tables_in, type_words
from monitor.config.section_models import Rhythm
from monitor.config.sections import SECTIONS, Section, Top
from monitor.config.toml_writer import toml

# A page of the documentation shows it without a break. One kind in a terminal is as wide as that.
_WIDTH = 100
_CATEGORY_WIDTH = 20
_HEAD = """\
# Reveille configuration

One TOML file describes one site. An unknown key is refused, and every fault is told at once: \
'reveille check-config'.

- duration: a number with its unit, as in "250ms", "20s", "5m", "1h30m", "7d"
- time of day: "08:30", in the site's time zone; a date and time is written without quotes: \
2026-12-24T22:00:00
- path: a relative one counts from the folder of the file
- expectation: a measure, a comparison (<= >= < > == !=) and a number, as in "answer_seconds <= 4"
- secret by reference: { credential = "NAME" } of systemd, { environment = "NAME" } \
or { file = "/path" }
"""


def reference() -> str:
    """The whole reference, as Markdown that reads well in a terminal."""
    catalogue = shared_catalogue()
    parts = [_HEAD, "## Above the first section\n", *_keys(catalogue.of(Top), catalogue, _WIDTH)]
    for section in SECTIONS:
        parts += [
            f"## {section.heading}\n",
            fill(section.meaning, _WIDTH) + "\n",
            *_section(section, catalogue, _WIDTH),
        ]
    return "\n".join(parts)


def reference_of(word: str, width: int = _WIDTH) -> str:
    """The part of one kind of check or desk, with an example that is good as it stands; or of one
    section. Raises LookupError, naming the nearest.
    """
    catalogue = shared_catalogue()
    for section in SECTIONS:
        if word in {"checks": catalogue.kinds, "desks": catalogue.desks}.get(section.name, {}):
            return "\n".join(_kind(section, word, catalogue, width))
    for section in SECTIONS:
        if word == section.name:
            return "\n".join(_own_keys_of(section, catalogue, width))
    known = [*catalogue.kinds, *catalogue.desks, *(section.name for section in SECTIONS)]
    hint = _called_elsewhere(word, catalogue) or nearest(word, known)
    raise LookupError(f"there is no kind {shown(word)}{hint or '; there are ' + ', '.join(known)}")


def _called_elsewhere(word: str, catalogue: Catalogue) -> str:
    found = (k for k, made in catalogue.kinds.items() if word.lower() in made.ALSO_CALLED)
    return "".join(f"; that is called '{kind}' here" for kind in list(found)[:1])


def index(width: int = _WIDTH) -> str:
    """Every section, kind of check and kind of desk, a line each."""
    catalogue = shared_catalogue()
    checks = {kind: meaning(catalogue.of(model)) for kind, model in catalogue.kinds.items()}
    desks = {kind: meaning(catalogue.of(model)) for kind, model in catalogue.desks.items()}
    sections = {section.name: section.meaning for section in SECTIONS}
    parts = []
    for heading, entries_known in (
        ("Sections of the file", sections),
        ("Kinds of check, as in [checks.NAME] kind = ...", checks),
        ("Kinds of desk, as in [desks.NAME] kind = ...", desks),
    ):
        lines = [_line(name, said, width) for name, said in entries_known.items()]
        parts.append("\n".join([heading, *lines]))
    hint = "reveille reference NAME says all of one, with an example; --all says everything"
    return "\n\n".join([*parts, fill(hint, width)]) + "\n"


def _line(name: str, said: str, width: int) -> str:
    """A name and the beginning of what is said of it, on one line."""
    begun = said.partition(". ")[0].rstrip(".")
    # A long name pushes what is said of it, and stays a word of its own.
    named = f"  {name} ".ljust(_CATEGORY_WIDTH)
    return named + shorten(begun, width - len(named), placeholder=" …")


def _own_keys_of(section: Section, catalogue: Catalogue, width: int) -> list[str]:
    parts = [f"## {section.heading}\n", fill(section.meaning, width) + "\n"]
    if section.name == "checks":
        return [*parts, *_keys(catalogue.of(Rhythm), catalogue, width)]
    if section.name == "desks":
        return [*parts, f"Each has a kind: {', '.join(catalogue.desks)}.\n"]
    return [*parts, *_section(section, catalogue, width)]


def _section(section: Section, catalogue: Catalogue, width: int) -> Iterable[str]:
    if section.like:
        like = next(one for one in SECTIONS if one.name == section.like)
        return [f"Its keys are those of {like.heading}.\n"]
    if section.name not in ("checks", "desks"):
        return _keys(catalogue.of(section.model), catalogue, width)
    known = catalogue.kinds if section.name == "checks" else catalogue.desks
    parts = [_bullet("", "kind", f"required: {', '.join(sorted(known))}", width) + "\n"]
    if section.name == "checks":
        parts += _keys(catalogue.of(Rhythm), catalogue, width)
    return [*parts, *(line for kind in known for line in _kind(section, kind, catalogue, width))]


def _kind(section: Section, kind: str, catalogue: Catalogue, width: int) -> list[str]:
    """One kind of check or desk: an example, its own keys, then its measures."""
    model = (catalogue.kinds if section.name == "checks" else catalogue.desks)[kind]
    own = catalogue.of(model)
    parts = [
        f'### {section.heading} kind = "{kind}"\n',
        fill(meaning(own), width) + "\n",
        *(_place(model, width) if issubclass(model, Check) else []),
        *([f"```toml\n{shown_example}\n```\n"] if (shown_example := example_of(model)) else []),
        *_keys(own, catalogue, width),
    ]
    return [*parts, *(_measures(model, width) if issubclass(model, Check) else [])]


def _keys(schema: Schema, catalogue: Catalogue, width: int, indent: str = "") -> list[str]:
    """Each key on a line of its own, its meaning and example beneath, then the keys of its own
    tables.
    """
    parts = []
    required = schema.get("required", ())
    for name, described in sorted(
        schema.get("properties", {}).items(), key=lambda item: item[0] not in required
    ):
        demands = [type_words(described, catalogue), _demand(name, schema, described)]
        lines = [_bullet(indent, name, "; ".join(filter(None, demands)), width)]
        text = meaning(described)
        if text:
            lines.append(
                fill(text, width, initial_indent=indent + "  ", subsequent_indent=indent + "  ")
            )
        if written := example(described):
            lines.append(f"{indent}  `{name} = {written}`")
        parts.append("\n".join(lines) + "\n")
        for table in tables_in(described, catalogue):
            # What the key says of itself is not said of its table once more.
            if (said := meaning(table)) and said != text:
                parts.append(
                    fill(
                        said,
                        width,
                        initial_indent=f"{indent}  - ",
                        subsequent_indent=f"{indent}    ",
                    )
                    + "\n"
                )
            parts += _keys(table, catalogue, width, indent + "    ")
    return parts


def _bullet(indent: str, name: str, demands: str, width: int) -> str:
    """`- `name` (what it must be)`, folded."""
    return fill(
        f"`{name}` ({demands})",
        max(width, len(indent) + 40),
        initial_indent=f"{indent}- ",
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _demand(name: str, schema: Schema, described: Schema) -> str:
    if name in schema.get("required", []):
        return "required"
    default = described.get("default")
    return "" if default in (None, "", [], {}) else f"default {toml(default)}"


def _place(kind: type[Check], width: int) -> list[str]:
    """Where it stands: which layer it proves, and the line of the daily checklist that it sees
    to."""
    stands_for = f" · component: {kind.COMPONENT}" if kind.COMPONENT else ""
    words = (
        f"Layer: {kind.LAYER.name.lower()} · duty in the daily checklist: {kind.DUTY}{stands_for}"
    )
    return [fill(words, width) + "\n"]


def _measures(kind: type[Check], width: int) -> list[str]:
    """What an example of the kind can measure: with other settings it may be more or less."""
    # Made from the sample, since what a check measures follows from its settings.
    measures = {
        name: text for example in _examples(kind) for name, text in example.measures().items()
    }
    if not measures:
        return []
    lines = [
        fill(f"`{name}`: {text}", width, initial_indent="- ", subsequent_indent="  ")
        for name, text in measures.items()
    ]
    return [
        fill(
            "Measures, for `expect` and `warn` (some only with the settings that they speak of):",
            width,
        )
        + "\n",
        "\n".join(lines) + "\n",
    ]


def _examples(kind: type[Check]) -> Iterable[Check]:
    lines, agents = (
        {
            entry.name: Line.model_validate({**entry.values, "name": entry.name})
            for entry in entries(section)
        }
        for section in ("lines", "agents")
    )
    for entry in entries_of(kind) if kind.SAMPLE else ():
        table = {key: value for key, value in entry.values.items() if key in fields(kind)}
        yield kind.model_validate(table, context={"lines": lines, "agents": agents})
