"""How a policy is read: what is refused, with every fault at once, and what a good one answers."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from checks.contract import Layer
from monitor import policies
from monitor.core.failure import Case
from monitor.core.policy import Policy, PolicyFaults

GOOD = """
name = "small"
version = "7"
title = "A small policy"
source = "the tests"
calendar = "24x7"

[[severity]]
id = "high"
name = "high"
definition = "nobody can call"
response = "30m"
resolution = "2h"

[[severity]]
id = "low"
name = "low"
definition = "somebody minds"
response = "1h30m"
resolution = "7d"

[[owner]]
id = "vendor"
title = "the vendor"

[ladders.general]
levels = [
    { number = 1, name = "desk", role = "desk", after = "0m", until = "1h" },
    { number = 2, name = "lead", role = "lead", after = "1h", condition = "not-acknowledged" },
]

[[contact]]
role = "desk"
region = "india"
title = "desk, India"
phones = ["+91 80 1"]

[[contact]]
role = "desk"
title = "desk, anywhere"
mail = "desk@example.net"

[[issue]]
id = "calls"
title = "calls fail"
owner = "vendor"
severity = "high"
ladder = "general"

[[issue]]
id = "other"
title = "something else"
owner = "vendor"
severity = "low"
ladder = "general"

[[rule]]
name = "calls"
when = { kind = "*-call", layer = "signalling|media", code = "sip:5??|sip:*/34" }
issue = "calls"

[[rule]]
name = "rest"
issue = "other"

[[example]]
name = "full"
case = { kind = "sip-call", stage = "answer", code = "sip:503", layer = "signalling" }
issue = "calls"
severity = "high"
"""


def good() -> dict[str, Any]:
    return tomllib.loads(GOOD)


def refused(
    written: dict[str, Any], house: dict[str, Any] | None = None
) -> dict[str, tuple[str, str]]:
    """The faults by their path."""
    with pytest.raises(PolicyFaults) as caught:
        Policy.parse(written, house)
    faults = caught.value.faults
    assert len({(fault.path, fault.wrong) for fault in faults}) == len(faults)
    return {fault.path: (fault.wrong, fault.right) for fault in faults}


def test_a_good_policy_classifies_with_everything_that_follows() -> None:
    found = Policy.parse(good()).classify(
        Case("sip-call", "answer", "sip:486/34", layer=Layer.SIGNALLING)
    )
    assert (found.issue.title, found.severity.id, found.owner_title) == (
        "calls fail",
        "high",
        "the vendor",
    )
    assert [target.seconds for target in found.severity.targets] == [1800, 7200]
    assert [level.condition for level in found.ladder.levels] == [
        "not-resolved",
        "not-acknowledged",
    ]
    assert found.rule == "calls"


@pytest.mark.parametrize(
    "case",
    [
        Case("sip-call", code="sip:486", layer=Layer.SIGNALLING),
        Case("sip-call", code="sip:503", layer=Layer.AGENT),
        Case("portal", code="sip:503", layer=Layer.SIGNALLING),
        Case("sip-call", code="sip:5031", layer=Layer.SIGNALLING),
        Case(""),
    ],
)
def test_the_last_rule_takes_whatever_no_other_takes(case: Case) -> None:
    assert Policy.parse(good()).classify(case).rule == "rest"


def test_a_human_reclassifies_by_the_issues_id() -> None:
    policy = Policy.parse(good())
    found = policy.reclassified("other")
    assert (found.issue.id, found.severity.id, found.rule) == ("other", "low", "reclassified")
    with pytest.raises(LookupError, match="no issue 'othr'; did you mean 'other'"):
        policy.reclassified("othr")


def test_a_region_has_its_own_desk_or_the_common_one() -> None:
    policy = Policy.parse(good())
    assert [c.title for c in policy.contacts("desk", "india")] == ["desk, India"]
    assert [c.title for c in policy.contacts("desk", "peru")] == ["desk, anywhere"]
    assert policy.contacts("lead", "india") == ()
    assert (policy.regions, policy.roles) == (("india",), ("desk", "lead"))


def test_an_empty_file_says_all_that_is_missing() -> None:
    faults = refused({})
    assert {
        "name",
        "version",
        "title",
        "source",
        "calendar",
        "severity",
        "ladders",
        "issue",
        "rule",
    } == set(faults)
    assert faults["name"] == ("it is missing", 'write a text, as in name = "..."')


def test_all_faults_come_at_once_each_with_its_path_and_what_would_be_right() -> None:
    bad = good()
    bad["titel"] = "typo"
    bad["calendar"] = "24/7"
    bad["severity"][0]["response"] = "30 minutes"
    del bad["severity"][1]["resolution"]
    bad["issue"][0]["owner"] = "vendr"
    bad["issue"][0]["severity"] = "hihg"
    bad["issue"][1]["ladder"] = "ivr"
    bad["rule"][0]["when"]["layr"] = "media"
    bad["rule"][0]["when"]["layer"] = "medium"
    bad["ladders"]["general"]["levels"][1]["condition"] = "not-acked"
    bad["contact"][1]["role"] = "dsk"
    bad["contact"][0].pop("phones")
    assert refused(bad) == {
        "titel": ("there is no such field", "did you mean 'title'?"),
        "calendar": ("there is no calendar '24/7'", "did you mean '24x7'?"),
        "severity.high.response": (
            "'30 minutes' does not do",
            'write a number with its unit, as in response = "30m", "2h" or "7d"',
        ),
        "severity.low.resolution": (
            "it is missing",
            'write a number with its unit, as in resolution = "30m", "2h" or "7d"',
        ),
        "issue.calls.owner": ("there is no owner 'vendr'", "did you mean 'vendor'?"),
        "issue.calls.severity": ("there is no severity 'hihg'", "did you mean 'high'?"),
        "issue.other.ladder": ("there is no ladder 'ivr'", "known are 'general'"),
        "rule.calls.when.layr": ("there is no such field", "did you mean 'layer'?"),
        "rule.calls.when.layer": ("there is no layer 'medium'", "did you mean 'media'?"),
        "ladders.general.levels.lead.condition": (
            "there is no condition 'not-acked'",
            "did you mean 'not-acknowledged'?",
        ),
        "contact.dsk.role": ("no level of any ladder tells 'dsk'", "did you mean 'desk'?"),
        "contact.desk": ("it can be reached by no way", "give it a mail address or phones"),
        "example.full": (
            "it comes out as other / low by rule 'rest'",
            "the example says calls / high: change the rules or the example",
        ),
    }


@pytest.mark.parametrize(
    ("written", "seconds"), [("0.5h", 1800), ("1m30s", 90), ("1.1m", 66), ("1w", 604800)]
)
def test_a_duration_is_written_as_in_the_configuration(written: str, seconds: int) -> None:
    one = good()
    one["severity"][0]["response"] = written
    one["severity"][0]["resolution"] = "2w"
    assert Policy.parse(one, policies.read("house")).severities[0].targets[0].seconds == seconds


@pytest.mark.parametrize("written", ["250ms", "0.5s", "1m0.25s"])
def test_a_duration_of_a_policy_is_whole_seconds(written: str) -> None:
    bad = good()
    bad["severity"][0]["response"] = written
    assert refused(bad)["severity.high.response"] == (
        f"'{written}' does not do",
        'write whole seconds, as in response = "30s", "2h" or "7d"',
    )


def test_a_policy_that_leaves_a_case_without_an_issue_is_refused() -> None:
    bad = good()
    bad["rule"][1]["when"] = {"layer": "application"}
    assert refused(bad)["rule"][0] == "the last rule, 'rest', does not fit everything"


def test_an_example_that_comes_out_otherwise_refuses_the_policy_and_says_how() -> None:
    bad = good()
    bad["example"][0]["case"]["code"] = "sip:486"
    assert refused(bad)["example.full"] == (
        "it comes out as other / low by rule 'rest'",
        "the example says calls / high: change the rules or the example",
    )


def test_a_rule_behind_one_that_takes_all_its_cases_is_refused_with_the_takers() -> None:
    bad = good()
    late = {
        "name": "late",
        "when": {"kind": "sip-call", "layer": "media", "code": "sip:503|sip:486/34"},
        "issue": "other",
    }
    bad["rule"].insert(1, late)
    assert refused(bad)["rule.late"] == (
        "no case can reach it: 'calls' before it takes them all",
        "move it up or make it differ",
    )


def test_two_rules_may_hide_a_third_together() -> None:
    bad = good()
    bad["rule"][:0] = [
        {"name": "one", "when": {"component": "one"}, "issue": "calls"},
        {"name": "two", "when": {"component": "two*"}, "issue": "calls"},
        {"name": "both", "when": {"component": "one|two?", "kind": "portal"}, "issue": "calls"},
    ]
    assert "'one', 'two' before it" in refused(bad)["rule.both"][0]


def test_a_rule_that_takes_everything_in_the_middle_hides_the_rest() -> None:
    bad = good()
    bad["rule"].insert(0, {"name": "greedy", "when": {"kind": "*"}, "issue": "other"})
    assert {"rule.calls", "rule.rest"} <= set(refused(bad))


@pytest.mark.parametrize("pattern", ["a||b", "|", "sip:[45]03", " ", 5])
def test_a_pattern_that_is_none_is_refused(pattern: object) -> None:
    bad = good()
    bad["rule"][0]["when"]["code"] = pattern
    assert "rule.calls.when.code" in refused(bad)


def test_names_are_given_once() -> None:
    bad = good()
    for section in ("severity", "owner", "issue", "rule", "contact"):
        bad[section].insert(1, dict(bad[section][0]))
    faults = refused(bad)
    assert {
        "severity.high.id",
        "owner.vendor.id",
        "issue.calls.id",
        "rule.calls.name",
        "contact.desk",
    } <= set(faults)


def test_levels_are_numbered_and_told_in_order_and_end_after_they_begin() -> None:
    bad = good()
    levels = bad["ladders"]["general"]["levels"]
    levels[0].update(number=2, after="2h", until="1h")
    faults = refused(bad)
    assert faults["ladders.general.levels.desk.until"][0] == "the level would end before it begins"
    with pytest.raises(PolicyFaults) as caught:
        Policy.parse(bad)
    assert {"the numbers are not 1, 2, 3 ...", "a level is told before the one below it"} <= {
        fault.wrong for fault in caught.value.faults
    }


def test_a_resolution_is_not_due_before_the_response() -> None:
    bad = good()
    bad["severity"][0]["resolution"] = "10m"
    assert refused(bad)["severity.high.resolution"][0] == "it is due before the response"


@pytest.mark.parametrize(
    ("section", "body"),
    [
        ("severity", "high"),
        ("severity", []),
        ("issue", {"id": "x"}),
        ("ladders", []),
        ("rule", ["calls"]),
        ("example", [7]),
    ],
)
def test_the_wrong_shape_is_a_fault_and_no_crash(section: str, body: object) -> None:
    bad = good()
    bad[section] = body
    assert any(path.startswith(section) for path in refused(bad))


HOUSE = policies.read("house")


def test_the_houses_own_issues_are_part_of_every_policy_with_a_severity_by_rank() -> None:
    policy = Policy.parse(good(), HOUSE)
    blind = policy.classify(Case("reveille", "watch", "monitor-is-blind"))
    assert (blind.issue.id, blind.severity.id, blind.owner_title) == (
        "monitor-is-blind",
        "low",
        "monitor operations",
    )
    assert [level.role for level in blind.ladder.levels] == ["operators"]


def test_a_policy_can_neither_take_the_houses_cases_nor_its_names() -> None:
    bad = good()
    bad["rule"].insert(0, {"name": "mine", "when": {"kind": "reveille"}, "issue": "other"})
    bad["issue"].append({**bad["issue"][0], "id": "monitor-is-blind"})
    faults = refused(bad, HOUSE)
    assert "no case can reach it" in faults["rule.mine"][0]
    assert "there twice" in faults["issue.monitor-is-blind.id"][0]


def test_a_fault_of_the_house_is_said_under_its_own_path() -> None:
    house = {**HOUSE, "owner": []}
    assert "house.issue.monitor-is-blind.owner" in refused(good(), house)


def test_faults_read_as_lines() -> None:
    bad = good()
    bad["name"] = ""
    with pytest.raises(
        PolicyFaults, match=r"""^name: '' does not do; write a text, as in name = "\.\.\."$"""
    ):
        Policy.parse(bad)
