"""The matrix of the ozonetel document: owner, severity, response, resolution, ladder, and the desk
of each region.
"""

from __future__ import annotations

import pytest

from tests.field.judgement.golden import Golden, contacts, golden, minutes, rungs, told

CLOCKS = {"P0": (30, 120), "P1": (120, 480), "P2": (240, 960), "P3": (480, 10080)}
GENERAL, IVR = [(1, 0), (2, 60), (3, 240)], [(1, 0), (2, 120), (3, 240)]
WHOSE = (
    "a bare sip:500 of the platform is taken for the carrier's; a judgement call of the policy's"
    " own comment"
)

ROWS = (
    Golden(1, "agent portal down", ("portal", "open", "http:503", "agent-portal"), "P0", "vendor"),
    Golden(2, "webrtc not working", ("webrtc-call", "ice", "timeout"), "P0", "vendor"),
    Golden(3, "pri up ivr silent", ("sip-call", "prompt", "silent"), "P0", "vendor"),
    Golden(
        5, "pri up call not routed to agents", ("sip-call", "agent", "not-rung"), "P0", "vendor"
    ),
    Golden(6, "nobody logged in", ("queue-state", "agents", "too-few-agents"), "P0", "vendor"),
    Golden(7, "chat widget not working", ("chat", "answer", "timeout"), "P0", "vendor"),
    Golden(
        8, "admin portal down", ("portal", "connect", "refused", "admin-portal"), "P1", "vendor"
    ),
    Golden(
        9, "dashboard down", ("portal", "connect", "timeout", "dashboard-portal"), "P1", "vendor"
    ),
    Golden(10, "outbound dialer", ("outbound-dialer", "ring", "not-called"), "P1", "vendor"),
    Golden(11, "transfer", ("sip-call", "transfer", "sip:501"), "P1", "vendor"),
    Golden(13, "conference", ("sip-call", "conference", "sip:488"), "P1", "vendor"),
    Golden(14, "mute", ("sip-call", "mute", "heard"), "P1", "vendor"),
    Golden(15, "ui configuration", ("ui-config", "compare", "differs"), "P1", "vendor"),
    Golden(16, "pri down d-channel", ("pri-snmp", "d-channel", "down"), "P2", "telco"),
    Golden(17, "pri down no circuit", ("sip-call", "answer", "sip:503/34"), "P2", "telco"),
    Golden(19, "internet down", ("uplink", "reach", "timeout"), "P2", "telco"),
    Golden(20, "internet flapping", ("uplink", "reach", "expected:loss_percent"), "P2", "telco"),
    Golden(
        21, "report portal down", ("portal", "open", "http:500", "report-portal"), "P2", "vendor"
    ),
    Golden(23, "crm integration", ("webhook", "callback", "timeout"), "P2", "vendor"),
    Golden(25, "report missing", ("report", "download", "report-missing"), "P3", "vendor"),
    Golden(27, "service down", ("sip-call", "answer", "sip:500"), "P0", "vendor", WHOSE),
)


@pytest.mark.parametrize("row", golden(ROWS))
def test_a_row_of_the_matrix(row: Golden) -> None:
    found = told("ozonetel", row.case)
    assert (found.severity, row.owner in found.owner) == (row.severity, True), found.owner
    assert (minutes(found, "response"), minutes(found, "resolution")) == CLOCKS[row.severity]
    ivr = row.failure[0] == "chat" or row.failure[1] == "prompt" or row.number == 27
    assert rungs(found) == (IVR if ivr else GENERAL)


REGIONS = {
    "usa": ("support@getkookoo.com", "+1 559 888 7084"),
    "uk": ("support@getkookoo.com", "+44 203 9848368"),
    "singapore": ("support.sea@ozonetel.com", "+65 3138 9148"),
    "uae": ("uae.support@ozonetel.com", "+971 452 60004"),
    "malaysia": ("support.sea@ozonetel.com", "+60 3921 25991"),
    "philippines": ("support.sea@ozonetel.com", "+63 2639 6996"),
    "india": ("1800 123 150150", "+91 80 68970018"),
}


@pytest.mark.parametrize("region", list(REGIONS))
def test_level_1_is_the_desk_of_the_region(region: str) -> None:
    case = Golden(0, "", ("portal", "", "", "agent-portal"), "P0").case
    first = contacts(told("ozonetel", case, region))[0]
    assert all(way in first for way in REGIONS[region]), first


@pytest.mark.parametrize("region", list(REGIONS))
def test_ivr_and_chat_go_to_the_desk_for_changes_everywhere(region: str) -> None:
    first = contacts(told("ozonetel", ROWS[5].case, region))[0]
    assert "cr@ozonetel.com" in first and "1800 123 150150" in first, first
