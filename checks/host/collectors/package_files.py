"""Files against what others know of them: the package that brought them, and AIDE's database."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.delta import Codes, Delta
from checks.host.collectors.program import found as installed
from checks.host.collectors.program import run
from checks.host.collectors.tree_walk import owner_in, walk

_AIDE_CONFIGURATION, _AIDE_DATABASE = Path("/etc/aide/aide.conf"), Path("/var/lib/aide/aide.db")
# aide(1): below 14 the status is a set of bits: files were added, removed, changed.
_AIDE_ANSWERS = range(14)
# debsums(1): 2 for changed files; 1 and 255 speak of its own command line.
_DEBSUMS_ANSWERS = (0, 2)
# rpm counts what differs, up to 254.
_RPM_ANSWERS = range(255)


def packages(at: Look, delta: Delta) -> None:
    """What is not, bit for bit, what its package brought; configuration is what a site changes, and
    passed over.
    """
    root = Path(at.settings["root"])
    if shutil.which("rpm") and not delta.packages.known:
        strange = _by_rpm(at)
    elif not delta.packages.known:
        raise NotLooked("this host's package manager is not one that is known here")
    elif at.settings["all_packages"]:
        strange = _by_debsums(at)
    else:
        strange = _of_watched(at, delta, root)
    codes = Codes("foreign-file", "foreign-file")
    delta.compare("foreign", strange, codes, None, "file unlike its package's", usually_none=True)


def _of_watched(at: Look, delta: Delta, root: Path) -> dict[str, str]:
    diverted = _diverted(root)
    strange = {}
    for top in at.settings["watch"]:
        for path, known in walk(at, top):
            sum_of = delta.packages.sums.get(path)
            if (
                sum_of is None
                # dpkg lists configuration files with the sum that they came with: the administrator
                # is meant to change them.
                or path.startswith("/etc/")
                or path in diverted
                or not stat.S_ISREG(known.st_mode)
            ):
                continue
            digest = delta.packages.digest(path)
            if digest is not None and digest != sum_of[1]:
                strange[path] = f"{digest} of package {sum_of[0]}"
    return strange


def _by_debsums(at: Look) -> dict[str, str]:
    command = ["debsums", "--changed", f"--root={at.settings['root']}"]
    done = run(command, at.left(), answers=_DEBSUMS_ANSWERS)
    names = [line.strip() for line in done.output.splitlines() if line.startswith("/")]
    return dict.fromkeys(names, "changed, says debsums")


def _by_rpm(at: Look) -> dict[str, str]:
    done = run(
        ["rpm", "-Va", "--noconfig", "--nomtime", "--nocaps", f"--root={at.settings['root']}"],
        at.left(),
        answers=_RPM_ANSWERS,
    )
    if done.status and not done.output.strip():
        raise NotLooked(f"rpm gave no answer (status {done.status}): {done.complaints.strip()}")
    # rpm(8), VERIFY OPTIONS: 5 in the third column is the digest; a letter before the path is the
    # kind of file.
    changed = re.findall(r"^(?=[^\s5]*+5)(\S++)\s++(?:[cdglr] )?\s*+(/.+)$", done.output, re.M)
    return {path: f"{how}, says rpm" for how, path in changed}


def _diverted(root: Path) -> set[str]:
    """What the administrator or another package has put aside (dpkg-divert), and what took its
    place.
    """
    file = root / "var/lib/dpkg/diversions"
    lines = (
        file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    )
    return {line for line in lines if line.startswith("/")}


def aide(at: Look, delta: Delta) -> None:
    """AIDE's own check against its own database."""
    installed("aide")
    chosen = at.settings["aide_configuration"]
    if chosen is None and (at.settings["root"] != "/" or not _AIDE_DATABASE.exists()):
        raise NotLooked("AIDE has no database here (aideinit makes one)", missing=True)
    command = [
        "aide",
        f"--config={chosen or _AIDE_CONFIGURATION}",
        "--before",
        "report_format=json",
        "--check",
    ]
    done = run(command, at.left(), answers=_AIDE_ANSWERS)
    report = _report(done.output)
    differing = {
        _known(at, path): how
        for how in ("added", "removed", "changed")
        for path in report.get(how, {})
    }  # fmt: skip
    delta.compare(
        "aide",
        differing,
        Codes("aide-differs", "aide-differs"),
        lambda path, before: delta.packages.explains(path, owner_in(before)),
        "difference, says AIDE",
        usually_none=True,
    )


def _known(at: Look, path: str) -> str:
    """A path as the host knows it."""
    root = at.settings["root"].rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _report(output: str) -> Mapping[str, Any]:
    try:
        report = json.loads(output)
    except ValueError:
        raise NotLooked("AIDE gave no JSON (version 0.18 or newer is needed)") from None
    return report if isinstance(report, dict) else {}
