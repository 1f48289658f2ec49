"""The lab's templates: each is TOML as it lies, and asks for nothing that the lab does not have."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import configuration, prompts
from lab.accounts import API_KEY, BROWSERS, HOST, USERS, WATCHER, ZONE
from lab.injected_faults import PORTALS
from lab.portals import TEXTS
from lab.watched import Watched

TEMPLATES = sorted(path.stem for path in configuration.TEMPLATES.glob("*.toml"))
TEXT = {path.stem: path.read_text("utf-8") for path in configuration.TEMPLATES.glob("*.toml")}
WHOLE = "\n".join(TEXT[part] for part in configuration.PARTS)


def watched(folder: Path) -> Watched:
    """A lab that runs nowhere."""
    known = {
        field.name: folder / field.name if field.type == "Path" else f"{HOST}:{number}"
        for number, field in enumerate(fields(Watched), start=7000)
    }
    return Watched(**known | {"mail_port": 2525})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_toml_before_it_is_filled(name: str) -> None:
    assert tomllib.loads(TEXT[name])


def test_every_template_is_used_and_every_known_name_is_asked_for() -> None:
    assert {*configuration.PARTS, *configuration.INSTEAD.values(), "audit"} == set(TEMPLATES)
    asked = {one.strip('"$') for one in re.findall(r'"?\$[a-z_]+"?', WHOLE)}
    assert asked == {field.name for field in fields(Watched)} | {"state"}


def test_accounts_prompts_portals_and_zone_are_those_of_the_lab() -> None:
    accounts = set(re.findall(r"\$passwords/([a-z0-9-]+)", WHOLE))
    assert "monitor" in accounts
    assert accounts <= {*USERS, *BROWSERS, WATCHER, API_KEY}
    assert all(
        (prompts.FOLDER / name).is_file() for name in re.findall(r"\$prompts/([^\"]+)", WHOLE)
    )
    parsed = tomllib.loads(WHOLE)
    assert parsed["site"]["timezone"] == ZONE
    for portal in PORTALS:
        assert TEXTS[portal][0] in parsed["checks"][portal]["steps"][0]["must_contain"]


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="mail_port"):
        configuration.filled("mail", {"certificate": Path("certificate.pem")})


@settings(max_examples=30)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1))
def test_whatever_the_folder_is_called_its_paths_come_back_as_they_are(name: str) -> None:
    folder = Path("/srv") / name
    parsed = tomllib.loads(configuration.written(watched(folder), folder / "state"))
    assert parsed["state"] == str(folder / "state")
    assert parsed["lines"]["trunk-a"]["password"]["file"] == f"{folder / 'passwords'}/monitor"
    assert parsed["desks"]["mail"]["port"] == 2525
    assert parsed["checks"]["crm-webhook"]["callback"] == {"json_values": {"$.status": "filed"}}


def checks(*lost: str) -> dict[str, str]:
    """Name -> kind, on a host that does without these parts."""
    written = tomllib.loads(configuration.written(watched(Path("/srv")), Path("/s"), lost))
    return {name: check["kind"] for name, check in written["checks"].items()}


def test_a_host_without_chromium_keeps_the_checks_that_need_none() -> None:
    left = checks().keys() - checks(*configuration.NEED_CHROMIUM)
    assert left == {"chat", "agent-desk", "agent-softphone"}


def test_a_host_without_the_engine_of_calls_calls_by_the_other_one() -> None:
    left = checks(*configuration.NEED_ENGINE)
    assert checks().keys() - left == {"call-control", "call-conference", "outbound-dialer"}
    assert (checks()["main-number"], left["main-number"]) == ("sip-call", "pyvoip-call")
    assert not {"sip-call", "outbound-dialer", "burst"} & set(left.values())
