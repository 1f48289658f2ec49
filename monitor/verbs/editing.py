"""rca edit: the form of an analysis in an editor, here, whoever keeps it: the editor is the user's
and runs with his rights alone.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from shutil import which

from monitor.terminal import SCREEN, Screen, complain
from monitor.verbs import analysing
from monitor.verbs.asking import SERVED, asked, said_alone
from monitor.verbs.file_owners import handed_over
from monitor.verbs.opening import Stop

# A word that passes over the control socket has at most 4000 signs, and a request 128 kB, of which
# a sign may take six (control_protocol.py).
_PIECE, _MOST = 3900, 20_000
_EDITORS = ("sensible-editor", "editor", "nano", "vi")


class _Kept(Screen):
    """A terminal that keeps what would be shown."""

    def __init__(self) -> None:
        self.shown = ""

    def colourful(self) -> bool:
        """It is read again."""
        return False

    def show(self, text: str) -> None:
        """Kept."""
        self.shown += text


def edit(arguments: Namespace) -> int:
    """Write an analysis in $EDITOR, or take it from a file or a pipe (--from FILE, or - for the
    pipe). 0; nothing is lost where it cannot be kept."""
    if arguments.source or not SCREEN.get().asked():
        return _keep(arguments, _read(arguments.source or "-"))
    path = _opened(_form(arguments), arguments.number)
    written = path.read_text(encoding="utf-8", errors="replace")
    try:
        code = _keep(arguments, written)
    except Stop as why:
        raise Stop(f"{why}; what you have written is in {path}, for --from") from None
    if code == 0:
        path.unlink()
    else:
        complain(f"reveille: what you have written is in {path}, for --from")
    return code


def _read(source: str) -> str:
    """Raises Stop."""
    try:
        if source == "-":
            return sys.stdin.read(_MOST + 1)
        with Path(source).open(encoding="utf-8") as file:
            return file.read(_MOST + 1)
    except OSError as problem:
        raise Stop(f"{source}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise Stop(f"{source} is no text in UTF-8") from None


def _form(arguments: Namespace) -> str:
    kept = _Kept()
    before = SCREEN.set(kept)
    try:
        words = ["rca", "show", arguments.number, "--form"]
        code = _done(
            Namespace(**{**vars(arguments), "form": True, "json": False}), "show_analysis", words
        )
    finally:
        SCREEN.reset(before)
    if code != 0:
        raise Stop("there is no form to write in")
    return kept.shown


def _opened(form: str, number: str) -> Path:
    """The file that the editor has written. Raises Stop."""
    editor = (
        os.environ.get("VISUAL") or os.environ.get("EDITOR") or next(filter(which, _EDITORS), "")
    )
    if not editor:
        raise Stop("set EDITOR to the editor that you want, or give a file with --from")
    # For this user alone (mkstemp): an analysis may name people.
    handle, name = tempfile.mkstemp(prefix=f"rca-{number.replace('/', '-')[:20]}-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(form)
    try:
        ended = subprocess.run([*shlex.split(editor), name], check=False)
    except (OSError, ValueError) as problem:
        raise Stop(f"{editor}: {problem}; the form is in {name}, for --from") from None
    if ended.returncode != 0:
        raise Stop(f"{editor} ended with {ended.returncode}; what is written is in {name}")
    return Path(name)


def _keep(arguments: Namespace, written: str) -> int:
    """Raises Stop."""
    if not written.strip():
        raise Stop("nothing was written, and nothing is changed")
    if len(written) > _MOST:
        raise Stop(f"an analysis has at most {_MOST} signs")
    pieces = [written[begin : begin + _PIECE] for begin in range(0, len(written), _PIECE)]
    by = [f"--by={arguments.by}"] if arguments.by else []
    words = ["rca", "write", arguments.number, *(f"--text={piece}" for piece in pieces), *by]
    return _done(Namespace(**{**vars(arguments), "text": pieces}), "write", words)


def _done(arguments: Namespace, name: str, words: list[str]) -> int:
    """A verb of analysing, by the daemon that runs on this configuration; else here."""
    arguments.verb = f"analysing.{name}"
    if (code := asked(arguments, words)) is not None:
        return code
    with handed_over(arguments) if arguments.verb in SERVED else nullcontext():
        code = int(getattr(analysing, name)(arguments))
    said_alone(arguments)
    return code
