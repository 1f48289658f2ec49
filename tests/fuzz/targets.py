"""Every parser of the house that reads what comes from outside, a line each; `./reveille bench fuzz
NAME` feeds them. A new parser that tests/house/test_far_bytes.py knows has its line here too.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from types import MappingProxyType

from websockets.exceptions import WebSocketException

from checks.body import Unreadable
from checks.contract import CannotTell, Failed
from checks.data.backup.engines.postgresql.roles import NotRoles
from checks.data.usage.source_faults import SourceFault
from checks.host.collectors.collector import NotLooked
from checks.process.asked import NotAsked
from checks.telephony.audio import sound_file
from checks.telephony.sip.message import NotSip
from monitor.service.control_protocol import Malformed
from tests.fuzz import calls, host, network, web, words
from tests.fuzz.target import Read, Target

_WINGS = ("checks/", "monitor/", "lab/")


def _target(
    name: str, read: Read, reads: str, known: tuple[bytes, ...], *answers: type[Exception]
) -> Target:
    """`reads`: files, below checks/ where no wing is named."""
    files = (one if one.startswith(_WINGS) else f"checks/{one}" for one in reads.split())
    return Target(name, read, answers, tuple(files), known)


_OF_WEBSOCKET = (WebSocketException, EOFError, UnicodeDecodeError)
_DESKS = "monitor/desks/"
_SIP, _HTTP, _KEPT = "telephony/sip/", "transport/http/", "data/backup/store/manifest.py"
_ARCHIVE = " ".join(
    f"data/backup/engines/postgresql/{name}.py" for name in ("withheld", "roles", "content")
)
_TAR = "data/backup/tar_extraction.py data/backup/engines/directory.py"
_LOOK = "host/look_service.py process/asked.py"
_MASK = (
    "masking.py json_texts.py spellings.py secret_forms.py secret_places.py search_effort.py"
    " coded_runs.py coded_signs.py taken_out.py"
)
_PLUGIN = "plugin_service.py process/asked.py"
_CDR = "data/usage/text_reader.py data/usage/records_to_legs.py"
# Name, what reads, the files whose reading it is, words of theirs, and their clear answers.
# fmt: off
_TARGETS = (
    _target("sip", calls.sip, f"{_SIP}message.py {_SIP}digest.py", words.SIP, NotSip),
    _target("sip-log", calls.sip_log, f"{_SIP}ladder.py {_SIP}malformed.py", words.LOG),
    _target("sdp", calls.session, f"{_SIP}sdp.py webrtc/browser/sdp_answer.py", words.SDP),
    _target("forgiven-sdp", calls.forgiven_session, f"{_SIP}forgiven_sdp.py", words.SDP),
    _target("rtcp", calls.rtcp, "telephony/phone/rtcp_xr.py", ()),
    _target("dtmf", calls.rtp, "lab/pbx/rtp.py", ()),
    _target("snmp", calls.snmp, "telephony/gateway/snmp.py", (), *calls.ANSWERS_OF_SNMP),
    _target("ami", calls.manager, "telephony/asterisk/ami.py", words.AMI, Failed, CannotTell),
    _target("dns", network.dns, "network/dns_reader.py network/dns_records.py", ()),
    _target("sntp", network.time, "host/sntp.py", (), Failed),
    _target("smtp", network.smtp, "network/smtp.py network/starttls.py", words.MAIL, Failed),
    _target("upsd", network.upsd, "host/ups_protocol.py", words.UPSD, Failed, CannotTell),
    _target("imap", network.imap, "network/imap.py", words.MAIL, Failed),
    _target("replies", network.reply_by_mail, f"{_DESKS}received_mail.py {_DESKS}automatic_mail.py"
            f" {_DESKS}authentication_results.py monitor/verbs/replying.py", words.LETTER),
    _target("http", web.http, f"{_HTTP}http1.py {_HTTP}forgiving.py", words.HTTP, Failed),
    _target("http2", web.http_2, f"{_HTTP}http2.py", words.HTTP, Failed),
    _target("chunks", web.chunks, f"{_HTTP}framing.py", words.CHUNKS),
    _target("coding", web.coding, f"{_HTTP}content_coding.py", words.CODINGS, Failed),
    _target("redirects", web.redirects, f"{_HTTP}redirects.py", words.URLS, Failed),
    _target("cookies", web.cookies, f"{_HTTP}cookies.py", words.HTTP),
    _target("letters", web.letters, f"{_HTTP}letters.py", words.LETTERS),
    _target("websocket", web.websocket, "transport/websocket.py", words.FRAMES, *_OF_WEBSOCKET),
    _target("html", web.html, "web/steps/html_page.py", words.HTML),
    _target("json", web.json, "web/expected.py web/strict_json.py", words.JSON, Failed),
    _target("cdr", host.records_of("asterisk"), _CDR, words.ROWS, SourceFault),
    _target("cdr-freeswitch", host.records_of("freeswitch"), _CDR, words.ROWS, SourceFault),
    _target("queue-log", host.queue_log, "data/usage/queue_log.py", words.QUEUE, SourceFault),
    _target("log-ins", host.log_in_log, "host/collectors/log_ins.py", words.SSHD, NotLooked),
    _target("log-in-records", host.log_in_records, "host/collectors/log_ins.py", (), NotLooked),
    _target("keys", host.key_files, "host/collectors/accounts.py", words.KEYS, NotLooked),
    _target("sip-abuse", host.telephone_log, "host/collectors/sip_abuse.py", words.SCANS),
    _target("plugin", host.plugin, "plugin.py perfdata.py", words.DATA),
    _target("manifest", host.manifest, _KEPT, words.MANIFEST, Failed, Unreadable),
    _target("proof", host.proof, _KEPT, words.MANIFEST, Failed, Unreadable),
    _target("archive", host.archive, _ARCHIVE, words.ARCHIVE, NotRoles),
    _target("tar", host.tar, _TAR, words.TAR, tarfile.TarError, OSError, Failed),
    _target("tar-stream", host.tar_stream, _TAR, words.TAR, tarfile.TarError, OSError),
    _target("recording", host.recording, "telephony/audio/sound_file.py", words.WAV,
            sound_file.Unreadable, CannotTell),
    _target("control", host.control, "monitor/service/control_protocol.py", words.JSON, Malformed),
    _target("page-cookie", host.page_cookie, "monitor/page/sessions.py", words.COOKIES),
    _target("glance", web.glance, "monitor/page/neighbours.py", words.JSON),
    _target("push", web.push, "monitor/page/hooks.py", words.JSON, ValueError),
    _target("mask", web.masked, _MASK, words.SPELLED),
    _target("look-job", host.look_job, _LOOK, words.JSON, NotAsked),
    _target("plugin-job", host.plugin_job, _PLUGIN, words.JSON, NotAsked),
)
# fmt: on
TARGETS: Mapping[str, Target] = MappingProxyType({one.name: one for one in _TARGETS})
