"""The shipped ozonetel policy against the published matrix, row by row and failure by failure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks.contract import Layer
from checks.durations import write_duration
from monitor import policies
from monitor.core.failure import Case
from monitor.core.policy import Policy
from monitor.core.policy_terms import UNSORTED

TABLE = Path(__file__).parents[1] / "golden" / "policies" / "ozonetel.txt"

MATRIX = {
    "agent portal is down": ("vendor", "P0"),
    "WebRTC is not working": ("vendor", "P0"),
    "PRI is up but IVR is not working": ("vendor", "P0"),
    "PRI is up but call not routing to agents": ("vendor", "P0"),
    "chat widget is not working": ("vendor", "P0"),
    "admin portal is down": ("vendor", "P1"),
    "dashboard portal is down": ("vendor", "P1"),
    "outbound dialer is not working": ("vendor", "P1"),
    "call control features not working (hold, mute, transfer, conference)": ("vendor", "P1"),
    "UI configuration related issues": ("vendor", "P1"),
    "PRI is down / flapping in the IDC": ("telco (third party)", "P2"),
    "internet is down / flapping in the IDC": ("telco (third party)", "P2"),
    "report portal is down": ("vendor", "P2"),
    "issues related to API / CRM integration": ("vendor", "P2"),
    "issues related to reports": ("vendor", "P3"),
}


@pytest.fixture(scope="module")
def ozonetel() -> Policy:
    return policies.load("ozonetel")


def lines() -> list[str]:
    written = TABLE.read_text(encoding="utf-8").splitlines()
    return [" ".join(line.split()) for line in written if line.strip() and not line.startswith("#")]


def case_of(fields: str) -> Case:
    kind, stage, code, layer, component = ("" if word == "-" else word for word in fields.split())
    return Case(kind, stage, code, component=component, layer=Layer[layer.upper()])


@pytest.mark.parametrize("line", lines())
def test_each_failure_becomes_the_row_of_the_golden_table(ozonetel: Policy, line: str) -> None:
    failure, expected = line.split(" -> ")
    found = ozonetel.classify(case_of(failure))
    got = f"{found.issue.id} {found.severity.id} {found.issue.owner} {found.ladder.name}"
    assert got == expected, f"by rule {found.rule!r}"


def test_the_golden_table_raises_every_issue(ozonetel: Policy) -> None:
    raised = {line.split(" -> ")[1].split()[0] for line in lines()}
    assert raised == {issue.id for issue in ozonetel.issues}


def test_the_matrix_is_whole_and_nothing_was_added(ozonetel: Policy) -> None:
    rows = [
        ozonetel.reclassified(issue.id) for issue in ozonetel.issues if issue.owner != "monitor"
    ]
    assert {row.issue.title: (row.owner_title, row.severity.id) for row in rows} == MATRIX


def test_every_issue_has_an_example_in_the_file() -> None:
    written = policies.read("ozonetel")
    assert {example["issue"] for example in written["example"]} == {
        *(issue["id"] for issue in written["issue"]),
        UNSORTED,
    }


def test_severities_carry_the_published_targets_worst_first(ozonetel: Policy) -> None:
    shown = [
        (
            s.rank,
            s.id,
            s.name,
            *(write_duration(target.seconds) for target in s.targets),
        )
        for s in ozonetel.severities
    ]
    assert shown == [
        (0, "P0", "urgent", "30m", "2h"),
        (1, "P1", "high", "2h", "8h"),
        (2, "P2", "medium", "4h", "16h"),
        (3, "P3", "low", "8h", "1w"),
    ]


def test_both_ladders_as_published(ozonetel: Policy) -> None:
    hours = {
        ladder.name: [
            (
                level.number,
                level.role,
                level.after_seconds / 3600,
                (level.until_seconds or 0) / 3600,
            )
            for level in ladder.under(ozonetel.severities[0]).levels
        ]
        for ladder in ozonetel.ladders
    }
    assert hours["general"] == [
        (1, "customer-support-desk", 0, 1),
        (2, "shift-team-leader", 1, 2),
        (3, "director-technical-support", 4, 0),
    ]
    assert hours["ivr-chat-flow"] == [
        (1, "change-request-desk", 0, 2),
        (2, "change-request-level-2", 2, 4),
        (3, "change-request-level-3", 4, 8),
    ]


def test_only_ivr_and_chat_matters_take_the_change_request_ladder(ozonetel: Policy) -> None:
    taking = {issue.title for issue in ozonetel.issues if issue.ladder == "ivr-chat-flow"}
    assert taking == {"PRI is up but IVR is not working", "chat widget is not working"}


@pytest.mark.parametrize(
    ("region", "mail", "phone"),
    [
        ("india", "", "1800 123 150150 / +91 80 68970018 / +91 80 47486799 / +91 80 35216705"),
        ("usa", "support@getkookoo.com", "+1 559 888 7084"),
        ("uk", "support@getkookoo.com", "+44 203 9848368"),
        ("singapore", "support.sea@ozonetel.com", "+65 3138 9148"),
        ("uae", "uae.support@ozonetel.com", "+971 452 60004"),
        ("malaysia", "support.sea@ozonetel.com", "+60 3921 25991"),
        ("philippines", "support.sea@ozonetel.com", "+63 2639 6996"),
    ],
)
def test_level_one_is_the_desk_of_the_region(
    ozonetel: Policy, region: str, mail: str, phone: str
) -> None:
    (desk,) = ozonetel.contacts("customer-support-desk", region)
    assert (desk.mail, desk.phone) == (mail, phone)
    (changes,) = ozonetel.contacts("change-request-desk", region)
    assert changes.mail == "cr@ozonetel.com"


def test_an_unknown_region_has_no_support_desk_and_the_same_change_request_desk(
    ozonetel: Policy,
) -> None:
    assert ozonetel.contacts("customer-support-desk", "atlantis") == ()
    assert len(ozonetel.contacts("change-request-desk", "atlantis")) == 1


def test_levels_two_and_three_are_roles_that_the_site_fills(ozonetel: Policy) -> None:
    upper = [
        level.role for ladder in ozonetel.ladders for level in ladder.levels if level.number > 1
    ]
    assert [ozonetel.contacts(role, region) for role in upper for region in ozonetel.regions] == [
        ()
    ] * 4 * 7


def test_no_shipped_policy_names_a_person() -> None:
    """Only published desk mailboxes: every mail address in a shipped file is one that was looked at
    here.
    """
    desks = {
        "support@getkookoo.com",
        "support.sea@ozonetel.com",
        "uae.support@ozonetel.com",
        "cr@ozonetel.com",
        "support@xopnetworks.com",
        "mgmt@xopnetworks.com",
    }
    folder = Path(policies.__file__).parent
    for path in folder.glob("*.toml"):
        written = path.read_text(encoding="utf-8")
        assert set(re.findall(r"[\w.+-]+@[\w.-]+", written)) <= desks
        assert "+91 9" not in written  # an Indian mobile number


def test_shipped_policies_are_known_by_name_and_a_typo_is_answered_with_the_nearest() -> None:
    assert "ozonetel" in policies.shipped()
    assert "house" not in policies.shipped()
    with pytest.raises(LookupError, match="did you mean 'ozonetel'"):
        policies.read("ozontel")


def test_a_policy_of_ones_own_is_read_by_its_path(tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    own.write_text('name = "ours"\n', encoding="utf-8")
    assert policies.read(own) == policies.read(str(own)) == {"name": "ours"}
    with pytest.raises(FileNotFoundError):
        policies.read(str(tmp_path / "none.toml"))
