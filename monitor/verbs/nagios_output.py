"""One attempt as a Nagios plugin says it: a line of text, then performance data (Monitoring Plugins
guidelines).
"""

from __future__ import annotations

from monitor.core.verdict import Expectation
from monitor.incidents.correlation import AttemptResult
from monitor.incidents.fault_words import verdict_words
from monitor.terminal import harmless

# The four states of a plugin and their exit codes 0 to 3 (Monitoring Plugins guidelines).
_WORDS = {"OK": "OK", "DEGRADED": "WARNING", "FAILED": "CRITICAL", "UNKNOWN": "UNKNOWN"}
# Only these units are allowed in performance data; a measure without one of them is a plain number.
_UNITS = {"_seconds": "s", "_percent": "%", "_bytes": "B", "_ms": "ms"}


def plugin_line(seen: AttemptResult) -> str:
    """`SIP-CALL main-number OK - 12.1 s | answer_seconds=0.12s;;4`; the text never holds a bar or a
    line break.
    """
    text = verdict_words(seen.entry, seen.verdict) or f"{seen.observation.seconds:.2f} s"
    # A bar begins the performance data, and a line break would cut the status in two.
    said = " ".join(harmless(text).replace("|", "/").split())
    head = f"{seen.entry.probe.KIND.upper()} {seen.name} {_WORDS[seen.verdict.state]} - {said}"
    data = " ".join(
        _datum(seen, name, value) for name, value in sorted(seen.observation.measures.items())
    )
    return f"{head} | {data}" if data else head


def _datum(seen: AttemptResult, name: str, value: float) -> str:
    unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "")
    warn, critical = _range(seen.entry.warn, name), _range(seen.entry.expect, name)
    return f"{name}={value:.6g}{unit};{warn};{critical}".rstrip(";")


def _range(expected: tuple[Expectation, ...], name: str) -> str:
    # The guidelines' ranges: an alert is raised outside of `low:high`; `~` is minus infinity.
    """The range outside of which it alerts: `~:4` up to 4, `3.6:` from 3.6 on."""
    low = next(
        (f"{e.bound:g}" for e in expected if e.measure == name and e.comparison in (">", ">=")),
        None,
    )
    high = next(
        (f"{e.bound:g}" for e in expected if e.measure == name and e.comparison in ("<", "<=")),
        None,
    )
    if low is None:
        return f"~:{high}" if high is not None else ""
    return f"{low}:{high or ''}"
