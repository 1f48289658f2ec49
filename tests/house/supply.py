"""What Reveille is made of beside its own source: the packages of locks/, with their hashes, their
licences and known vulnerabilities. `./reveille supply` tells them and writes the bill of materials.

Rule: a licence is what the package itself says in its metadata. Where it says nothing, _UNSAID has
it, with the place where it was read.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from license_expression import get_spdx_licensing
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import ROOT

LOCKS = ROOT / "locks"
BILL = ROOT / "dist" / "reveille.cdx.json"
OFFLINE = 3
"""exit code of `./reveille supply` when nobody could be asked about vulnerabilities"""

# What may go into a work under GPL-3.0-or-later: https://www.gnu.org/licenses/license-list.html,
# "GPL-Compatible Free Software Licenses". GPL-2.0-only and Apache-1.1 would not be.
COMPATIBLE = (
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0"),
    *("GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"),
    *("MIT-CMU", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib"),
)
_UNSAID = {
    "axe-playwright-python": "MIT AND MPL-2.0",  # its LICENSE, and the head of its axe.min.js
    "jinja2": "BSD-3-Clause",  # its LICENSE.txt
    "pjsua2-python": "GPL-2.0-or-later",  # none in it; pjproject's own COPYING and README
    "pyrage": "MIT",  # its repository's LICENSE
    "pysnmp": "BSD-2-Clause",  # its LICENSE.rst
    "webencodings": "BSD-3-Clause",  # its LICENSE
}
# Older metadata have no SPDX expression (PEP 639), but words or a classifier.
_WORDS = {
    "apache 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "python software foundation license": "PSF-2.0",
}


_LICENSES = get_spdx_licensing()


@dataclass(frozen=True, slots=True)
class Package:
    """One package of a lock."""

    name: str
    version: str
    requirement: Requirement
    hashes: tuple[str, ...]


def locked(lock: str) -> list[Package]:
    """The packages of a lock file. Raises OSError, ValueError."""
    text = (LOCKS / f"{lock}.txt").read_text(encoding="utf-8")
    return list(_packages(text.replace("\\\n", " ").splitlines()))


def _packages(lines: list[str]) -> Iterator[Package]:
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        written, *hashes = re.split(r"\s+--hash=", line.strip())
        requirement = Requirement(written)
        pins = [one.version for one in requirement.specifier if one.operator == "=="]
        if len(pins) != 1:
            raise ValueError(f"{written} is not pinned to one version")
        name = canonicalize_name(requirement.name)
        yield Package(name, pins[0], requirement, tuple(hashes))


def licence(name: str) -> str | None:
    """The SPDX expression of an installed package; None where it is not here. Raises ValueError for
    words that are no licence known here."""
    if known := _UNSAID.get(name):
        return known
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return None
    if "License-Expression" in said:
        return str(said["License-Expression"])
    classifiers = [
        line.split(" :: ")[-1]
        for line in said.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    words_said = [said["License"]] if "License" in said else []
    for words in (*words_said, *classifiers):
        if words in COMPATIBLE:
            return str(words)
        if found := _WORDS.get(words.strip().lower()):
            return found
    raise ValueError(f"{name} says its licence in words unknown here: {classifiers}")


def compatible(expression: str) -> bool:
    """Whether every part of an SPDX expression, or one of its alternatives, is compatible."""

    def holds(part: Any) -> bool:
        if isinstance(part, _LICENSES.AND):
            return all(map(holds, part.args))
        if isinstance(part, _LICENSES.OR):
            return any(map(holds, part.args))
        return part is not None and str(part) in COMPATIBLE

    return holds(_LICENSES.parse(expression))


def bill(packages: list[Package], licences: Mapping[str, str]) -> str:
    """The bill of materials in CycloneDX 1.6, as JSON."""
    of = LicenseFactory()
    house = Component(
        name="reveille-monitor",
        type=ComponentType.APPLICATION,
        licenses=[of.make_from_string("GPL-3.0-or-later")],
    )
    bom = Bom(components=[_component(one, licences.get(one.name), of) for one in packages])
    bom.metadata.component = house
    bom.register_dependency(house, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _component(package: Package, expression: str | None, of: LicenseFactory) -> Component:
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        purl=PackageURL("pypi", None, package.name, package.version),
        licenses=[of.make_from_string(expression)] if expression else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one.removeprefix("sha256:"))
                for one in package.hashes],
    )  # fmt: skip


def vulnerabilities(lock: Path) -> int:
    """Ask the package index what it knows of each package, and say it. 0 none known, 1 some known,
    OFFLINE nobody answered for each of them."""
    command = (sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-f", "json")
    asked = subprocess.run(
        [*command, "--vulnerability-service", "pypi", "--progress-spinner", "off", "-r", str(lock)],
        capture_output=True,
        text=True,
        check=False,
    )
    return judged(lock.name, asked.stdout, asked.stderr)


def judged(lock: str, answer: str, complaint: str) -> int:
    """Say what pip-audit has found out, and what it has not; the exit code. It calls a package that
    the index did not answer for "skipped", and says at the same time that nothing was found."""
    packages = json.loads(answer)["dependencies"] if answer.strip() else []
    found = [f"{one['name']} {one['version']}: {flaw['id']}, mended in {flaw['fix_versions']}"
             for one in packages for flaw in one.get("vulns", ())]  # fmt: skip
    unasked = [one["name"] for one in packages if "skip_reason" in one]
    for line in found:
        print(f"VULNERABLE: {line}")
    if unasked or not packages:
        why = complaint.strip().rpartition("\n")[2][:300]
        # Of what nobody was asked for, pip-audit says this too.
        why = "" if why.startswith("No known vulnerabilities") else f". {why}"
        print(f"OFFLINE: nobody answered for {', '.join(unasked) or 'any package'} of {lock}{why}")
        print("They are NOT CHECKED for known vulnerabilities.")
    print(f"{lock}: {len(packages) - len(unasked)} checked, {len(found)} vulnerabilities known")
    return 1 if found else OFFLINE if unasked or not packages else 0


def main() -> int:
    """Tell of all locks. The exit code: 0; 1 for a vulnerability or a licence; 3 offline."""
    packages = {(one.name, one.version): one for lock in ("lab", "engine") for one in locked(lock)}
    licences = {name: found for name, _ in packages if (found := licence(name))}
    for name, version in sorted(packages):
        print(f"{name:28} {version:14} {licences.get(name, 'not installed under this Python')}")
    BILL.parent.mkdir(exist_ok=True)
    BILL.write_text(bill(list(packages.values()), licences) + "\n", encoding="utf-8")
    print(f"\n{len(packages)} packages; the bill of materials is {BILL.relative_to(ROOT)}\n")
    codes = [vulnerabilities(LOCKS / f"{lock}.txt") for lock in ("test", "engine")]
    wrong = [name for name, found in licences.items() if not compatible(found)]
    if wrong:
        print(f"not compatible with GPL-3.0-or-later: {', '.join(wrong)}")
    return 1 if wrong or 1 in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main())
