"""Whatever is done to a good file, it is read, or refused with faults that have a place and a
reason: nothing else.
"""

from __future__ import annotations

import os
from copy import deepcopy
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.config import ConfigurationFaults, effective, sample
from monitor.config.loading import understand
from monitor.config.toml_text import Written, parse

HERE = Path(__file__).parent.parent / "configs"
FILE = HERE / "mangled.toml"
SCRAPS = st.sampled_from(
    [
        '"',
        "'",
        '"""',
        "[",
        "]",
        "[[",
        "{",
        "}",
        "=",
        ".",
        ",",
        "#",
        "\\",
        "\n",
        "\0",
        "\ud7ff",
        "1e999",
        "nan",
        "-0",
        "é",
    ]
) | st.text(max_size=3)
SCALARS = st.one_of(
    st.text(max_size=8),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.sampled_from(
        [
            "5m",
            "9999999w",
            "0s",
            "08:30",
            "trunk-a",
            "\0",
            "x" * 300,
            "/" * 5000,
            "../..",
            "https://[",
            "a <= 1e999",
        ]
    ),
    st.sampled_from(
        [
            10**400,
            -1,
            float("inf"),
            datetime.fromisoformat("9999-12-31T23:59:00"),
            date.min,
            time.max,
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
MANY = settings(
    deadline=None,
    max_examples=int(os.environ.get("REVEILLE_EXAMPLES", "70")),
    suppress_health_check=list(HealthCheck),
)


@cache
def good_texts() -> tuple[str, ...]:
    return (
        sample(),
        *(file.read_text(encoding="utf-8") for file in sorted(HERE.glob("good-*.toml"))),
    )


def survives(written: Written | str) -> None:
    try:
        found = understand(parse(written, FILE) if isinstance(written, str) else written)
    except ConfigurationFaults as refused:
        assert refused.faults
        for fault in refused.faults:
            assert fault.wrong.strip()
            assert "\n" not in str(fault)
            for jargon in ("Input should", "pydantic", "union", "<class"):
                assert jargon not in str(fault)
    else:
        for configuration in found:
            assert effective(configuration)["site"]["name"] == configuration.site.name


@MANY
@given(st.data())
def test_scraps_put_into_the_text(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(good_texts()))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        end = at + data.draw(st.integers(0, 20))
        text = text[:at] + data.draw(SCRAPS) + text[end:]
    survives(text)


@MANY
@given(st.data())
def test_lines_in_another_order(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(good_texts())).splitlines()
    kept = [line for line in lines if line and not line.startswith("#")]
    survives("\n".join(data.draw(st.permutations(kept[:40]))))


@MANY
@given(st.data())
def test_values_of_any_other_kind(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(good_texts()))
    written = parse(text, FILE)
    tables = deepcopy(written.tables)
    for _ in range(data.draw(st.integers(1, 3))):
        at: Any = tables
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(at[key], dict | list) and at[key] and data.draw(st.integers(0, 3)):
                at = at[key]
                continue
            at[key] = data.draw(VALUES)
            break
    survives(Written(FILE, tables, written.places))


@MANY
@given(st.text(max_size=200))
@example("[checks]\n[checks.a]\nkind='portal'\n[[checks.a.expect]]\n")
@example("site.name=''")
@example("\ufeff\ufeff")
def test_any_text_at_all(text: str) -> None:
    survives(text)
