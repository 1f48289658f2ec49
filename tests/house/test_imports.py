"""Who imports whom. Checks see, monitor decides, reports tell: the wings know neither each other
nor the roof.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.source import ROOT, Import, Module, modules, none

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")

STRANGERS = {
    "checks": ("monitor", "reports", "lab", "tests"),
    "reports": ("monitor", "checks", "lab", "tests"),
    "lab": ("monitor", "reports", "tests"),
    "monitor": ("tests",),
}
# What would make a decision depend on anything but its arguments.
WORLDLY = (
    "asyncio", "glob", "http", "io", "logging", "multiprocessing", "os", "random",
    "secrets", "select", "shutil", "signal", "socket",
    "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
    "aiohttp", "aiosmtplib", "jinja2", "psutil", "schedule",
)  # fmt: skip
# What the core may import of the house: itself, what a check says, and two small grammars without a
# world.
PURE = ("checks.contract", "checks.trace", "checks.durations", "checks.ratio", "monitor.core")
# A library that one place alone knows.
ONLY_IN = {
    "jinja2": ("reports/render.py",),
    "sqlite3": ("monitor/ledger", "checks/data", "lab/records.py"),
    "schedule": ("monitor/scheduling/ticker.py",),
    "aiosmtplib": ("monitor/desks/smtp.py",),
    "aiohttp": ("lab", "monitor/page"),
    "prometheus_client": ("monitor/page/metrics.py",),
    "httptools": ("checks/transport/http",),
    "h2": ("checks/transport/http/http2.py",),
    "pjsua2": tuple(
        f"checks/telephony/phone/{name}.py"
        for name in (
            "callbacks",
            "call_control",
            "conference",
            "conference_leg",
            "sdp_reading",
            "unwanted_calls",
            "pjsua2_settings",
            "handset",
            "sound_bridge",
            "process",
        )
    ),
    "aiortc": ("checks/webrtc", "lab/webrtc_media.py"),
    "playwright": ("checks/web/browser", "checks/webrtc/browser"),
    "PIL": ("reports/chart_drawing.py",),
    "unittest.mock": (),
}


def all_imports(*folders: str) -> list[Import]:
    return [found for module in modules(*folders) for found in module.imports()]


@pytest.mark.parametrize("wing", STRANGERS)
def test_a_wing_does_not_know_its_strangers(wing: str) -> None:
    assert modules(wing)
    none(str(found) for found in all_imports(wing) if found.of(*STRANGERS[wing]))


def test_the_core_is_pure() -> None:
    core = [found for found in all_imports("monitor") if found.path.startswith("monitor/core/")]
    assert core
    house = ("checks", "monitor", "reports", "lab")
    none(found for found in core if found.of(*house) and not found.of(*PURE))
    none(found for found in core if found.of(*WORLDLY))


def test_the_daemon_knows_the_lab_only_when_it_is_asked_to_practise() -> None:
    """Imported within a function, or in the demo, which itself is imported within one."""
    practice = [
        found
        for found in all_imports("monitor")
        if found.of("lab", "monitor.demo") and not found.lazy
    ]
    none(found for found in practice if not found.path.startswith("monitor/demo/"))


@pytest.mark.parametrize("library", ONLY_IN)
def test_one_place_alone_knows_a_library(library: str) -> None:
    def at_home(module: Module) -> bool:
        return module.within(*ONLY_IN[library])

    none(
        f for module in modules() if not at_home(module) for f in module.imports() if f.of(library)
    )


def test_engines_live_in_child_processes_only() -> None:
    """Rule 9, seen in the real thing: what the daemon has loaded by the time it could run."""
    loaded = (
        "import sys; import monitor.service.daemon, monitor.cli, checks.kinds,"
        " monitor.desks.list;dict(checks.kinds.kinds()); monitor.desks.list.desk_kinds();away ="
        " {'pjsua2', 'numpy', 'aiortc', 'PIL', 'playwright', 'lab', 'aiosmtpd', 'aiohttp',"
        " 'h2'};print(sorted(away & set(sys.modules)))"
    )
    seen = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert seen.stderr == ""
    assert seen.stdout.strip() == "[]"
