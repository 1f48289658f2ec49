"""A tool that cannot answer: nothing is known, and the thing that it was asked about is not at
fault. The tools are the host's own, broken in a mount namespace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from checks.host.check import HostCheck
from checks.host.collectors.collector import NotLooked
from checks.host.collectors.program import PLACES, run
from checks.host.queue_depth import QueueDepth
from checks.host.services import HostServices
from checks.host.updates import HostUpdates
from tests.loopback.host_look import in_a_sandbox, of

PRIVATE = "mount --make-rprivate / && "
MUTE = PRIVATE + 'mount --bind /bin/false "$(command -v "$1")" && shift && exec "$@"'
"""the tool is there, says nothing and leaves with 1"""
BROKEN_PACKAGES = (
    PRIVATE + 'f=$(mktemp) && echo broken >"$f" && mount --bind "$f" /var/lib/dpkg/status && '
    'rm "$f" && exec "$@"'
)


def test_a_status_that_is_no_answer_is_not_looked_at_with_the_tool_s_own_words() -> None:
    with pytest.raises(NotLooked, match=r"sh gave no answer \(status 4\): no bus$") as why:
        run(["sh", "-c", "echo no bus >&2; exit 4"], 10)
    assert not why.value.missing
    with pytest.raises(NotLooked, match=r"sh gave no answer \(signal 9\)$"):
        run(["sh", "-c", "kill -9 $$"], 10, answers=range(256))
    with pytest.raises(NotLooked, match=r"false gave no answer .status 1.$"):
        run(["false"], 10)


_WITHOUT_RIGHT = """
import sys
from checks.host.collectors.collector import NotLooked
from checks.host.collectors.program import run
for says in sys.argv[1:]:
    try:
        run(["sh", "-c", f"echo postqueue: fatal: {says} >&2; exit 69"], 5)
    except NotLooked as why:
        print(why)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives a right away")
def test_a_tool_that_the_units_walls_bar_names_what_gives_the_right() -> None:
    """postqueue lists interfaces, and the daemon's unit has no netlink: nothing of the queue."""
    barred = (
        "getifaddrs: Address family not supported by protocol",
        "Connect to the Postfix showq service: Permission denied",
        "Operation not permitted",
    )
    less = ("setpriv", "--bounding-set", "-dac_read_search")
    done = subprocess.run(
        [*less, sys.executable, "-c", _WITHOUT_RIGHT, *barred, "mail system is down"],
        capture_output=True,
        text=True,
        check=True,
    )
    *walls, down = done.stdout.splitlines()
    assert len(walls) == len(barred)
    for words, said in zip(walls, barred, strict=True):
        assert words.startswith(
            "sh is not let within the walls of this service; `reveille install`"
        )
        assert said in words
    assert down == "sh gave no answer (status 69): postqueue: fatal: mail system is down"


def test_a_status_that_a_manual_calls_an_answer_is_one() -> None:
    done = run(["sh", "-c", "echo differs; exit 2"], 10, answers=(0, 2))
    assert (done.status, done.output) == (2, "differs\n")


@pytest.mark.parametrize(
    ("tool", "check", "words"),
    [
        ("systemctl", HostServices(units=("nginx",)), "nothing is known of the units"),
        ("systemctl", HostServices(units=(), any_failed=True), "systemctl gave no answer"),
        ("apt-get", HostUpdates(), "apt-get gave no answer"),
        ("postqueue", QueueDepth(mail="postfix"), "postqueue gave no answer"),
    ],
)
def test_a_mute_tool_is_no_fault_of_the_thing(tool: str, check: HostCheck, words: str) -> None:
    if shutil.which(tool, path=PLACES) is None:
        pytest.skip(f"{tool} is not installed")
    said = in_a_sandbox(check, MUTE, tool)
    assert of(said, "fault") == ""
    assert words in of(said, "blind", "warning")


def test_packages_that_cannot_be_counted_are_not_none() -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("apt-get is not installed")
    said = in_a_sandbox(HostUpdates(), BROKEN_PACKAGES)
    assert "not looked at: updates: apt-get gave no answer (status 100)" in of(said, "warning")
    assert "security_updates" not in of(said, "measure")
