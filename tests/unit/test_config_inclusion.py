"""A configuration in several files, and what a kind's checks share: read as one, with every fault
where it is written.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import Configuration, ConfigurationFaults, effective, load, load_sound_part
from monitor.config.reference.json_schema import json_schema

SITE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\n'


def page(name: str, more: str = "") -> str:
    return f'[checks.{name}]\nkind = "portal"\nurl = "https://{name}.example.net/"\n{more}'


def files(folder: Path, **texts: str) -> Path:
    """Written by their names; the first is the one that is named."""
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(texts))}.toml"


def faults(file: Path) -> list[str]:
    with pytest.raises(ConfigurationFaults) as refused:
        load(file)
    return str(refused.value).replace(f"{file.parent}/", "").splitlines()


def test_forty_portals_are_as_short_as_their_addresses(tmp_path: Path) -> None:
    portals = "".join(page(f"p{number}") for number in range(40))
    shared = '[defaults.portal]\nevery = "5m"\nconfirm = 3\nmust_contain = ["Sign in"]\n'
    file = files(tmp_path, main=f'include = ["portals.toml"]\n{SITE}{shared}', portals=portals)
    found = load(file)
    assert len(found.checks) == 40
    assert {(one.every, one.confirm) for one in found.checks.values()} == {(300.0, 3)}
    assert effective(found)["checks"]["p39"]["must_contain"] == ["Sign in"]
    assert found.included == (tmp_path / "portals.toml",)


def test_it_is_the_same_configuration_as_in_one_file(tmp_path: Path) -> None:
    person = '[[people]]\nrole = "operators"\nmail = "{}@example.net"\n'
    parts = (SITE, person.format("a"), person.format("b"), page("x", 'every = "1m"\n'), page("y"))
    (tmp_path / "sites").mkdir()
    for name, text in (("1", parts[2]), ("2", parts[3] + parts[4])):
        (tmp_path / "sites" / f"{name}.toml").write_text(text, encoding="utf-8")
    several = load(files(tmp_path, main=f'include = ["sites/*.toml"]\n{parts[0]}{parts[1]}'))
    one = load(files(tmp_path, whole="".join(parts)))

    def plain(found: Configuration) -> dict[str, object]:
        return {**effective(found), "file": "", "included": (), "warnings": ()}

    assert plain(several) == plain(one)


def test_a_check_has_what_it_says_itself_and_either_of_two_rhythms(tmp_path: Path) -> None:
    shared = '[defaults.portal]\nevery = "5m"\nwithin = "3s"\n'
    own = page("a", 'at = ["08:30"]\n') + page("b", 'within = "4s"\n')
    found = load(files(tmp_path, main=SITE + shared + own)).checks
    assert found["a"].every is None and len(found["a"].at) == 1
    assert effective(load(tmp_path / "main.toml"))["checks"]["b"]["within"] == "4s"


def test_faults_are_told_with_the_file_and_line_where_they_are_written(tmp_path: Path) -> None:
    main = (
        f'include = ["a.toml", "gone.toml", "none/*.toml"]\n{SITE}[defaults.portal]\nevry = "1m"\n'
    )
    bad = page("x", 'within = "soon"\n') + '\n[audit]\nto = ["ops@example.net"]\n'
    told = faults(files(tmp_path, main=main, a=bad + page("y") + '[lines."x y"]\n'))
    assert told == [
        "a.toml:6: audit: only the first file says this; an included file has [people], [rotas],"
        " [lines], [agents], [checks], [defaults], [maintenance], [desks], [sites]",
        "gone.toml: there is no such file; leave it out, or write it",
        "main.toml:1: include[2]: there is no file 'none/*.toml'; leave it out, or write one",
        "main.toml:6: defaults.portal.evry: there is no such key; did you mean 'every'?",
        "a.toml:4: checks.x.within: 'soon' is not a duration; write a number with its unit, as in"
        " '20s', '5m', '1h30m'",
        "a.toml:11: lines.\"x y\": that is no name; letters, digits, '-', '_' and '.', at most"
        " 63, a letter or digit first",
        'a.toml:11: lines."x y".registrar: is missing; host or host:port of the PBX, trunk or proxy'
        " that calls go through",
    ]


def test_a_default_that_is_wrong_is_told_once_for_all_that_take_it(tmp_path: Path) -> None:
    shared = '[defaults.portal]\nwithin = "soon"\n[defaults.http]\nevery = "1m"\n'
    told = faults(files(tmp_path, main=SITE + shared + page("a") + page("b") + page("c")))
    assert told == [
        "main.toml:5: defaults.portal.within: 'soon' is not a duration; write a number with its"
        " unit, as in '20s', '5m', '1h30m'",
        "main.toml:6: defaults.http: there is no kind 'http'; that is called 'portal' here",
    ]


def test_a_name_that_two_files_have_is_told_with_both_places(tmp_path: Path) -> None:
    file = files(tmp_path, main=f'include = ["a.toml"]\n{SITE}{page("x")}', a="\n" + page("x"))
    told = "a.toml:2: checks.x: is written a second time; the first is in main.toml:5"
    assert faults(file) == [told]


def test_a_file_that_two_patterns_mean_is_read_once_and_never_itself(tmp_path: Path) -> None:
    main = f'include = ["*.toml", "a.toml", "a*.toml"]\n{SITE}'
    assert list(load(files(tmp_path, main=main, a=page("x"))).checks) == ["x"]


def test_a_slip_in_an_included_file_keeps_nobody_from_a_ticket(tmp_path: Path) -> None:
    main = f'include = ["a.toml", "b.toml"]\n{SITE}'
    file = files(tmp_path, main=main, a="[checks.x\n", b=page("y"))
    found, broken = load_sound_part(file)
    assert list(found.checks) == ["y"]
    assert broken is not None and "a.toml:1: line 1" in str(broken)


def test_an_editor_knows_the_keys_of_defaults() -> None:
    properties = json_schema()["properties"]["defaults"]["properties"]
    assert {"every", "must_contain", "url"} <= set(properties["portal"]["properties"])
    assert "required" not in properties["portal"]
