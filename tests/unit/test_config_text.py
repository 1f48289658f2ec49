"""A file that is no TOML is told with line and column; in one that is, each value has its line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.fault_list import ConfigurationFaults, Place, dotted
from monitor.config.toml_text import parse, read
from monitor.config.toml_writer import toml

FILE = Path("reveille.toml")
NAMES = st.text(min_size=1, max_size=6)
VALUES = st.recursive(
    st.text(max_size=12)
    | st.integers(-9, 99)
    | st.booleans()
    | st.dates()
    | st.times()
    | st.floats(0, 9, width=16),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def said(text: str) -> str:
    with pytest.raises(ConfigurationFaults) as refused:
        parse(text, FILE)
    return str(refused.value)


def test_a_slip_in_the_grammar_names_its_line_and_column() -> None:
    assert (
        said("a = 1\nb = yes\n")
        == "reveille.toml:2: line 2, column 5: this is no value; a text stands in quotes"
    )
    assert (
        said('a = "x\n')
        == "reveille.toml:1: line 1, column 7: a text is not closed; it ends with the quote that it"
        " began with"
    )


def test_a_key_that_is_written_twice_is_named_with_its_first_place() -> None:
    assert (
        said("[a]\nb = 1\nc = 2\nb = 3\n")
        == "reveille.toml:4: a.b: is written a second time; the first is on line 2"
    )
    assert (
        said("[a]\nb = 1\n[c]\n[a]\n")
        == "reveille.toml:4: a: is written a second time; the first is on line 1"
    )
    assert said("[[a]]\nb = 1\n[[a]]\nx = {y = 1, y = 2}\n").startswith(
        "reveille.toml:4: a[1].x.y: is written a sec"
    )


def test_what_would_overflow_is_a_fault_like_any_other() -> None:
    assert (
        said("a = " + "[" * 5000 + "]" * 5000)
        == "reveille.toml: lists or tables are nested too deeply"
    )
    assert said("a = " + "9" * 5000) == "reveille.toml: a number has too many digits"


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes('a = 1\nname = "Zürich"\n'.encode("latin-1"))
    cases = {
        latin: "line 2 has a byte that is not UTF-8 (0xfc); save the file as UTF-8",
        tmp_path / "none.toml": "there is no such file; 'reveille init' writes one to begin with",
        tmp_path: "that is a folder; name the file, as in reveille.toml",
        tmp_path
        / ("x" * 300): "it cannot be read (File name too long); name the file with --config FILE",
        Path("a\0b"): "it cannot be read (no such path); name the file with --config FILE",
    }
    for file, expected in cases.items():
        with pytest.raises(ConfigurationFaults) as refused:
            read(file)
        assert [str(fault) for fault in refused.value.faults] == [expected]


def test_a_byte_order_mark_and_dos_lines_are_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "dos.toml"
    file.write_bytes(b"\xef\xbb\xbf[site]\r\nname = 'Pune'\r\n")
    written = read(file)
    assert written.tables == {"site": {"name": "Pune"}}
    assert written.places.line(("site", "name")) == 2


def test_lines_are_found_through_every_form_of_toml() -> None:
    places = parse(
        "top = 1  # one\n"
        '[checks."a b"]\n'
        'x.y = [1, { q = """\n'
        'two"" lines""" }]\n'
        "[[people]]\n"
        "name = 'it''s'[0]\n".replace("''s'[0]", "'")
        + '[people.sub]\nwhen = 2026-12-24 22:00:00  # a blank inside\n[[people]]\nname = "]"\n',
        FILE,
    ).places
    expected = {
        ("top",): 1,
        ("checks", "a b"): 2,
        ("checks", "a b", "x", "y", 1): 3,
        ("checks", "a b", "x", "y", 1, "q"): 3,
        ("people", 0): 5,
        ("people", 0, "name"): 6,
        ("people", 0, "sub", "when"): 8,
        ("people", 1, "name"): 10,
        ("people", 1, "missing"): 9,
    }
    assert {place: places.line(place) for place in expected} == expected


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4))
def test_every_place_of_any_file_is_found_on_its_line(tables: dict[str, dict[str, Any]]) -> None:
    lines: list[str] = []
    expected: dict[Place, int] = {}
    for name, table in tables.items():
        lines.append(
            f"[{json.dumps(name)}]"
            if name.isascii() and name.isprintable()
            else f"[{quoted(name)}]"
        )
        expected[(name,)] = len(lines)
        for key, value in table.items():
            lines.append(f"{quoted(key)} = {toml(value)}")
            expected.update({(name, key, *place): len(lines) for place in [(), *inside(value)]})
    text = "\n".join(lines)
    assert tomllib.loads(text) == tables
    places = parse(text, FILE).places
    assert {place: places.line(place) for place in expected} == expected


def quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007F")


def inside(value: Any) -> Iterator[Place]:
    parts = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, part in parts:
        yield (key,)
        yield from ((key, *place) for place in inside(part))


def test_a_path_is_written_as_one_would_write_it() -> None:
    assert (
        dotted(("checks", "main-number", "script", 1, "press"))
        == "checks.main-number.script[1].press"
    )
    assert dotted(("checks", "a b")) == 'checks."a b"'
