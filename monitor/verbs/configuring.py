"""init, reference: how a configuration begins, and what may stand in it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from monitor import config
from monitor.terminal import complain, say, show_json
from monitor.verbs.opening import Stop
from monitor.verbs.refusal import in_words


def init(arguments: Namespace) -> int:
    """Write a commented configuration to begin with. 0; 2 when there is one already."""
    path = Path(arguments.config)
    try:
        config.write_sample(path)
    except FileExistsError:
        complain(f"{path} is there already; nothing was changed")
        return 2
    except OSError as error:
        raise Stop(in_words(error, "the new configuration")) from None
    except ValueError as broken:
        complain(f"{path} was not written: {broken}")
        return 2
    say(f"{path} is written; edit it, then: reveille --config {path} check-config")
    say("everybody here may read it, the service's own user too: name secrets, never write them")
    say("nobody is told before [[people]] says whom, and [desks.mail] through which mail server")
    return 0


def reference(arguments: Namespace) -> int:
    """Print what may be configured: as text, all of it or of one kind, or as a JSON Schema for
    editors.
    """
    if arguments.json or arguments.schema:
        show_json(config.json_schema())
    elif arguments.kind:
        try:
            say(config.reference_of(arguments.kind).rstrip("\n"))
        except LookupError as unknown:
            raise Stop(str(unknown.args[0])) from None
    else:
        say(config.whole_reference().rstrip("\n"))
    return 0
