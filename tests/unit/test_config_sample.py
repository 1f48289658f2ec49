"""The sample, the reference and the editor's schema say what the models say: they come from the
same declarations.
"""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import time
import tomllib
from datetime import date, datetime
from datetime import time as clock
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest

from checks.contract import Check, Layer, Trace
from checks.descriptions import descriptions
from checks.kinds import kinds
from monitor.config import (
    Configuration,
    ConfigurationFaults,
    Fault,
    json_schema,
    load,
    sample,
    whole_reference,
    write_sample,
)
from monitor.config.model_introspection import fields
from monitor.config.reference.sample_sections import entries_of
from monitor.config.section_models import Rhythm
from monitor.config.sections import SECTIONS
from monitor.desks.list import desk_kinds
from tests.unit.marked_kinds import marked

DESK = (
    '[desks.mail]\nkind = "mail"\nhost = "127.0.0.1"\ntls = "none"\nsender ='
    ' "reveille@example.net"\n'
)
CORPUS = Path(__file__).parent.parent / "configs"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("REVEILLE_TEST_SECRET", "hunter2")


def about_the_file(configuration: Configuration) -> list[Fault]:
    """The warnings but for those about this host, which has no call records of a PBX."""
    return [one for one in configuration.warnings if not one.wrong.startswith("there is no file")]


@pytest.mark.engine
@pytest.mark.browser
def test_the_sample_is_good_as_written_and_warns_of_nothing(tmp_path: Path) -> None:
    file = tmp_path / "reveille.toml"
    write_sample(file)
    configuration = load(file)
    assert about_the_file(configuration) == []
    assert set(kinds()) <= {entry.probe.KIND for entry in configuration.checks.values()}


def test_init_writes_for_the_daemons_group_only_and_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "reveille.toml"
    write_sample(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError):
        write_sample(file)
    assert file.read_text(encoding="utf-8") == "mine"


def keys_everywhere() -> set[str]:
    models: list[Any] = [section.model for section in SECTIONS]
    models += [Rhythm, *kinds().values(), *desk_kinds().values()]
    return {key for model in models for key in fields(model)}


def test_sample_and_reference_show_every_section_and_every_key() -> None:
    manual, example = whole_reference(), sample()
    for section in SECTIONS:
        assert section.heading in manual
        assert re.search(rf"^#?\[\[?{section.name}[.\]]", example, re.MULTILINE)
    for key in keys_everywhere():
        assert f"`{key}`" in manual, key
        assert re.search(rf"^#?{re.escape(key)} = ", example, re.MULTILINE), key


def test_the_reference_shows_every_kind_with_its_measures_and_every_step() -> None:
    text = whole_reference()
    for kind in (*kinds(), *desk_kinds()):
        assert f'kind = "{kind}"' in text
    for part in (
        "`answer_seconds`: INVITE until 200 OK",
        "`hear` (path or list of paths; required)",
        "`hang-up` (true; required)",
    ):
        assert part in text
    assert "`every` (duration)" in text
    assert '`recheck` (duration; default "5m")' in text


def test_every_key_has_a_meaning() -> None:
    models: list[Any] = [section.model for section in SECTIONS]
    for model in [*models, *kinds().values(), *desk_kinds().values()]:
        for key in fields(model):
            assert descriptions(model)[key], f"{model.__name__}.{key}"


def test_no_kind_has_a_key_that_every_check_has() -> None:
    for name, kind in kinds().items():
        assert not {"kind", *fields(Rhythm)} & set(fields(kind)), name


def test_what_the_sample_comments_out_is_toml_too() -> None:
    """A line like `#port = (whole number)` has nothing to suggest; every other one is ready to be
    used.
    """
    for line in sample().splitlines():
        if re.match(r"#[a-z_-]+ = (?!\()", line):
            tomllib.loads(line[1:])


def test_what_init_writes_tells_somebody(tmp_path: Path) -> None:
    file = tmp_path / "reveille.toml"
    write_sample(file)
    configuration = load(file)
    assert configuration.desks_taking("people") == ("mail",)
    assert [person for person in configuration.people if person.mail]


@pytest.mark.engine
@pytest.mark.browser
def test_a_commented_section_is_good_once_its_marks_are_taken_away(tmp_path: Path) -> None:
    text = sample()
    lines = text[text.index("#[audit]") :].splitlines()
    marked = [line[1:] for line in lines if line.startswith(("#[audit]", "#to ="))]
    file = tmp_path / "reveille.toml"
    file.write_text(text + "\n" + "\n".join(marked) + "\n", encoding="utf-8")
    configuration = load(file)
    assert configuration.audit is not None
    assert about_the_file(configuration) == []


@pytest.mark.engine
@pytest.mark.parametrize("kind", marked())
def test_each_kind_carries_a_sample_that_is_good_by_itself(kind: str, tmp_path: Path) -> None:
    """Beside what sample.toml has to offer: the site, its lines and its agents."""
    skeleton = (files("monitor.config") / "sample.toml").read_text(encoding="utf-8")
    asked = 'kind = "sip-options"\nline = "trunk-a"\nevery = "1m"\n'
    others = "" if kind == "sip-options" else f"[checks.trunk]\n{asked}"  # what `diagnose` names
    file = tmp_path / "reveille.toml"
    file.write_text("\n".join((skeleton, others, kinds()[kind].SAMPLE, DESK)), encoding="utf-8")
    configuration = load(file)
    assert kind in {entry.probe.KIND for entry in configuration.checks.values()}
    assert about_the_file(configuration) == []


@pytest.mark.parametrize("kind", desk_kinds())
def test_each_desk_carries_a_sample_that_is_good_by_itself(kind: str, tmp_path: Path) -> None:
    skeleton = (files("monitor.config") / "sample.toml").read_text(encoding="utf-8")
    file = tmp_path / "reveille.toml"
    file.write_text(f"{skeleton}\n{desk_kinds()[kind].SAMPLE}", encoding="utf-8")
    assert [desk.KIND for desk in load(file).desks.values()] == [kind]


def test_a_kind_has_what_it_says_of_itself(tmp_path: Path) -> None:
    """Whoever asks by these attributes reads the measure, the folder and the setting that they
    promise."""
    file = tmp_path / "reveille.toml"
    write_sample(file)
    probes = [entry.probe for entry in load(file).checks.values()]
    callers = [probe for probe in probes if probe.PLACES_CALLS]
    assert {probe.KIND for probe in callers} >= {
        "sip-call",
        "pyvoip-call",
        "webrtc-call",
        "webrtc-browser",
    }
    assert all("answer_seconds" in probe.measures() for probe in callers)
    assert all("folder" in fields(type(probe)) for probe in probes if probe.BACKUPS != "none")
    assert all("date" in fields(type(probe)) for probe in probes if probe.COUNTS_USAGE)


class Fax(Check):
    """A fax machine that answers."""

    KIND: ClassVar[str] = "fax-machine"
    LAYER: ClassVar[Layer] = Layer.APPLICATION

    async def probe(self, trace: Trace) -> None:
        """Nothing to ask."""

    def measures(self) -> dict[str, str]:
        """None."""
        return {}


def test_a_sample_that_is_no_sample_says_whose_it_is() -> None:
    class Broken(Fax):
        SAMPLE: ClassVar[str] = "[checks.fax]\nkind = fax"

    class Headless(Fax):
        SAMPLE: ClassVar[str] = 'every = "1m"\n[checks.fax]\n'

    for kind in (Broken, Headless):
        with pytest.raises(ValueError, match="SAMPLE of the kind 'fax-machine'"):
            entries_of(kind)
    assert entries_of(Fax)[0].live is False, "without one it is shown, to be filled in"


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    described = json_schema()
    jsonschema.Draft202012Validator.check_schema(described)
    return jsonschema.Draft202012Validator(described)


def as_editors_see_it(value: Any) -> Any:
    """TOML's dates and times are texts to a JSON Schema."""
    if isinstance(value, dict):
        return {key: as_editors_see_it(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_editors_see_it(part) for part in value]
    return value.isoformat() if isinstance(value, datetime | date | clock) else value


@pytest.mark.parametrize("file", sorted(CORPUS.glob("good-*.toml")), ids=lambda file: file.stem)
def test_the_schema_takes_every_good_file(
    file: Path, schema: jsonschema.Draft202012Validator
) -> None:
    written = as_editors_see_it(tomllib.loads(file.read_text(encoding="utf-8")))
    assert [error.message for error in schema.iter_errors(written)] == []


def test_the_schema_takes_the_sample(schema: jsonschema.Draft202012Validator) -> None:
    assert [error.message for error in schema.iter_errors(tomllib.loads(sample()))] == []


FORM_ALONE = (
    "unknown-keys unknown-section missing-keys wrong-types wrong-shapes kinds script audit"
    " durations names portal sip-call lines secret-in-the-clear secret-places desks rhythm"
)


@pytest.mark.parametrize("name", FORM_ALONE.split())
def test_the_schema_refuses_what_a_file_shows_by_itself(
    name: str, schema: jsonschema.Draft202012Validator
) -> None:
    written = as_editors_see_it(
        tomllib.loads((CORPUS / f"bad-{name}.toml").read_text(encoding="utf-8"))
    )
    assert not schema.is_valid(written)


def test_each_kind_has_its_own_keys_in_the_schema(schema: jsonschema.Draft202012Validator) -> None:
    site = {"name": "Pune", "timezone": "Asia/Kolkata"}
    check = {"kind": "portal", "url": "https://example.net/", "every": "5m"}
    assert schema.is_valid({"site": site, "checks": {"a": check}})
    assert not schema.is_valid({"site": site, "checks": {"a": {**check, "to": "8000"}}})
    assert not schema.is_valid({"site": site, "checks": {"a": {**check, "kind": "sip-call"}}})
    assert not schema.is_valid({"site": site, "lines": {"a": {"registrar": "x", "name": "a"}}})


def test_loading_the_sample_brings_no_engine(tmp_path: Path) -> None:
    """Every kind there is is in it: sound, browsers and drivers are for child processes."""
    file = tmp_path / "reveille.toml"
    write_sample(file)
    script = (
        "import sys; from monitor.config import load; load(sys.argv[1]);print(*sorted({'aiortc',"
        " 'numpy', 'pjsua2', 'playwright', 'psycopg', 'pymysql'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        capture_output=True,
        text=True,
        check=True,
        cwd=CORPUS.parents[1],
    )
    assert done.stdout.split() == []


def test_a_thousand_checks_are_read_in_seconds(tmp_path: Path) -> None:
    file = tmp_path / "reveille.toml"
    checks = "".join(
        f'[checks.portal-{n}]\nkind = "portal"\nurl = "https://{n}.example.net/"\nevery = "5m"\n'
        for n in range(1000)
    )
    file.write_text('[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\n' + checks, encoding="utf-8")
    began = time.process_time()
    assert len(load(file).checks) == 1000
    assert time.process_time() - began < 5
    file.write_text(file.read_text(encoding="utf-8").replace("every", "evry"), encoding="utf-8")
    with pytest.raises(ConfigurationFaults) as refused:
        load(file)
    assert len(refused.value.faults) == 1000
