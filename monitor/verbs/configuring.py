"""reference: what may stand in a configuration."""

from __future__ import annotations

from argparse import Namespace

from monitor import config
from monitor.terminal import columns, say, show_json
from monitor.verbs.opening import Stop


def reference(arguments: Namespace) -> int:
    """Print what may be configured: the list of kinds, one of them with an example, all of it
    (--all), or a JSON Schema for editors (--schema).
    """
    if arguments.json or arguments.schema:
        show_json(config.json_schema())
    elif arguments.kind:
        try:
            say(config.reference_of(arguments.kind, columns()).rstrip("\n"))
        except LookupError as unknown:
            raise Stop(str(unknown.args[0])) from None
    elif arguments.all:
        say(config.whole_reference().rstrip("\n"))
    else:
        say(config.index(columns()).rstrip("\n"))
    return 0
