"""The words of the verbs about the ledger itself; a part of command_line.py."""

from __future__ import annotations

from typing import Any

from monitor.ticket_words import Verb


def keeping(verbs: Any, verb_of: Verb) -> None:
    ledger = verbs.add_parser("ledger", help="what the monitor keeps: how large it is, and whole")
    actions = ledger.add_subparsers(title="actions", metavar="ACTION", required=True)
    verb_of(actions, "size", "ledgers.size", "what grows, and how long the disk lasts")
    verb_of(actions, "verify", "ledgers.verify", "was anything changed in it, or taken away?")
    move = verb_of(actions, "move", "ledger_move.move", "carry it over to a PostgreSQL database")
    init = verb_of(actions, "init", "ledger_init.init", "make it there, and say who may do what")
    roles = "grant rights to probe hosts, each with a role of its own, and to a reader"
    init.add_argument("--roles", action="store_true", help=roles)
    init.add_argument(
        "--probe",
        action="append",
        default=[],
        metavar="HOST[=SITE,...]",
        help="a probe host, and its sites",
    )
    init.add_argument("--print", action="store_true", help="print the SQL, and grant nothing")
    where = "postgresql://USER@HOST/DATABASE; else [ledger] url"
    password = "its password: the first line of a file"  # noqa: S105 - the help of an option
    for verb in (move, init):
        verb.add_argument("--to", default="", metavar="URL", help=where)
        verb.add_argument("--password-file", default="", metavar="FILE", help=password)
