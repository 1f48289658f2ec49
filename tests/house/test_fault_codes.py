"""The list of fault codes against the checks that raise them and the policies that name them: none
is missing, none is too many, no rule waits for a code that nobody says, and no code falls through
every rule.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache

import pytest

from checks.contract import Check
from checks.fault_codes import CODES, FAMILIES, STAGES, is_known, is_stage
from checks.host.check import HostCheck
from checks.kinds import kinds
from monitor import policies
from monitor.core.failure import Case
from monitor.core.policy import Policy
from monitor.core.policy_rules import first_fitting, named
from tests.house.source import ROOT, Module, modules, none

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")

RAISERS = ("Failed", "SourceFault", "at.fault", "self._at.fault")
LIST = "checks/fault_codes.py"
SHIPPED = ("exotel", "ozonetel", "voxeo", "xop")
OF_OTHERS = (
    "reveille", "call-control", "crm", "crm-*", "pri", "pri-call", "pri-state", "trunk", "trunk-*",
    "line-*", "sip-register", "dialer", "dialer-*", "report-*", "chat-*", "api-*", "network",
)  # fmt: skip
"""kinds that rules name for outsiders' checks; and what Reveille says of itself"""
FALLING: Mapping[str, str] = {
    "exotel": "",
    "ozonetel": "nagios-plugin portal portal-browser tls-certificate",
    "voxeo": "",
    "xop": "",
}
"""kinds with codes that only the rule for everything takes, as "unsorted": which portal or address
a check stands for is told by its component, and check-config asks for it
"""


def literals(module: Module) -> Iterator[tuple[str, int]]:
    """The codes that are raised as they stand, and the lines."""
    for node, _ in module.nodes:
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in RAISERS:
            first = node.args[0]
            several = (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,)
            for one in several:
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value:
                    yield one.value, node.lineno


def test_every_code_that_is_raised_is_in_the_list() -> None:
    found = [
        (f"{m.path}:{line} {code!r}", code) for m in modules("checks") for code, line in literals(m)
    ]
    assert len(found) > 200
    none(where for where, code in found if not is_known(code))


def test_every_stage_that_begins_is_in_the_list() -> None:
    """Whoever asks `explain` for another one is told so."""
    begun = [
        (f"{module.path}:{node.lineno}", node.args[0].value)
        for module in modules("checks")
        for node, _ in module.nodes
        if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute)
        if node.func.attr == "stage" and isinstance(node.args[0], ast.Constant)
    ]
    assert len(begun) > 60
    none(f"{where} {stage!r}" for where, stage in begun if stage not in STAGES)
    none(
        f"{name} {stage!r}"
        for name in SHIPPED
        for stage in named(policies.load(name).rules, "stage")
        if not set(stage) & set("*?[") and not is_stage(stage)
    )


def test_every_code_of_a_look_is_in_the_list() -> None:
    looks = [kind for kind in kinds().values() if issubclass(kind, HostCheck)]
    none(f"{kind.KIND} {code}" for kind in looks for code in kind.WORST if not is_known(code))


@cache
def said() -> frozenset[str]:
    """Every string of the checks, pieces of f-strings included, the list itself left out."""
    return frozenset(word for m in modules("checks") if m.path != LIST for word in m.words())


def test_every_code_in_the_list_is_said_somewhere() -> None:
    composed = {
        "one-way-to-": ("agent", "caller", "target"),
        "dtmf-lost": ("-to-agent", "-to-caller"),
    }
    made = {front + end for front, ends in composed.items() if front in said() for end in ends}
    none(sorted(CODES - said() - made))


def test_every_family_is_said_somewhere() -> None:
    whole = "\n".join(said())
    none(family for family in FAMILIES if not (family in whole or family == "expected:"))
    assert not any(code.startswith(tuple(FAMILIES)) for code in CODES)


def written(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Rule, kind and code (both globs) as rules name them; a rule without a code names none."""
    for rule in policy.rules:
        when = dict(rule.when)
        for code in when.get("code", ()):
            for kind in when.get("kind", ("*",)):
                yield rule.name, kind, code


def measures() -> frozenset[str]:
    """What may stand behind expected: as words of the checks."""
    return frozenset(word for word in said() if re.fullmatch(r"[a-z][a-z0-9_]*", word))


def can_be(code: str) -> bool:
    """Whether some fault's code fits this pattern."""
    family = next((family for family in FAMILIES if code.startswith(family)), None)
    if family == "expected:":
        return any(fnmatchcase(name, code.removeprefix(family)) for name in measures())
    return family is not None or any(fnmatchcase(one, code) for one in CODES)


@pytest.mark.parametrize("name", SHIPPED)
def test_no_rule_waits_for_a_code_that_nobody_says(name: str) -> None:
    named = [one for one in written(policies.load(name)) if one[1] != "reveille"]
    assert named
    none(f"{name}: {rule!r} waits for {code!r}" for rule, _, code in named if not can_be(code))


@pytest.mark.parametrize("name", SHIPPED)
def test_no_example_has_a_code_that_nobody_says(name: str) -> None:
    path = ROOT / "monitor" / "policies" / f"{name}.toml"
    examples = tomllib.loads(path.read_text(encoding="utf-8"))["example"]
    codes = {(one["name"], one["case"].get("code", "")) for one in examples}
    none(
        f"{name}: {example!r} has {code!r}"
        for example, code in codes
        if code and not is_known(code)
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_no_rule_waits_for_a_kind_that_is_not_there(name: str) -> None:
    wanted = {
        (rule.name, kind)
        for rule in policies.load(name).rules
        for kind in dict(rule.when).get("kind", ())
    }
    none(
        f"{rule!r}: {kind}"
        for rule, kind in sorted(wanted)
        if kind not in OF_OTHERS and not any(fnmatchcase(one, kind) for one in kinds())
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_no_code_falls_to_the_rule_for_everything_but_on_purpose(name: str) -> None:
    rules = policies.load(name).rules
    assert rules[-1].fits_everything()
    cases = [case for kind, check in kinds().items() for case in _cases(kind, check)]
    fallen = {
        case.kind
        for case in cases
        if (rule := first_fitting(rules, case)) and rule.fits_everything()
    }
    assert fallen == set(FALLING[name].split())


def _cases(kind: str, check: type[Check]) -> Iterator[Case]:
    for code in (
        *CODES,
        "sip:503/34",
        "http:503",
        "smtp:550",
        "imap:no",
        "dns:servfail",
        "expected:anything",
    ):
        yield Case(kind, code=code, layer=check.LAYER)
