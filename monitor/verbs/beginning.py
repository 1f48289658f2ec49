"""init: how a configuration begins. It asks on a terminal, or takes what it has to know as options;
what it writes tells somebody.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from monitor import config, policies
from monitor.config.beginning import PLACES, USUAL_POLICY, Answers, faults_of, text_of, write_new
from monitor.terminal import complain, complain_folded, say
from monitor.verbs.opening import Stop
from monitor.verbs.refusal import in_words

_NEEDED = {"site": "--site NAME", "zone": "--zone ZONE", "to": "--to MAIL", "relay": "--relay HOST"}
_QUESTIONS = {
    "site": "Name of the site, as it stands in tickets",
    "zone": "Its time zone, as in Asia/Kolkata",
    "policy": "Support policy ({policies})",
    "region": "Its region, if the policy has any ({regions})",
    "to": "Mail address of its operators, who are told",
    "relay": "Mail server that takes our mails (host or host:port)",
}
_USUAL = {"relay": "127.0.0.1", "policy": USUAL_POLICY}


def init(arguments: Namespace) -> int:
    """Write a small configuration that tells somebody, asking for what it has to know, or taking it
    from the options. 0; 2 when there is a file already, or an answer is wrong.
    """
    path = Path(arguments.config)
    if path.exists():
        complain(f"{path} is there already; nothing was changed")
        return 2
    try:
        text = _text(arguments, path)
        write_new(path, text)
    except FileExistsError:
        complain(f"{path} is there already; nothing was changed")
        return 2
    except OSError as error:
        raise Stop(in_words(error, "the new configuration")) from None
    except ValueError as broken:
        complain(f"{path} was not written: {broken}")
        return 2
    say(f"{path} is written; everybody here may read it, the service's own user too:")
    say("name secrets in it, never write them. Next:")
    say(f"  reveille --config {path} check-config --try")
    return 0


def _text(arguments: Namespace, path: Path) -> str:
    """What is to be written. Raises Stop, OSError, ValueError."""
    if arguments.everything:
        return config.sample()
    if arguments.from_lab:
        return _of_lab(Path(arguments.from_lab), path)
    answers = Answers(
        site=arguments.site,
        zone=arguments.zone,
        region=arguments.region,
        policy=arguments.policy or USUAL_POLICY,
        to=tuple(arguments.to or ()),
        relay=arguments.relay,
        sender=arguments.sender,
    )
    missing = [name for name in _NEEDED if not getattr(answers, name)]
    if missing and sys.stdin.isatty():
        answers = _asked(arguments, answers, path)
    elif missing:
        raise Stop(
            f"nobody would be told of anything; give {', '.join(_NEEDED[one] for one in missing)}"
            ", or type it on a terminal, which asks (--everything writes every section there is,"
            " to be cut down)"
        )
    if wrong := faults_of(answers, path):
        for fault in wrong:
            complain_folded(f"{_option(fault.path)}: {fault}")
        raise Stop("nothing was written")
    return text_of(answers)


def _option(path: str) -> str:
    """The option that fills a place of the file."""
    return next((f"--{name}" for name, at in PLACES.items() if path.startswith(at)), path)


def _of_lab(folder: Path, path: Path) -> str:
    """The configuration that a lab wrote for itself."""
    file = folder / "reveille.toml"
    if not file.is_file():
        raise Stop(f"no lab has run in {folder}: `reveille lab {folder}` makes one, and says so")
    # Its paths are whole ones, so that it may lie anywhere.
    if faults := _refused(file):
        raise Stop(f"the configuration of the lab is broken: {faults}")
    say(f"from the lab in {folder}, which has to run: {path} watches it")
    return file.read_text(encoding="utf-8")


def _refused(file: Path) -> str:
    try:
        config.load(file)
    except config.ConfigurationFaults as faults:
        return str(faults)
    return ""


def _asked(arguments: Namespace, answers: Answers, path: Path) -> Answers:
    """What is missing, asked for until it is right. Raises Stop at the end of the input."""
    for name, question in _QUESTIONS.items():
        if getattr(arguments, name):
            continue
        while True:
            given = _line(question, name, answers)
            answers = _with(answers, name, given)
            at = PLACES[name]
            wrong = [one for one in faults_of(answers, path) if one.path.startswith(at)]
            if not wrong and (given or name == "region"):
                break
            for fault in wrong:
                complain_folded(f"  {fault.wrong}{f'; {fault.right}' if fault.right else ''}")
    return answers


def _with(answers: Answers, name: str, given: str) -> Answers:
    return replace(answers, to=(given,)) if name == "to" else replace(answers, **{name: given})  # type: ignore[arg-type]


def _line(question: str, name: str, answers: Answers) -> str:
    """One answer; a usual one is taken where nothing is typed."""
    known = answers.policy in policies.shipped()
    regions = policies.load(answers.policy).regions if known else ()
    if name == "region" and not regions:
        return ""
    words = question.format(policies=", ".join(policies.shipped()), regions=", ".join(regions))
    usual = _USUAL.get(name, "")
    try:
        return input(f"{words}{f' [{usual}]' if usual else ''}: ").strip() or usual
    except EOFError:
        raise Stop("the answers ended before all was known; nothing was written") from None
