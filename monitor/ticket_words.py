"""The words of the verbs that people do something with a ticket with: tickets, outbox, rca,
maintenance and checklist; a part of command_line.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Verb = Callable[[Any, str, str, str], argparse.ArgumentParser]
"""adds a verb: its parent, its word, its function, what it is for"""
# Who acts is who is logged in; a shift's shared account may say more.
BY = "a note on who says so, beside your name"


def ticketing(verbs: Any, verb_of: Verb) -> None:
    tickets = verb_of(
        verbs, "tickets", "ticketing.tickets", "the tickets, and what one does with them"
    )
    tickets.add_argument("--all", action="store_true", help="closed ones too")
    tickets.add_argument("--limit", type=int, default=50, help="how many at most")
    actions = tickets.add_subparsers(title="actions", metavar="ACTION", dest="action")
    show = verb_of(actions, "show", "ticketing.show_ticket", "one ticket, whole")
    show.add_argument("number", help="as in RV-12")
    begin = verb_of(actions, "open", "ticketing.open_ticket", "open one by hand")
    which = begin.add_mutually_exclusive_group(required=True)
    which.add_argument("--issue", default="", metavar="ID", help="trouble, by the policy's id")
    for option, what in (("change", "change"), ("request", "feature")):
        which.add_argument(
            f"--{option}", dest="asked", action="store_const", const=what, help=f"a {what} request"
        )
    begin.add_argument("--text", required=True, help="what it is about")
    begin.add_argument("--severity", default="", help="with --issue: how bad, by its id")
    begin.add_argument("--by", default="", help=BY)
    for action, word, about in (
        ("ack", "", "take it in hand"),
        ("note", "text", "add a remark"),
        ("reclassify", "issue", "it is another issue, or not so bad"),
        ("escalate", "text", "escalate it formally: the ladder counts from now"),
        ("wait", "text", "it waits for somebody: no promise counts meanwhile"),
        ("go-on", "", "the waiting is over"),
        ("resolve", "text", "it is over"),
    ):
        parser = verb_of(actions, action, "ticketing.change_ticket", about)
        parser.add_argument("number", help="as in RV-12")
        if word == "text":
            parser.add_argument("text", help="what to say")
        elif word == "issue":
            parser.add_argument(
                "issue", nargs="?", default="", help="the issue's id (default: the one it is)"
            )
            parser.add_argument(
                "--severity", default="", help="how bad, by its id (default: by the counted loss)"
            )
        parser.add_argument("--by", default="", help=BY)
    verb_of(verbs, "reply", "replying.reply", "an answer by mail, piped in by a mail server")
    # What `reply` asks of the daemon: without a help nobody is shown it.
    taken = verbs.add_parser("take-reply")
    taken.set_defaults(verb="replying.take")
    taken.add_argument("--piece", dest="pieces", action="append", default=[], help="base64")
    outbox = verb_of(verbs, "outbox", "dismissing.outbox", "the letters that did not arrive")
    letters = outbox.add_subparsers(title="actions", metavar="ACTION", dest="action")
    dismiss = verb_of(letters, "dismiss", "dismissing.dismiss", "it need not arrive any more")
    dismiss.add_argument("number", help="the letter's number, as `outbox` lists it")
    dismiss.add_argument("text", help="why, as in 'told by phone'")
    dismiss.add_argument("--by", default="", help=BY)


def analysing(verbs: Any, verb_of: Verb) -> None:
    rca = verb_of(verbs, "rca", "analysing.list_analyses", "root cause analyses that are owed")
    actions = rca.add_subparsers(title="actions", metavar="ACTION", dest="action")
    verb_of(actions, "list", "analysing.list_analyses", "those that are owed, and until when")
    for action, verb, about in (
        ("show", "analysing.show_analysis", "one of them: facts, words, what is missing"),
        ("edit", "editing.edit", "write it, in $EDITOR or from a file"),
        ("write", "analysing.write", "keep a part of it, given as text"),
        ("send", "analysing.send", "mail it to all who were told: its clock stops"),
        ("wait", "analysing.wait", "it waits for evidence, where the policy lets it"),
        ("go-on", "analysing.go_on", "the evidence is there"),
    ):
        parser = verb_of(actions, action, verb, about)
        parser.add_argument("number", help="the ticket, as in RV-12")
        if action == "show":
            parser.add_argument("--form", action="store_true", help="what an editor is opened on")
            continue
        if action == "edit":
            parser.add_argument(
                "--from", dest="source", default="", metavar="FILE", help="- for standard input"
            )
        if action == "write":
            parser.add_argument(
                "--text", action="append", required=True, help="as in '== Cause ==' and its lines"
            )
        if action == "wait":
            parser.add_argument("text", help="for what")
        if action == "send":
            parser.add_argument(
                "--prevention", action="store_true", help="what keeps it from coming again"
            )
        parser.add_argument("--by", default="", help=BY)


def maintaining(verbs: Any, verb_of: Verb) -> None:
    maintenance = verb_of(
        verbs, "maintenance", "maintaining.list_maintenances", "failures that are expected"
    )
    actions = maintenance.add_subparsers(title="actions", metavar="ACTION", dest="action")
    begin = verb_of(actions, "start", "maintaining.start", "hide checks from now on for a while")
    begin.add_argument("duration", help="how long, as in 90m or 2h")
    begin.add_argument("checks", nargs="*", metavar="CHECK", help="a name, or a pattern with *")
    begin.add_argument("--all", action="store_true", help="every check")
    begin.add_argument("--why", required=True, metavar="TEXT", help="for mails, status and report")
    begin.add_argument("--by", default="", help=BY)
    end = verb_of(actions, "stop", "maintaining.stop", "end one before its time")
    end.add_argument("number", nargs="?", default="", help="as `maintenance list` shows it")
    end.add_argument("--by", default="", help=BY)
    listed = verb_of(actions, "list", "maintaining.list_maintenances", "what is hidden, and was")
    listed.add_argument("--all", action="store_true", help="all that are over, too")


def checklisting(verbs: Any, verb_of: Verb) -> None:
    checklist = verb_of(
        verbs, "checklist", "checklisting.show_checklist", "the daily checklist, and who answers it"
    )
    actions = checklist.add_subparsers(title="actions", metavar="ACTION", dest="action")
    verb_of(actions, "list", "checklisting.show_checklist", "each line, and how it stands")
    for action, about in (("done", "it was looked at, and is well"),
                          ("wrong", "it was looked at, and is not well")):  # fmt: skip
        answer = verb_of(actions, action, f"checklisting.{action}", about)
        answer.add_argument("line", help="its number in the list, or its name")
        answer.add_argument("--text", default="", help="for the morning report")
        answer.add_argument("--by", default="", help=BY)
