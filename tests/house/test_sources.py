"""The manners of the source: names, lengths, docstrings, excuses, clocks, children, sleeps."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.source import ROOT, Module, files, modules, none
from tests.loopback.child_programs import PROGRAMS

# One process reads and parses the house once, for all of these.
pytestmark = pytest.mark.xdist_group("the house, read once")

EVERYTHING = ("checks", "monitor", "reports", "lab", "tests")
LONGEST_LINES = {"house": 310, "tests": 480}
LONGEST_FUNCTION_LINES = 60
FORBIDDEN_NAMES = {
    "util",
    "utils",
    "helper",
    "helpers",
    "manager",
    "managers",
    "handler",
    "handlers",
    "misc",
    "common",
}
CLOCKS = {
    "datetime.now",
    "datetime.datetime.now",
    "datetime.utcnow",
    "date.today",
    "time.time",
    "time.time_ns",
}

# Where a child process is the point, and why.
CHILDREN = {
    "monitor/verbs/editing.py": "the editor of whoever types: it has his terminal and his rights",
    "checks/process/parent.py": (
        "every child of the daemon: engines, drivers and heavy libraries stay out of it"
    ),
    "checks/process/guard.py": "it becomes the program by fork and execve",
    "checks/process/warm_child.py": "it is forked for each call, and loads nothing anew then",
    "checks/host/collectors/program.py": "systemctl, smartctl, clamscan and the like are programs",
    "checks/data/backup/engines/mariadb/throw_away_server.py": "a server to throw away",
    "checks/data/backup/engines/postgresql/cluster.py": "a server to throw away",
    "checks/data/backup/programs.py": "pg_dump and the like are programs",
    "checks/telephony/call/announcement_child.py": "espeak-ng speaks what is wrong",
    "checks/telephony/audio/sound_file.py": "sox reads what recorders write in forms of their own",
    "monitor/installing/program.py": "systemctl, useradd and journalctl are programs",
    "monitor/demo/daemon.py": "the demo watches the real daemon at work",
    "monitor/demo/several_hosts.py": "the demo of several hosts watches real daemons at work",
    "lab/own_server.py": "PostgreSQL is a server of its own, for the hosts of the lab",
    "lab/prompts/generate.py": "espeak-ng speaks the prompts, when they are made anew",
}
# What a child is given beyond PATH, LANG and TMPDIR, its job and three descriptors, and why.
GIVEN = {
    "checks/data/backup/run/parent.py": {
        "HOME",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    },  # .pgpass, and whom to trust
    "checks/data/backup/sandbox/outside.py": {"descriptors"},  # the filter of the sandbox's calls
    "checks/telephony/call/leg.py": {
        "HOME",
        "descriptors",
    },  # pjsua2 looks there; the socket that it is ordered by
    "checks/process/warm_parent.py": {"descriptors"},  # the socket that it is told to fork by
    "checks/web/browser/shared_browser.py": {
        "HOME",
        "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD",
        "descriptors",
    },  # its profile
    "monitor/evidence/far_store.py": {"SSL_CERT_FILE", "SSL_CERT_DIR"},  # whom rclone trusts
    "monitor/report_printing.py": {"HOME"},  # the printing browser's profile
}
# Who may write to standard output, and why.
VOICES = {
    "lab/__main__.py": "a command line",
    "monitor/terminal.py": "what every verb says goes through it",
    "reports/chart_drawing.py": "a child that draws, and hands its pictures back",
}


def test_every_module_says_on_top_what_it_is_for() -> None:
    none(module.path for module in modules(*EVERYTHING) if not ast.get_docstring(module.tree))


def test_files_are_short() -> None:
    """Split a longer one by idea. Tests may tell longer stories."""
    none(
        f"{module.path}: {lines} lines"
        for module in modules(*EVERYTHING)
        if (lines := module.text.count("\n"))
        > LONGEST_LINES["tests" if module.within("tests") else "house"]
    )


def test_functions_are_short() -> None:
    lengths = [found for module in modules(*EVERYTHING) for found in _functions(module)]
    none((name, lines) for name, lines in lengths if lines > LONGEST_FUNCTION_LINES)


def test_an_excuse_gives_its_reason() -> None:
    """`# noqa: CODE - why`, at least where a file first needs that code; `# type: ignore[code]`."""
    none(found for module in modules(*EVERYTHING) for found in _excuses_without_reason(module))


def test_no_fault_is_swallowed() -> None:
    """No bare except, no except that does nothing; suppressing everything needs its reason on the
    line.
    """
    none(found for module in modules(*EVERYTHING) for found in _swallowed(module))


def test_no_file_is_named_after_nothing() -> None:
    none(path for path in files() if FORBIDDEN_NAMES & set(re.split(r"[^a-z]+", path.lower())))


def test_a_class_is_not_named_after_nothing() -> None:
    nothing = re.compile(r"(Util|Utils|Helper|Handler|Misc)s?$|^(?!ServiceManager$).*Manager$")
    classes = [
        (m.path, n.name)
        for m in modules(*EVERYTHING)
        for n, _ in m.nodes
        if isinstance(n, ast.ClassDef)
    ]
    none(found for found in classes if nothing.search(found[1]))


def test_one_place_asks_what_time_it_is() -> None:
    asked = [
        f"{m.path}:{line} {name}" for m in modules() for name, line in m.calls() if name in CLOCKS
    ]
    none(found for found in asked if not found.startswith("monitor/clock.py:"))
    assert asked, "nobody asks for the time: has the clock moved?"


def test_children_are_started_where_a_child_is_the_point() -> None:
    parents = {
        module.path
        for module in modules()
        for name in [
            *(name for name, _ in module.calls()),
            *(found.name for found in module.imports()),
        ]
        if "create_subprocess" in name
        or name.split(".")[0] in {"subprocess", "multiprocessing"}
        or name == "os.fork"
    }
    assert parents == set(CHILDREN)


def test_a_child_is_given_what_stands_in_the_list_and_no_more() -> None:
    """Variables of the environment and descriptors; capabilities there are none to give."""
    given = {
        module.path: found
        for module in modules("checks", "monitor")
        if module.path != "checks/process/parent.py" and (found := _handed_over(module))
    }
    assert given == GIVEN


def test_every_child_program_is_killed_in_the_tests() -> None:
    """With its daemon, in each phase (tests/loopback/test_children.py); the guard is what is tested
    there, and what systemd starts is no child."""
    programs = {
        module.path.removesuffix(".py").replace("/", ".")
        for module in modules("checks", "reports")
        if '\nif __name__ == "__main__":' in module.text
    }
    # In the sandbox of a proof: the worker's own tools, which end with it.
    sandboxed = {"checks.data.backup.run.drill", "checks.data.backup.sandbox.no_programs"}
    started = "".join(path.read_text() for path in (ROOT / "systemd").glob("*@.service"))
    of_systemd = {program for program in programs if f"-m {program} " in started}
    assert len(of_systemd - sandboxed) == 3
    assert programs - {"checks.process.guard"} - sandboxed - of_systemd == set(PROGRAMS)


def test_only_a_command_line_speaks() -> None:
    speaking = {
        module.path
        for module in modules()
        if any(name == "print" or name.startswith("sys.stdout") for name, _ in module.calls())
    }
    assert speaking == set(VOICES)


def test_tests_wait_for_what_they_want_and_never_for_time() -> None:
    """A sleep is a step of a loop that asks, a turn of the event loop (sleep(0)), or says why on
    its line.
    """
    naps = [
        f"{module.path}:{node.lineno}"
        for module in modules("tests")
        for node in _outside_loops(module.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep", "sleep"}
        and ast.unparse(node.args[0]) != "0"
        and "  # " not in module.text.splitlines()[node.lineno - 1]
    ]  # fmt: skip
    none(naps)


def test_a_line_of_the_log_names_its_action() -> None:
    """`action=...` first: a filter of the journal on it loses nothing."""
    lines = [
        (f"{module.path}:{node.lineno}", node.args[0])
        for module in modules()
        for node, _ in module.nodes
        if isinstance(node, ast.Call)
        and re.fullmatch(
            r"_?log\.(debug|info|warning|error|exception|critical)", ast.unparse(node.func)
        )
    ]
    assert lines
    none(
        place
        for place, said in lines
        if not re.match(r"f?.action=[a-z_]+( |.$)", ast.unparse(said))
    )


def test_tests_take_the_port_they_are_given() -> None:
    """A fixed port is taken by somebody else some day; ports in texts (SIP, SDP) are no ports."""
    fixed = re.compile(r"""\((?:host=)?["']127\.0\.0\.1["'],\s*(?:port=)?[1-9]\d*\)""")
    bound = [
        f"{module.path}:{n}"
        for module in modules("tests", "lab")
        for n, line in enumerate(module.text.splitlines(), 1)
        if fixed.search(line) and "bind" in line
    ]
    none(bound)


def test_systemd_is_a_folder_and_not_a_package() -> None:
    """`systemd` is a module that others import."""
    none(path for path in files() if path.startswith("systemd/") and path.endswith(".py"))


def _handed_over(module: Module) -> set[str]:
    """Of the calls of checks/process/parent.py: what they name beyond the program."""
    found = set[str]()
    for node, _ in module.nodes:
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in {
            "python",
            "inherited",
            "started",
            "Program",
        }:
            continue
        named = [
            word
            for word in node.keywords
            if word.arg and (word.arg == "kept" or word.arg.isupper())
        ]
        found |= {word.arg or "" for word in node.keywords if word.arg == "descriptors"}
        found |= {word.arg or "" for word in named if word.arg != "kept"}
        texts = [word.value for word in named if word.arg == "kept"]
        texts += node.args if ast.unparse(node.func) == "inherited" else []
        found |= {
            str(one.value)
            for text in texts
            for one in ast.walk(text)
            if isinstance(one, ast.Constant)
        }
    return found


def _excuses_without_reason(module: Module) -> Iterator[str]:
    explained = set[str]()
    for line, comment in module.comments:
        excuse = re.match(r"# (?:noqa|type: ignore)\b", comment)
        codes = set(re.findall(r"[A-Z]+\d+|\[[a-z, -]+\]", comment.partition(" - ")[0]))
        if re.search(r" - \w|\[", comment):
            explained |= codes
        if excuse and not (codes and codes <= explained):
            yield f"{module.path}:{line}: {comment}"


def _functions(module: Module) -> Iterator[tuple[str, int]]:
    for node, _ in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module.path} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def _swallowed(module: Module) -> Iterator[str]:
    lines = module.text.splitlines()
    for node, _ in module.nodes:
        if isinstance(node, ast.ExceptHandler):
            silent = all(
                isinstance(step, ast.Pass) or ast.unparse(step) == "..." for step in node.body
            )
            guilty = node.type is None or silent
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            everything = not {"Exception", "BaseException"}.isdisjoint(map(ast.unparse, node.args))
            guilty = everything and "  # " not in lines[node.lineno - 1]
        else:
            continue
        if guilty:
            yield f"{module.path}:{node.lineno}: {lines[node.lineno - 1].strip()}"


def _outside_loops(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.While | ast.For | ast.AsyncFor):
            yield from _outside_loops(child)
