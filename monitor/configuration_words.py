"""The words of the verbs that a configuration is begun, checked, explained and extended with: a
part of command_line.py.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

Verb = Callable[[Any, str, str, str], ArgumentParser]
"""adds a verb: the verbs, its word, its function, what it is about"""


def configuring(verbs: Any, verb: Verb) -> None:
    """init, check-config, desks, reference."""
    init = verb(verbs, "init", "beginning.init", "write a small configuration to begin with")
    for option, metavar, about in (
        ("site", "NAME", "the site's name"),
        ("zone", "ZONE", "its time zone, as in Asia/Kolkata"),
        ("region", "REGION", "its region, if the policy has any"),
        ("policy", "POLICY", "the support policy, by name or path"),
        ("relay", "HOST[:PORT]", "the mail server that takes our mails"),
        ("sender", "MAIL", "the address that mails come from"),
    ):
        init.add_argument(f"--{option}", default="", metavar=metavar, help=about)
    init.add_argument(
        "--to", action="append", metavar="[ROLE=]MAIL", help="who is told; several by repeating it"
    )
    init.add_argument("--from-lab", default="", metavar="FOLDER", help="to watch a lab of yours")
    init.add_argument(
        "--everything", action="store_true", help="every section and kind there is, explained"
    )
    check = verb(
        verbs, "check-config", "checking.check_config", "say every fault of the configuration"
    )
    check.add_argument(
        "--diff",
        nargs="?",
        const="",
        metavar="FILE",
        help="what it would change: of the running configuration, or of another file",
    )
    check.add_argument(
        "--try", dest="try_", action="store_true", help="open each thing that it names, once"
    )
    desks = verb(verbs, "desks", "desk_trials.desks", "the desks that tickets go to")
    trials = desks.add_subparsers(title="actions", metavar="ACTION", dest="action")
    test = verb(trials, "test", "desk_trials.test", "ask for account, queue, fields and rights")
    test.add_argument("name", help="the desk's name, as in [desks.NAME]")
    reference = verb(verbs, "reference", "configuring.reference", "print what may be configured")
    reference.add_argument(
        "kind", nargs="?", default="", help="of one kind of check or desk, or of one section"
    )
    reference.add_argument("--all", action="store_true", help="everything, as Markdown")
    reference.add_argument("--schema", action="store_true", help="as a JSON Schema, for editors")


def adding(verbs: Any, verb: Verb) -> None:
    """add, and what can be added."""
    add = verbs.add_parser("add", help="add something that is watched; it is tried before")
    things = add.add_subparsers(title="things", metavar="THING", required=True)
    portal = verb(things, "portal", "adding.portal", "a page that is fetched")
    portal.add_argument("url", help="its address")
    portal.add_argument("--every", default="", metavar="DURATION", help="how often (default 5m)")
    portal.add_argument("--component", default="", help="what it stands for, in the policy's words")
    portal.add_argument(
        "--contains", action="append", metavar="TEXT", help="a text that the page must have"
    )
    number = verb(things, "number", "adding.number", "a number that is called twice a day")
    number.add_argument("to", metavar="NUMBER", help="the number, or a whole SIP address")
    number.add_argument("--line", default="", help="over this line of the file")
    number.add_argument("--registrar", default="", metavar="HOST", help="over a new line there")
    number.add_argument("--at", nargs="+", metavar="TIME", help="when (default 08:30 17:30)")
    database = verb(things, "database", "adding.database", "a database: its health, its backup")
    database.add_argument("database", help="its name; of SQLite its path")
    database.add_argument(
        "--engine", required=True, choices=("postgresql", "mariadb", "sqlite"), help="what it is"
    )
    database.add_argument("--host", default="", help="its server (default: the local socket)")
    database.add_argument("--port", type=int, help="the server's port")
    database.add_argument("--folder", default="", help="where its backups are kept")
    for thing in (number, database):
        thing.add_argument("--user", default="", help="the account")
        thing.add_argument(
            "--credential", default="", metavar="NAME", help="its password: systemd's"
        )
        thing.add_argument(
            "--environment", default="", metavar="NAME", help="its password: a variable"
        )
        thing.add_argument(
            "--password-file", default="", metavar="FILE", help="its password: a file"
        )
    for thing in (portal, number, database):
        thing.add_argument("--name", default="", help="how it is called (default: by its address)")
        thing.add_argument(
            "--anyway", action="store_true", help="write it though it does not open now"
        )
