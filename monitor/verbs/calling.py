"""One verb called, and what becomes of its refusals: a line that says why, and the exit code."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from checks.body import Unreadable
from monitor.config import ConfigurationFaults
from monitor.ledger import LedgerFault
from monitor.terminal import complain
from monitor.verbs.opening import Stop
from monitor.verbs.refusal import in_words


def called(verb: Callable[[Namespace], int], arguments: Namespace) -> int:
    """The exit code. Raises BrokenPipeError when nobody reads any more, and bugs."""
    try:
        return verb(arguments)
    except ConfigurationFaults as faults:
        complain(str(faults))
    except (Stop, LedgerFault, Unreadable) as stop:
        complain(f"reveille: {stop}")
    except BrokenPipeError:
        raise
    except OSError as problem:
        # What the file system refuses names its file; anything else is a fault of the program's.
        if problem.filename is None:
            raise
        complain(f"reveille: {in_words(problem)}")
    return 2
