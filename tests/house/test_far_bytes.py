"""No far end may hold the loop: every pattern of the house is linear, and every place that reads
what came stands in this table, with what bounds it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz.targets import TARGETS
from tests.house.patterns import Written, holds_up, patterns
from tests.house.source import ROOT, modules, none

HELD_SHORT: Mapping[str, str] = {
    "checks/host/collectors/sip_abuse.py: _LET_IN": "lines of 1 000 letters; in the child",
    "checks/host/collectors/sip_abuse.py: _REFUSED": "lines of 1 000 letters; in the child",
}
"""patterns that are not linear -> what bounds the text instead"""


def test_every_pattern_reads_in_linear_time() -> None:
    """Each is tried on what it repeats, repeated. `_ATTRIBUTE` took 17 s for one page, 1 of 11."""
    slow = {
        one.where: f"{one.pattern.pattern!r:.80} takes too long on {found}"
        for one in patterns(("checks", "monitor", "reports"))
        if (found := holds_up(one))
    }
    none(f"{where}: {why}" for where, why in slow.items() if where not in HELD_SHORT)
    none(f"HELD_SHORT names {known}, which is linear" for known in set(HELD_SHORT) - set(slow))


def test_the_trial_finds_what_it_is_for() -> None:
    import re

    for known in (
        r"([a-zA-Z][\w:-]*)\s*=\s*(?:\"([^\"]*)\"|([^\s>]+))",
        r"(a+)+$",
        r"(?:[^,]*;)?\s*cause",
        r"\s*-- end of packet",
        r"^(<p>)?(a|aa)+!",
    ):
        assert holds_up(Written("here", re.compile(known))), known
    for linear in (r"<[^<>]*>", r"(?<![\w-])(\w[\w-]*+)\s*+=", r"\d{1,9}:\d\d"):
        assert holds_up(Written("here", re.compile(linear))) is None, linear


READS = ("json.loads", "json.load", "html.unescape", "zlib.decompressobj", "zlib.decompress",
         "b64decode", "pickle.loads", "ElementTree.fromstring", "tomllib.loads")  # fmt: skip
BOUNDED: Mapping[str, str] = {
    "checks/data": "children of their own (backup, usage, hygiene), each with its limits",
    "checks/masking.py": "figures of our own, and what children of ours wrote within their limits",
    "checks/plugin_run.py": "a plugin's output in base64, of a line of at most 16 MB",
    "checks/host/collectors": "the looking process, with its limits",
    "checks/network/dns_reader.py": "a child's answer of ours; the far end's is read in the child",
    "checks/process/asked.py": "a job of at most 32 MB, read in the service that does it",
    "checks/process/channel.py": "orders of the daemon, read in a child",
    "checks/process/child.py": "the daemon's job, read in a child",
    "checks/process/events.py": "a line of a child of ours, at most 16 MB, as a rule 200 letters",
    "checks/telephony/audio": "the phone's own process",
    "checks/telephony/call": "lines of the phone's process and its exhibits",
    "checks/telephony/prompt_learning.py": "proposals of our own",
    "checks/trace.py": "through JSON and back, what a check remembers itself",
    "checks/transport/http/content_coding.py": "no more is unpacked than there is room for",
    "checks/transport/http/redirects.py": "one meta element of 2 500 letters",
    "checks/web/browser": "lines of the browser's process, at most a line of its channel",
    "checks/web/expected.py": "at most 256 kB in the loop; what is larger is read in a child",
    "checks/web/sandbox/child.py": "the child, under limits of CPU and memory",
    "checks/web/sandbox/pattern_child.py": "orders of the daemon, read in a child",
    "checks/web/sandbox/patterns.py": "a child's answer, at most 100 000 letters",
    "checks/web/sandbox/reader.py": "a child's answer, at most 1 MB",
    "checks/web/strict_json.py": "as checks/web/expected.py, which asks it; or in the child",
    "checks/web/steps/html_page.py": "linear, with no reference longer than a code point",
    "checks/webrtc": "lines of the call's own process",
    "monitor": "files, rows and letters of our own",
    "reports": "data of our own",
}
"""where something that came is taken apart -> what bounds its work in the loop"""


def test_every_place_that_takes_apart_what_came_is_in_the_table() -> None:
    places = {
        module.path
        for module in modules("checks", "monitor", "reports")
        if any(f"{call}(" in module.text for call in READS)
    }
    none(
        f"{path}: what bounds its work? Say it in BOUNDED"
        for path in sorted(places)
        if not any(_inside(path, known) for known in BOUNDED)
    )
    none(
        f"BOUNDED names {known}, where nothing is read"
        for known in BOUNDED
        if not any(_inside(path, known) for path in places)
    )


NOT_FUZZED: Mapping[str, str] = {
    "checks/data/backup/sandbox": "what the sandbox of our own says: no JSON, no object, are told",
    "checks/data/hygiene": "a journal of our own",
    "checks/host/collectors/disks.py": "what lsblk says of this host",
    "checks/host/collectors/kernel.py": "what journalctl says of this host, a line of JSON each",
    "checks/host/collectors/package_files.py": "what a package manager says of this host",
    "checks/host/collectors/queue_depth.py": "what postqueue says of this host",
    "checks/plugin_run.py": "what a unit of our own says of a plugin that it has run",
    "checks/process": "lines of the daemon and of its own children",
    "checks/telephony/audio/prompt_cutting.py": "proposals of our own",
    "checks/telephony/call": "lines of the phone's process",
    "checks/telephony/prompt_learning.py": "proposals of our own",
    "checks/trace.py": "what a check remembers itself",
    "checks/web/browser": "lines of the browser's process",
    "checks/web/sandbox": "orders of the daemon and answers of its child; strict_json is fuzzed",
    "checks/webrtc": "lines of the call's own process",
    "monitor/audit": "our own ledger",
    "monitor/config": "the administrator's configuration: tests/unit/test_config_mangled.py",
    "monitor/demo": "our own lab",
    "monitor/desks": "a helpdesk's JSON, by json.loads alone: no JSON is None",
    "monitor/evidence": "our own ledger",
    "monitor/ledger": "our own ledger",
    "monitor/lines": "our own files",
    "monitor/page/gate.py": "base64 whose errors are caught; words.COOKIES feeds what is within",
    "monitor/policies": "the administrator's policies",
    "monitor/report_printing.py": "what a child of our own drew",
    "monitor/scheduling/look_journal.py": "a journal of our own",
    "monitor/service/control_client.py": "what our own daemon answers",
    "monitor/service/heartbeat.py": "our own file",
    "monitor/service/page_process.py": "our own process",
    "monitor/verbs/which_site.py": "what verbs of our own printed",
    "reports": "data of our own",
}
"""where something that came is taken apart, and no target of fuzzing feeds it -> why not"""


def test_every_place_is_fuzzed_or_says_why_not() -> None:
    fuzzed = {read for target in TARGETS.values() for read in target.reads}
    places = {
        module.path
        for module in modules("checks", "monitor", "reports")
        if any(f"{call}(" in module.text for call in READS)
    }
    none(
        f"{path}: give it a target in tests/fuzz/targets.py, or a reason in NOT_FUZZED"
        for path in sorted(places)
        if not any(_inside(path, one) for one in (*fuzzed, *NOT_FUZZED))
    )
    none(f"tests/fuzz/targets.py names {one}" for one in fuzzed if not (ROOT / one).exists())
    none(
        f"NOT_FUZZED names {known}, where nothing is read"
        for known in NOT_FUZZED
        if not any(_inside(path, known) for path in places)
    )


def _inside(path: str, known: str) -> bool:
    return path == known or path.startswith(f"{known}/")
