"""A report's pictures and its printed form: each made by a child process, so that neither Pillow
nor a browser is ever in the daemon.

Rule: a report is worth more than its pictures. Whatever goes wrong in drawing is logged, and the
report goes without.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from checks.process.parent import Program, answered, inherited, python
from checks.web.browser.executable import find
from reports.charts import charts_of
from reports.morning_report import Audit
from reports.render import Mail, render_audit

log = logging.getLogger(__name__)

# Ten times what a report of a hundred checks takes on one core of a small server.
_DRAW_SECONDS, _PRINT_SECONDS = 30.0, 60.0

# The page is ours, stands by itself and asks for nothing. (Scripts cannot be forbidden as well: the
# browser prints by one of its own.)
_PAGE_ALONE = ("--host-resolver-rules=MAP * ~NOTFOUND",)
# Neither namespaces nor a compiler that writes what it runs, nor a process of its own for graphics,
# which would want both (seen with Chromium 156 under the unit).
_WITHIN_WALLS = (
    *("--no-sandbox", "--no-zygote", "--in-process-gpu", "--js-flags=--jitless"),
    *_PAGE_ALONE,
)


class NotPrinted(Exception):
    """There is no PDF; its text says why."""


async def pictures_of(audit: Audit) -> dict[str, bytes]:
    """PNGs by name; none where drawing failed."""
    charts = charts_of(audit)
    if not charts:
        return {}
    asked = json.dumps([chart.to_dict() for chart in charts]).encode()
    try:
        said = await _child(python("reports.chart_drawing"), _DRAW_SECONDS, asked)
        return {name: base64.b64decode(picture) for name, picture in json.loads(said).items()}
    except (OSError, ValueError, TimeoutError) as problem:
        log.warning("action=not_drawn report=%d %s", audit.number, problem)
        return {}


def standalone(audit: Audit, pictures: Mapping[str, bytes]) -> Mail:
    """The report as one page that needs nothing from anywhere."""
    sources = {
        name: f"data:image/png;base64,{base64.b64encode(png).decode()}"
        for name, png in pictures.items()
    }
    return render_audit(audit, sources)


async def printed(audit: Audit) -> bytes:
    """The report as PDF, by a headless browser. Raises NotPrinted."""
    browser = find(None)
    if browser is None:
        raise NotPrinted(
            "a PDF is printed by a browser, and none is installed: apt-get install"
            " chromium-headless-shell"
        )
    page = standalone(audit, await pictures_of(audit)).html
    with tempfile.TemporaryDirectory(prefix="reveille-print-") as scratch:
        folder = Path(scratch)
        source, target = folder / "report.html", folder / "report.pdf"
        source.write_text(page, encoding="utf-8")
        options = (
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--user-data-dir={folder / 'profile'}",
            f"--print-to-pdf={target}",
            source.as_uri(),
        )
        wrong = ""
        for walls in _ways():
            try:
                command = (str(browser), *walls, *options)
                await _child(Program(command, inherited("HOME")), _PRINT_SECONDS)
                return target.read_bytes()
            except (OSError, ValueError, TimeoutError) as problem:
                # The end of a long complaint says what was wrong; its beginning is the browser's
                # warnings.
                wrong = f"{Path(browser).name} printed nothing: {str(problem)[-300:]}"
        raise NotPrinted(wrong)


def _ways() -> list[tuple[str, ...]]:
    """How a browser is held while it prints: by its own sandbox; as root it starts in no other way
    than without. So it is within the walls of the service, which allow no namespaces and no memory
    that is written and then run (systemd/reveille.service): there those walls hold it.
    """
    if os.geteuid() == 0:
        return [("--no-sandbox", *_PAGE_ALONE)]
    return [(), _WITHIN_WALLS] if _is_walled() else [()]


def _is_walled() -> bool:
    """Whether this process lives under a filter of system calls (proc_pid_status(5): Seccomp)."""
    try:
        return "\nSeccomp:\t2\n" in Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return False


async def _child(program: Program, seconds: float, asked: bytes = b"") -> bytes:
    """What a child says. Raises OSError, ValueError where it failed, TimeoutError."""
    answer = await answered(program, asked, seconds)
    if answer.status:
        raise ValueError(answer.complaint[-300:] or f"it ended with {answer.status}")
    return answer.output
