"""`python -m lab FOLDER [--break FAULT]...`: a lab in the foreground, until Ctrl-C. `--list` names
the faults.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from lab import FAULTS, UnknownFault, run


def main() -> int:
    """The exit code: 0, or 2 for a fault that does not exist."""
    parser = argparse.ArgumentParser(
        prog="python -m lab", description="A contact centre to practise on."
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("lab-state"), help="where it keeps its things"
    )
    parser.add_argument(
        "--break", dest="faults", action="append", default=[], metavar="FAULT", help="break it so"
    )
    parser.add_argument("--list", action="store_true", help="name the faults there are")
    given = parser.parse_args()
    if given.list:
        sys.stdout.writelines(f"{name:26} {text}\n" for name, text in FAULTS.items())
        return 0
    try:
        # Flushed line by line: whoever reads a pipe waits for the addresses.
        run(given.folder, given.faults, partial(print, flush=True))
    except UnknownFault as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
