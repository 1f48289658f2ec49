"""Nobody is told but the people of the site; who is missing is said by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import policies
from monitor.config import Configuration, load
from monitor.incidents.recipients import reached
from monitor.incidents.ticket_view import contact_of

MAIL = '[desks.mail]\nkind = "mail"\nhost = "127.0.0.1"\ntls = "none"\nsender = "r@example.net"\n'


def site(folder: Path, policy: str, roles: tuple[str, ...], region: str = "uk") -> Configuration:
    people = "".join(f'[[people]]\nrole = "{r}"\nmail = "{r}@example.net"\n' for r in roles)
    file = folder / "reveille.toml"
    head = f'[site]\nname = "X"\ntimezone = "UTC"\nregion = "{region}"\npolicy = "{policy}"\n'
    file.write_text(head + people + MAIL, encoding="utf-8")
    return load(file)


@pytest.mark.parametrize("policy", policies.shipped())
def test_no_shipped_policy_is_a_route_to_anybody(tmp_path: Path, policy: str) -> None:
    found = policies.load(policy)
    for region in (*found.regions, ""):
        configuration = site(tmp_path, policy, ("operators",), region)
        for role in found.roles:
            assert reached(configuration, role) in ((), ("operators@example.net",))
            assert contact_of(configuration, role) in ("", "operators@example.net")


@pytest.mark.parametrize("policy", policies.shipped())
def test_who_is_missing_is_one_line_with_every_name(tmp_path: Path, policy: str) -> None:
    roles = policies.load(policy).roles
    (said,) = [
        one for one in site(tmp_path, policy, ("operators",)).warnings if one.path == "people"
    ]
    assert all(repr(role) in said.wrong for role in roles if role != "operators")
    assert "'operators'" not in said.wrong and said.wrong.endswith("to the operators")
    (said,) = [one for one in site(tmp_path, policy, roles[:1]).warnings if one.path == "people"]
    assert "fall to the operators" in said.wrong
    filled = site(tmp_path, policy, (*roles, "operators"))
    assert [one for one in filled.warnings if one.path == "people"] == []


def test_whom_they_fall_to_is_said_to_be_nobody_where_it_is(tmp_path: Path) -> None:
    (said,) = [one for one in site(tmp_path, "xop", ()).warnings if one.path == "people"]
    assert said.wrong.endswith("they fall to the operators, who are nobody")
    assert "support@xopnetworks.com" in said.right and "never told" in said.right
