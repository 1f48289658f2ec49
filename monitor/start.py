"""Where the command `reveille` begins: is this the house it was built as? Then the command line
takes over.

The four packages `checks`, `reports`, `monitor` and `lab` have everyday names. PyPI has strangers
of the same names, and an environment that holds both runs a mixture of the two: whichever was
installed last owns the files. So each package bears a mark in its `__init__.py`, and all four must
lie beside each other.

Rule: nothing of the house is imported before that is seen (an import of a stranger's module is a
traceback, or worse), and nothing slow is asked: no list of what is installed, four small files
instead. It costs less than a millisecond.
"""

from __future__ import annotations

import gc
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("checks", "monitor", "reports", "lab")
# Begins a line of each package's own `__init__.py`; a stranger's file over ours has none.
MARK = "# reveille-monitor: "
HOUSE = Path(__file__).resolve().parents[1]
REMEDY = "Give reveille-monitor a virtual environment of its own (docs/install.md)"


def main() -> int:
    """The exit code: the verb's, or 2 where the environment is a mixture."""
    if wrong := mixture():
        sys.stderr.write(f"reveille: {wrong}. {REMEDY}.\n")
        return 2
    # What is imported stays for as long as the program runs. Python's collector of cycles would go
    # through it a dozen times while it is read: a fifth of what `reveille --version` costs.
    gc.disable()
    from monitor.cli import main as command_line

    gc.freeze()
    gc.enable()
    return command_line()


def mixture(house: Path = HOUSE) -> str | None:
    """What is wrong with the first package that is not ours, in words; None where all four are."""
    return next(filter(None, (_stranger(package, house) for package in PACKAGES)), None)


def _stranger(package: str, house: Path) -> str | None:
    expected = house / package / "__init__.py"
    found = _found(package)
    if found is None:
        return f"the package {package!r} is missing from {house}"
    if found.resolve() != expected:
        return f"the package {package!r} would come from {found.parent}, and not from {house}"
    # A stranger's file may be in any encoding: what matters is one line in ASCII.
    if not any(
        line.startswith(MARK)
        for line in found.read_text(encoding="utf-8", errors="replace").splitlines()
    ):
        return f"{found} belongs to another distribution, which was installed over reveille-monitor"
    return None


def _found(package: str) -> Path | None:
    """The file that an import of it would run; of a module that is no package, that module."""
    spec: ModuleSpec | None = find_spec(package)
    return Path(spec.origin) if spec and spec.origin else None


if __name__ == "__main__":
    sys.exit(main())
