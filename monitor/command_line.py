"""The parser of the command line: every verb with its words, one thin line each.

An unknown word is answered with the nearest one. The manual page and the completions of shells are
made from it: `python -m tests.house.shipped --write`.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from monitor import configuration_words, ledger_words, ticket_words
from monitor.command_words import OLD_WORDS, Parser, Version

# Where the FHS has the configuration of a program, and where the Debian package puts one.
DEFAULT = "/etc/reveille/reveille.toml"
# Modules of verbs that are of no site, or of all of them together; `init` asks for the name of one.
_OF_NO_SITE = frozenset(
    {
        "beginning",
        "configuring",
        "image",
        "installing",
        "ledger_init",
        "ledger_move",
        "ledgers",
        "running",
    }
)


def parser(old_words: bool = False) -> argparse.ArgumentParser:
    """The whole command line; `old_words` are understood, and no help or completion has them."""
    parser = Parser(
        prog="reveille",
        description=(
            "Watches contact centres as a customer would, and opens one ticket that says why."
        ),
        epilog=(
            "`./reveille test` and `./reveille bench NAME` are the launcher's own, for development."
        ),
    )
    parser.add_argument("--version", action=Version, help="print the version")
    _common(parser, top=True)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="word")
    parser.set_defaults(verb="", word="")
    configuration_words.configuring(verbs, _verb)
    configuration_words.adding(verbs, _verb)
    _looking(verbs)
    ticket_words.ticketing(verbs, _verb)
    ticket_words.analysing(verbs, _verb)
    ticket_words.maintaining(verbs, _verb)
    ticket_words.checklisting(verbs, _verb)
    _reporting(verbs)
    _backing_up(verbs)
    ledger_words.keeping(verbs, _verb)
    _prompting(verbs)
    _running(verbs)
    _installing(verbs)
    asked = verbs.add_parser("help", help="print the help of a verb")
    asked.add_argument("about", nargs="*", metavar="VERB", help="as in `tickets ack`")
    if old_words:
        verbs.choices.update({old: verbs.choices[new] for old, new in OLD_WORDS.items()})
    return parser


def _common(parser: argparse.ArgumentParser, top: bool = False, of_site: bool = True) -> None:
    """--config, --site and --json may stand before the verb or after it."""
    # After the verb an option left out must not undo the one before it: SUPPRESS leaves the value
    # alone.
    standing: Any = _default_config() if top else argparse.SUPPRESS
    parser.add_argument(
        "--config", metavar="FILE", default=standing, help=f"the configuration (default {DEFAULT})"
    )
    if of_site:
        named: Any = "" if top else argparse.SUPPRESS
        about = "which site, where the configuration has several"
        parser.add_argument("--site", metavar="NAME", default=named, help=about)
    plain: Any = False if top else argparse.SUPPRESS
    parser.add_argument(
        "--json", action="store_true", default=plain, help="print data instead of a page"
    )


def _verb(verbs: Any, name: str, verb: str, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=about)
    _common(parser, of_site=verb.partition(".")[0] not in _OF_NO_SITE)
    parser.set_defaults(verb=verb)
    return parser


def _looking(verbs: Any) -> None:
    once = _verb(verbs, "once", "looking.once", "one attempt of one check, sending nothing")
    once.add_argument("name", help="the check's name")
    nagios = "one line with performance data, as a Nagios plugin"
    once.add_argument("--nagios", action="store_true", help=nagios)
    once.add_argument("--keep", action="store_true", help="keep the evidence, and say where it is")
    now = _verb(verbs, "run-now", "looking.run_now", "have the daemon run a check now")
    now.add_argument("name", help="the check's name")
    _verb(verbs, "status", "looking.status", "how everything stands")
    baseline = _verb(
        verbs, "baseline", "accepting.baseline", "take for right what a check saw last"
    )
    baseline.add_argument("name", help="the check's name")
    baseline.add_argument(
        "only", nargs="?", default="", metavar="PART", help="one part of what it proposes"
    )
    baseline.add_argument("--yes", action="store_true", help="without asking")
    baseline.add_argument("--by", default="", help=ticket_words.BY)
    audit = _verb(verbs, "audit", "auditing.audit", "the morning round now, or the report of a day")
    audit.add_argument(
        "--date", metavar="DAY", help="show the report that was made of a day, as in 2026-11-21"
    )
    audit.add_argument(
        "--send", action="store_true", help="keep the report and mail it, as at four in the morning"
    )
    explain = _verb(verbs, "explain", "explaining.explain", "what the policy makes of a failure")
    explain.add_argument("check", nargs="?", default="", help="the check that fails")
    for option in ("kind", "stage", "code", "component", "issue"):
        explain.add_argument(f"--{option}", default="", help=f"the {option}, in the policy's words")
    explain.add_argument("--layer", default="", help="the layer that fails (default: the stage's)")
    explain.add_argument("--lost", type=int, default=0, help="calls or agents lost, where counted")
    explain.add_argument("--of", type=int, default=0, help="of how many")
    explain.add_argument("--region", default="", help="as at a site of this region")
    explain.add_argument("--at", default="", metavar="TIME", help="opened then, in site time")
    simulate = _verb(
        verbs, "simulate", "simulating.simulate", "months of made-up incidents under a policy"
    )
    simulate.add_argument("--months", type=int, default=24, help="how many (24)")
    simulate.add_argument("--seed", type=int, default=1, help="other incidents for another number")
    simulate.add_argument("--all", action="store_true", help="every ticket: who is told, and when")
    replay = _verb(verbs, "replay", "simulating.replay", "the tickets so far, judged by a policy")
    for verb in (simulate, replay):
        verb.add_argument(
            "--policy", default="", help="a shipped policy, or a file; else the site's own"
        )


def _reporting(verbs: Any) -> None:
    report = _verb(verbs, "report", "reporting.list_reports", "the morning reports that were made")
    actions = report.add_subparsers(title="actions", metavar="ACTION", dest="action")
    listed = _verb(
        actions, "list", "reporting.list_reports", "all of them, and whether they arrived"
    )
    listed.add_argument("--limit", type=int, default=30, help="how many at most")
    for name, verb, about, forms in (
        (
            "show",
            "reporting.show_report",
            "one of them, as text, HTML or PDF",
            ("text", "html", "pdf"),
        ),
        ("send", "reporting.send_report", "mail one again", ("html", "pdf")),
    ):
        action = _verb(actions, name, verb, about)
        action.add_argument(
            "day",
            nargs="?",
            default="",
            help="its day, as in 2026-11-21, or its number; else the newest",
        )
        action.add_argument(
            "--format", choices=forms, default=forms[0], help="how (pdf is printed by a browser)"
        )
    action.add_argument(
        "--to", metavar="ADDRESS", nargs="+", help="to whom, instead of those who get it every day"
    )
    actions.choices["show"].add_argument("--to", metavar="FILE", help="the file to write")


def _backing_up(verbs: Any) -> None:
    backup = _verb(
        verbs, "backup", "backups.list_backups", "what there is to go back to, and the way back"
    )
    actions = backup.add_subparsers(title="actions", metavar="ACTION", dest="action")
    _verb(actions, "list", "backups.list_backups", "every backup, and when it was last proven")
    for name, verb, about in (
        ("drill", "backups.drill", "restore one into something throw-away and compare it"),
        ("restore", "backups.restore", "restore one beside the live one, prove it, change places"),
    ):
        action = _verb(actions, name, verb, about)
        action.add_argument(
            "name", nargs="?", default="", help="the check (needed where there are several)"
        )
        action.add_argument(
            "--at", metavar="DATE", help="the newest of this day (2026-11-22, UTC), or an id"
        )
    action.add_argument(
        "--to", metavar="PLACE", help="another database, file or folder than its own"
    )
    action.add_argument(
        "--overwrite", action="store_true", help="what is there is put aside; nothing is deleted"
    )
    action = _verb(
        actions,
        "image",
        "image.image",
        "a recovery image: configuration, ledger, newest proven backups",
    )
    action.add_argument("--to", metavar="FILE", help="the file to write; it must not be there")
    action.add_argument(
        "--recipient", metavar="KEY", action="append", help="an age public key to encrypt it to"
    )
    action.add_argument(
        "--with-secrets",
        action="store_true",
        help="the files of secrets, too; only together with --recipient",
    )
    action.add_argument(
        "--medium", action="store_true", help="as an ISO medium, with its HOW-TO beside it"
    )


def _prompting(verbs: Any) -> None:
    prompt = verbs.add_parser("prompt", help="the recordings that a call is held to")
    actions = prompt.add_subparsers(title="actions", metavar="ACTION", required=True)
    learn = _verb(actions, "learn", "prompts.learn", "record one from a real call")
    learn.add_argument("name", help="the file to write, as in welcome.wav")
    learn.add_argument(
        "--check", default="", help="call as this check does, up to where it hears NAME"
    )
    learn.add_argument("--to", default="", metavar="NUMBER", help="call this number")
    learn.add_argument("--line", default="", help="over this line, with --to")
    learn.add_argument(
        "--press",
        default="",
        metavar="DIGITS",
        help="with --to: press these before, after two seconds",
    )
    learn.add_argument(
        "--seconds", default="15s", metavar="DURATION", help="how long to record (default 15s)"
    )
    learn.add_argument(
        "--gap",
        default="2s",
        metavar="DURATION",
        help="the silence that ends a prompt (default 2s)",
    )
    learn.add_argument("--yes", action="store_true", help="replace one that is there")


def _running(verbs: Any) -> None:
    _verb(verbs, "run", "running.run", "the daemon, in the foreground")
    _verb(verbs, "failed", "running.failed", "mail the operators that the service has failed")
    lab = _verb(verbs, "lab", "running.lab", "a practice contact centre on 127.0.0.1")
    lab.add_argument("folder", nargs="?", help="where it keeps its mail and recordings")
    lab.add_argument(
        "--break",
        dest="break_",
        action="append",
        nargs="?",
        const="",
        metavar="FAULT",
        help="begin with a fault; without one, name those that there are",
    )
    lab.add_argument("--list", action="store_true", help="name the faults that there are")
    demo = _verb(
        verbs, "demo", "running.demo", "trouble and repair in a minute, told in a terminal"
    )
    demo.add_argument("--state", metavar="DIR", help="keep everything in this folder")
    for one in (lab, demo):
        one.add_argument(
            "--hosts",
            type=int,
            choices=range(2, 6),
            metavar="N",
            help="with so many hosts (2 to 5) on one ledger, by the PostgreSQL of this host",
        )


def _installing(verbs: Any) -> None:
    for name, about in (
        ("install", "lay it down as a service of this host, and start it (as root)"),
        ("upgrade", "put this program in the place of the installed one (as root)"),
        ("uninstall", "take the service away; configuration and tickets stay"),
    ):
        verb = _verb(verbs, name, f"installing.{name}", about)
        verb.add_argument("--dry-run", action="store_true", help="show each step, and take none")
        if name == "uninstall":
            verb.add_argument("--purge", action="store_true", help="configuration and tickets too")
            verb.add_argument("--yes", action="store_true", help="with --purge: without asking")
        else:
            verb.add_argument(
                "--within",
                default="2m",
                metavar="DURATION",
                help="how long it may take to become ready (default 2m)",
            )
    verbs.choices["install"].add_argument(
        "--administrator",
        action="append",
        metavar="USER",
        help="who may ask the daemon without being root",
    )


def _default_config() -> str:
    """$REVEILLE_CONFIG, else a reveille.toml that lies here, else the system's."""
    # A folder that one may not enter (`su` out of /root) has none for him; os.path is silent there.
    here = os.path.isfile("reveille.toml")  # noqa: PTH113 - pathlib raises
    return os.environ.get("REVEILLE_CONFIG") or ("reveille.toml" if here else DEFAULT)
