"""Every file of the corpus says exactly what its first lines announce: all of it, in file order,
and nothing else.

`#> ` before a message; HERE stands for the corpus's folder; "warning: " for what is allowed and
probably not meant.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import Configuration, ConfigurationFaults, Fault, load

HERE = Path(__file__).parent.parent / "configs"
BAD = sorted(HERE.glob("bad-*.toml"))
GOOD = sorted(HERE.glob("good-*.toml"))
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "REVEILLE_NOT_SET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REVEILLE_TEST_SECRET", SECRET)


def announced(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line[3:].replace("HERE", str(HERE)) for line in lines if line.startswith("#> ")]


def faults_of(file: Path) -> tuple[Fault, ...]:
    with pytest.raises(ConfigurationFaults) as refused:
        load(file)
    return refused.value.faults


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(BAD) >= 30
    assert len(GOOD) >= 6


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_file_is_refused_with_every_fault(file: Path) -> None:
    assert [str(fault) for fault in faults_of(file)] == announced(file)


def with_calls(file: Path) -> bool:
    """A host without the engine of calls warns of these, and would of nothing else."""
    return any(f'kind = "{kind}"' in file.read_text() for kind in ("sip-call", "burst"))


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=[pytest.mark.engine] * with_calls(file)) for file in GOOD],
    ids=lambda file: file.stem,
)
def test_a_good_file_is_read_with_its_warnings(file: Path) -> None:
    configuration = load(file)
    assert isinstance(configuration, Configuration)
    assert [f"warning: {warning}" for warning in configuration.warnings] == announced(file)


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_faults_come_in_file_order_and_name_the_line_where_the_thing_stands(file: Path) -> None:
    text = file.read_text(encoding="utf-8").splitlines()
    faults = faults_of(file)
    lines = [fault.line or 0 for fault in faults]
    assert lines == sorted(lines)
    for fault in faults:
        key = fault.path.rpartition(".")[2].partition("[")[0].strip('"')
        if (
            fault.line
            and fault.path
            and ".toml" not in fault.path
            and not fault.wrong.startswith("is missing")
        ):
            line = text[fault.line - 1].lstrip()
            assert key in line or line.startswith(
                ("{", '"')
            )  # its own line, or that of an entry of a long list


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_no_message_speaks_the_validators_language_or_tells_a_secret(file: Path) -> None:
    with pytest.raises(ConfigurationFaults) as refused:
        load(file)
    said = str(refused.value) + repr(refused.value)
    assert refused.value.__cause__ is None
    for jargon in (
        "Input should",
        "union",
        "tuple",
        "dict",
        "NoneType",
        "value_error",
        "pydantic",
        "<class",
        "None",
    ):
        assert jargon not in said
    for secret in (SECRET, "90210733", "31337"):
        assert secret not in said
