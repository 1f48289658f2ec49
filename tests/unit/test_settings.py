"""The building blocks: durations, secrets by reference, files that exist, things by their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from checks.settings import (
    Duration,
    ReadableFile,
    Secret,
    Settings,
    nearest,
    parse_duration,
    shown,
    write_duration,
)


class Example(Settings):
    wait: Duration = 20.0
    count: int = 1
    share: float = 1.0
    on: bool = False
    file: ReadableFile | None = None
    password: Secret | None = None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("20s", 20),
        ("5m", 300),
        ("1h30m", 5400),
        ("7d", 604800),
        ("1w", 604800),
        ("1.5s", 1.5),
    ],
)
def test_durations_are_a_number_with_its_unit(written: str, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written", ["", "20", "s", "20 s", "-5s", "5S", "5m ", 5, None, True, "٥s", "1" * 400 + "s"]
)
def test_what_is_no_duration_says_how_one_is_written(written: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write a number with its unit"):
        parse_duration(written)


@given(st.integers(0, 10**10))
def test_a_written_duration_reads_as_itself(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(write_duration(seconds)) == pytest.approx(seconds, abs=1e-6)


def test_a_text_is_no_number_and_a_number_no_switch() -> None:
    for wrong in (
        {"count": "1"},
        {"count": True},
        {"count": 1.0},
        {"share": "1"},
        {"on": 1},
        {"on": "true"},
    ):
        with pytest.raises(ValidationError):
            Example.model_validate(wrong)
    assert Example.model_validate({"share": 2}).share == 2.0


def test_a_secret_is_read_from_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trunk").write_text("hunter2\nnot this\n", encoding="utf-8")
    monkeypatch.setenv("TRUNK", "hunter3")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Secret.model_validate({"credential": "trunk"}).reveal() == "hunter2"
    assert Secret.model_validate({"environment": "TRUNK"}).reveal() == "hunter3"
    assert (
        Secret.model_validate({"file": "trunk"}, context={"directory": tmp_path}).reveal()
        == "hunter2"
    )


def test_a_secret_that_is_not_there_names_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    places: list[dict[str, str | Path]] = [
        {"credential": "trunk"},
        {"environment": "NOT_SET_ANYWHERE"},
        {"file": tmp_path / "none"},
        {"file": tmp_path / "empty"},
        {"file": tmp_path / "binary"},
        {"file": tmp_path},
    ]
    for place in places:
        with pytest.raises(LookupError, match="is missing, empty or not readable"):
            Secret.model_validate(place).reveal()


def test_nothing_that_pydantic_raises_or_prints_repeats_a_secret() -> None:
    for wrong in (
        "hunter2",
        {"value": "hunter2"},
        ["hunter2"],
        {"credential": "a/hunter2"},
        {"file": 2, "x": "hunter2"},
    ):
        with pytest.raises(ValidationError) as refused:
            Example.model_validate({"password": wrong})
        assert "hunter2" not in str(refused.value)
    assert "hunter2" not in str(Secret(environment="TRUNK"))


def test_a_file_counts_from_the_configurations_folder(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    context = {"directory": tmp_path}
    assert Example.model_validate({"file": "a.wav"}, context=context).file == tmp_path / "a.wav"
    for wrong in ("b.wav", "", "x" * 5000, "a\0"):
        with pytest.raises(ValidationError, match="there is no file"):
            Example.model_validate({"file": wrong}, context=context)


def test_values_are_shown_short_on_one_line_and_without_passwords() -> None:
    assert shown("a\nb") == r"'a\nb'"
    assert shown("https://me:hunter2@example.net/") == "'https://…@example.net/'"
    assert len(shown("x" * 1000)) < 70
    assert [shown(value) for value in (True, 5, [1], {"a": 1})] == [
        "true",
        "5",
        "a list",
        "a table",
    ]


def test_the_nearest_name_is_a_hint_and_a_far_one_is_none() -> None:
    assert nearest("pres", ["hear", "press"]) == "; did you mean 'press'?"
    assert nearest("zebra", ["hear", "press"]) == ""
