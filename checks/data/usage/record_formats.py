"""The forms that call records come in: which column is which of our terms, and what the words in
them mean.

    asterisk    CDR of Asterisk: Master.csv, cdr_sqlite3_custom, cdr_mysql, ODBC, cdr_pgsql,
                FreePBX's asteriskcdrdb
    freeswitch  mod_cdr_csv (template "example") and mod_cdr_pg_csv
    kamailio    the table acc of Kamailio and OpenSIPS: an INVITE and a BYE make a call
    own         anything that has a beginning and a length: every column is named in the
                configuration

Terms: start, answer, end (local stamps), length and talk (seconds), outcome, cause (Q.850), trunk,
far_trunk, did, agent, queue, account, caller, id (of the leg), link (of the call), order (among the
legs of a call), method (SIP).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

_JOINTS = re.compile(r"[\s_-]+")
# A final response of SIP other than 2xx.
_FINAL = re.compile(r"[3-6][0-9]{2}")
# Ours and not those of a switch: every format says its columns in these.
TERMS = (
    "start", "answer", "end", "length", "talk", "outcome", "cause", "trunk",
    "far_trunk", "did", "agent", "queue",
    "account", "caller", "id", "link", "order", "method",
)  # fmt: skip


class Outcome(IntEnum):
    """How an attempt ended. Up to CANCELLED the far end was reached: that is what NER counts (ITU-T
    E.425).
    """

    ANSWERED = 0
    BUSY = 1
    NO_ANSWER = 2
    REJECTED = 3
    CANCELLED = 4
    CONGESTION = 5
    FAILED = 6
    UNKNOWN = 7


# The call came to the called side: whoever did not answer, rejected it or was given up on was rung.
DELIVERED = (Outcome.ANSWERED, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.CANCELLED)
# Given up by the caller, or not answered: of queues without a log nobody can tell them apart.
ABANDONED = (Outcome.NO_ANSWER, Outcome.CANCELLED)

# What an unanswered attempt's Q.850 cause says; any other is FAILED.
# ITU-T Q.850: 16 normal clearing, 17 user busy, 18 no user responding, 19 no answer, 21 rejected;
# 34, 38, 41, 42, 44 and 47 are the network's lack of channels and resources.
OF_CAUSE: Mapping[int, Outcome] = {
    16: Outcome.CANCELLED,
    17: Outcome.BUSY,
    18: Outcome.NO_ANSWER,
    19: Outcome.NO_ANSWER,
    21: Outcome.REJECTED,
    **dict.fromkeys((34, 38, 41, 42, 44, 47), Outcome.CONGESTION),
}

# Asterisk's words for `disposition`; the causes are what it sends for them on an ISDN line.
_DISPOSITIONS: Mapping[str, tuple[Outcome, int]] = {
    "ANSWERED": (Outcome.ANSWERED, 16),
    "BUSY": (Outcome.BUSY, 17),
    "NO ANSWER": (Outcome.NO_ANSWER, 19),
    "CANCEL": (Outcome.CANCELLED, 16),
    "CONGESTION": (Outcome.CONGESTION, 34),
    "FAILED": (Outcome.FAILED, 0),
}
_NUMERIC = {**{str(number): number for number in range(1, 128)}}
# FreeSWITCH writes the names of Q.850's causes.
_FREESWITCH_CAUSES: Mapping[str, int] = {
    "UNALLOCATED_NUMBER": 1, "NO_ROUTE_TRANSIT_NET": 2, "NO_ROUTE_DESTINATION": 3,
    "CHANNEL_UNACCEPTABLE": 6,
    "NORMAL_CLEARING": 16, "USER_BUSY": 17, "NO_USER_RESPONSE": 18, "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21, "NUMBER_CHANGED": 22, "REDIRECTION_TO_NEW_DESTINATION": 23,
    "EXCHANGE_ROUTING_ERROR": 25,
    "DESTINATION_OUT_OF_ORDER": 27, "INVALID_NUMBER_FORMAT": 28, "FACILITY_REJECTED": 29,
    "NORMAL_UNSPECIFIED": 31,
    "NORMAL_CIRCUIT_CONGESTION": 34, "NETWORK_OUT_OF_ORDER": 38, "NORMAL_TEMPORARY_FAILURE": 41,
    "SWITCH_CONGESTION": 42, "ACCESS_INFO_DISCARDED": 43, "REQUESTED_CHAN_UNAVAIL": 44,
    "FACILITY_NOT_SUBSCRIBED": 50,
    "OUTGOING_CALL_BARRED": 52, "INCOMING_CALL_BARRED": 54, "BEARERCAPABILITY_NOTAUTH": 57,
    "BEARERCAPABILITY_NOTAVAIL": 58, "SERVICE_UNAVAILABLE": 63, "BEARERCAPABILITY_NOTIMPL": 65,
    "CHAN_NOT_IMPLEMENTED": 66, "FACILITY_NOT_IMPLEMENTED": 69, "SERVICE_NOT_IMPLEMENTED": 79,
    "INCOMPATIBLE_DESTINATION": 88, "MANDATORY_IE_MISSING": 96, "RECOVERY_ON_TIMER_EXPIRE": 102,
    "PROTOCOL_ERROR": 111, "INTERWORKING": 127,
    # FreeSWITCH's own, beyond Q.850
    "ORIGINATOR_CANCEL": 16, "LOSE_RACE": 26, "USER_NOT_REGISTERED": 20,
    "INVALID_CALL_REFERENCE": 81, "INVALID_MSG_UNSPECIFIED": 95, "MESSAGE_TYPE_NONEXIST": 97,
    "WRONG_MESSAGE": 98, "IE_NONEXIST": 99, "INVALID_IE_CONTENTS": 100, "WRONG_CALL_STATE": 101,
    "MANDATORY_IE_LENGTH_ERROR": 103, "NO_PICKUP": 19, "ALLOTTED_TIMEOUT": 19, "PICKED_OFF": 16,
    "BLIND_TRANSFER": 16, "ATTENDED_TRANSFER": 16, "MANAGER_REQUEST": 16, "SUCCESS": 16,
    # its internal ones: the platform's own failure
    **dict.fromkeys((
        "UNSPECIFIED", "CRASH", "SYSTEM_SHUTDOWN", "MEDIA_TIMEOUT", "GATEWAY_DOWN", "INVALID_URL",
        "INVALID_PROFILE", "INVALID_GATEWAY", "USER_CHALLENGE", "SRTP_READ_ERROR",
        "PROGRESS_TIMEOUT",
    ), 127),
}  # fmt: skip


def _sip(*statuses: int, outcome: Outcome, cause: int) -> dict[str, tuple[Outcome, int]]:
    return {str(status): (outcome, cause) for status in statuses}


# RFC 3398 section 8.2.6.1, backwards to Q.850; which are delivered follows RFC 6076 (SEER).
_SIP_STATUSES: Mapping[str, tuple[Outcome, int]] = {
    **_sip(*range(200, 300), outcome=Outcome.ANSWERED, cause=16),
    **_sip(404, 485, 604, outcome=Outcome.FAILED, cause=1),
    **_sip(480, outcome=Outcome.NO_ANSWER, cause=18),
    **_sip(486, 600, outcome=Outcome.BUSY, cause=17),
    **_sip(487, outcome=Outcome.CANCELLED, cause=16),
    **_sip(603, outcome=Outcome.REJECTED, cause=21),
    **_sip(401, 402, 403, 407, outcome=Outcome.FAILED, cause=21),
    **_sip(408, 504, outcome=Outcome.FAILED, cause=102),
    **_sip(410, outcome=Outcome.FAILED, cause=22),
    **_sip(484, outcome=Outcome.FAILED, cause=28),
    **_sip(481, 500, outcome=Outcome.FAILED, cause=41),
    **_sip(502, outcome=Outcome.FAILED, cause=38),
    **_sip(503, outcome=Outcome.CONGESTION, cause=41),
    **_sip(405, 501, outcome=Outcome.FAILED, cause=79),
    **_sip(488, 606, outcome=Outcome.FAILED, cause=65),
}


@dataclass(frozen=True, slots=True)
class Format:
    """A form of records."""

    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    """term -> its column in a database"""
    optional: frozenset[str] = frozenset()
    """terms whose column may be missing"""
    fields: tuple[str, ...] = ()
    """the terms in the order of a CSV's fields, "" for one that says nothing; all there can be"""
    outcomes: Mapping[str, tuple[Outcome, int]] = field(default_factory=dict)
    """what the words in `outcome` mean, and the Q.850 cause that they stand for (0: none)"""
    causes: Mapping[str, int] = field(default_factory=lambda: _NUMERIC)
    """what the words in `cause` mean"""
    channels: bool = False
    """whether trunk and agent are channel names, whose last part is the channel's number
    (PJSIP/trunk-a-0000002f)
    """
    epoch_in_id: bool = False
    """whether the id begins with the second of the leg's beginning, UTC"""
    waits: bool = True
    """whether the time until the answer is recorded"""
    names_the_last: bool = False
    """whether `link` of a leg names only the last leg that it called (hunted_legs)"""

    def outcome_of(self, word: str) -> tuple[Outcome, int] | None:
        """What a word for the outcome means, in whatever letters and joints ("no-answer",
        "NoAnswer"); None for one that nobody knows.
        """
        plain = _JOINTS.sub("", word).upper()
        if plain in _SIP_STATUSES or not plain:
            return self.outcomes.get(plain, (Outcome.UNKNOWN, 0) if not plain else None)
        for known, meaning in self.outcomes.items():
            if known.replace(" ", "") == plain:
                return meaning
        # RFC 3261 section 7.2: what is not known counts as the first of its class.
        return (Outcome.FAILED, 0) if self._is_final(plain) else None

    def _is_final(self, word: str) -> bool:
        return "486" in self.outcomes and _FINAL.fullmatch(word) is not None


FORMATS: Mapping[str, Format] = {
    "asterisk": Format(
        table="cdr",
        columns={
            "start": "start", "length": "duration", "talk": "billsec", "outcome": "disposition",
            "trunk": "channel",
            "far_trunk": "dstchannel", "agent": "dstchannel", "did": "dst",
            "account": "accountcode", "caller": "src",
            "id": "uniqueid", "link": "linkedid", "order": "sequence",
        },
        optional=frozenset({"link", "order", "account", "id"}),
        fields=(
            "account", "caller", "did", "", "", "trunk", "agent", "", "", "start", "answer",
            "end", "length", "talk",
            "outcome", "", "id", "", "", "link", "order",
        ),
        outcomes=_DISPOSITIONS,
        channels=True,
        epoch_in_id=True,
    ),
    "freeswitch": Format(
        table="cdr",
        columns={
            "start": "start_stamp", "answer": "answer_stamp", "length": "duration",
            "talk": "billsec",
            "cause": "hangup_cause", "did": "destination_number", "caller": "caller_id_number",
            "account": "accountcode", "trunk": "context", "id": "uuid", "link": "bleg_uuid",
        },
        optional=frozenset({"account", "trunk", "link", "answer"}),
        fields=(
            "", "caller", "did", "trunk", "start", "answer", "end", "length", "talk", "cause",
            "id", "link", "account",
            "", "",
        ),
        causes={**_NUMERIC, **_FREESWITCH_CAUSES},
        names_the_last=True,
    ),
    "kamailio": Format(
        table="acc",
        columns={
            "start": "time", "outcome": "sip_code", "method": "method", "id": "callid",
            "did": "dst_user",
            "caller": "src_user",
        },
        # Accounting of a proxy knows no waiting: it is not in the way of the media, and writes no
        # time of the ringing.
        optional=frozenset({"did", "caller"}),
        outcomes=_SIP_STATUSES,
        waits=False,
    ),
    "own": Format(
        outcomes={**_DISPOSITIONS, **_SIP_STATUSES}, causes={**_NUMERIC, **_FREESWITCH_CAUSES}
    ),
}  # fmt: skip
