"""Every code that a fault can have, whatever kind of check it is of: what rules of policies and
texts may speak of.

Where a connection or TLS broke, the code and its meaning are in checks/transport/faults.py. The
others are said by one kind or a few, whose modules explain them on top. A far end that has codes of
its own is quoted: a family has its protocol before the colon. `tests/house/test_fault_codes.py`
holds this list against what the checks raise and what the policies name.
"""

from __future__ import annotations

from collections.abc import Mapping

from checks.transport import faults

# One alphabetical list and not one for each kind: the same trouble has the same word everywhere, so
# that one rule of a policy fits all kinds.
_OF_KINDS = """
account-broken agent-not-called aide-differs already-running ami-error another-call archive-failing
bad-encoding bad-json bad-peer bad-recipient bad-url battery-low broken-off changed-account
changed-file channels-exhausted checksum-failures choppy client-older clipped clock clock-off
cluster-died comfort-noise compare-failed connections-full copy-differs copy-failed corrupt
critical d-channel-down damaged database-missing dead-air descriptors-low differs digits-differ
digits-lost directory-missing disk-error disk-full drill-user dropped dtls dtmf-ignored dtmf-lost
dtmf-lost-to-agent dtmf-lost-to-caller dump-failed early-hang-up echo empty empty-database
empty-password engine-down exists extension-missing fax figures-differ filesystem-error filling
finds-nothing fingerprint flapping foreign-file frozen goaway guessed-password hardware-error
header-too-large hidden-program hung-task ids-running-out infected inodes-full io-error journal
json-differs json-missing kiss-of-death locale-missing locked log-erased login login-refused
long-transaction looped manifest memory-low missing missing-file missing-text monitor-memory
music-on-hold new-account new-file new-key new-log-in new-module new-privilege new-privileged-file
new-schedule night-peak no-answer no-call no-callback no-caller-id no-candidate no-codec
no-fingerprint no-ice no-key no-login no-match no-media no-music no-pair no-queues no-recording
no-records no-registrations no-relay no-rtp no-signatures no-socket no-source no-space no-spans
no-srtp no-starttls no-subprotocol no-such-column no-such-database no-such-file no-such-queue
no-such-span no-such-table no-telephone-event nobody-to-answer noise not-a-number not-allowed
not-answered not-arrived not-bound not-called not-comparable not-connected not-encrypted not-found
not-heard not-in-backup not-mounted not-proven not-records not-registered not-rung not-seen
not-silent not-synchronised not-taken not-understood not-written old-signatures on-battery
one-sided one-way-to-agent one-way-to-caller one-way-to-target oom-kill other-database overdue
overloaded permission preload premium-call process-missing queue-too-long queue-too-old
raid-degraded read-only redirects registration-scan replace-battery replication-broken
replication-late report-changed report-missing reset restarting restore-failed role-missing
root-account rootkit-sign rtp-from-elsewhere schema security-updates seen shrunk silent
smart-failing soft-200 sql stale stale-lists still-heard stuck swap-full too-few-agents too-large
too-long too-many-connections too-quiet too-short too-small tool-missing unexpected-port unit-down
unit-failed unknown-prompt unreadable unusual-country unwanted-text ups-alarm ups-bypassed
ups-not-seen ups-off ups-overloaded voicemail worker-died wrong-agent wrong-answer wrong-body
wrong-caller-id wrong-key wrong-page wrong-prompt
"""

# The parts of an attempt, in the same way. A walk's steps and a table's name are the site's own.
_STAGES = """
accounts agent agent-ring agents aide answer archive arrive ask backup banner behind boot
both-quiet callback caller-id calls channels clean clock compare compute conference connect
connections consult copy count counter d-channel delete dns drill dtls dtmf dump echo engine
failed figures files fill find handshake hang-up hear hello hold ice journal judge kernel keys
line listen lists log log-in log-ins log-out login longest-transaction look mailbox media memory
monitor mute night on-hold packages page pause press privileged processes processor prompt proof
queues raid reach read reconnect recorded recording records refer register registrations
replication response restart restore resume ring rootkits run scan schedules self-test send
signalling smart socket spans srtp starttls status storage stun talk tcp temporary tls transfer
turn units unmute unregister updates verify websocket widget write
"""

STAGES: frozenset[str] = frozenset(_STAGES.split())
"""every stage whose name is ours"""

CODES: frozenset[str] = frozenset({*faults.CODES, *_OF_KINDS.split()})
"""every code that is a word of ours"""

FAMILIES: Mapping[str, str] = {
    "sip:": (
        "the final status of a SIP request (RFC 3261 section 21), and its Q.850 cause: sip:503/34"
    ),
    "http:": "the status of an HTTP answer (RFC 9110 section 15): http:503",
    "smtp:": "the code of an SMTP reply (RFC 5321 section 4.2): smtp:550",
    "imap:": "the status of an IMAP response (RFC 9051 section 7.1): imap:no, imap:bad, imap:bye",
    "dns:": (
        "the code of a DNS response (RFC 1035 section 4.1.1, IANA's word for it, or its number):"
        " dns:servfail"
    ),
    "stun:": "the error code of a STUN response (RFC 8489 section 14.8): stun:400",
    "turn:": "the same of a TURN server (RFC 8656 section 19): turn:401",
    "alarm:": "the alarm of a PRI span (RFC 4805, G.704): alarm:los",
    "false-answer:": (
        "the tone or announcement that answered in the called party's stead: false-answer:busy"
    ),
    "tone:": "the network tone that came where a prompt was awaited: tone:busy",
    "expected:": "an expectation that a measure did not meet: expected:answer_seconds",
}
"""what codes begin with that quote somebody else -> what follows, with an example"""

# Codes that said more until release 0.1: what some kinds called so has a word of its own now. A
# policy written before names the old word alone, so check-config tells its author which new ones to
# add.
NARROWED: Mapping[str, tuple[str, ...]] = {
    "unreachable": ("refused",),
    "certificate": ("expired", "not-yet-valid", "self-signed", "untrusted", "wrong-name"),
}


def is_stage(word: str) -> bool:
    """Whether it is a stage whose name is ours, alone or with what it is the stage of: `turn-udp`,
    `live-backup`.
    """
    return bool({word, word.partition("-")[0], word.rpartition("-")[2]} & STAGES)


def is_known(code: str) -> bool:
    """Whether a fault can have this code."""
    return code in CODES or any(code.startswith(family) and code != family for family in FAMILIES)
