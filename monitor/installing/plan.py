"""From a program and a configuration to the steps that lay the service down, in their order."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from monitor.config import Configuration
from monitor.installing import needs
from monitor.installing.layout import (
    ALL_DROP_INS,
    CONFIGURATION,
    CREDENTIALS,
    DROP_INS,
    FAILED_DROP_INS,
    STATE,
    UNIT,
    UNITS,
    USER,
    Program,
)
from monitor.installing.steps import Account, Folder, Gone, Link, Member, Rights, Step, Text
from monitor.service import unit_access

MARK = "# Laid down by `reveille install`, and written anew by it: your own changes belong in\n"
_ADVICE = f"# another file, `systemctl edit {USER}` makes one.\n"
# As the shipped units name the program: where the documentation puts it. The whole path alone:
# /opt/reveille-0.2.0 is another.
_NAMED = re.compile(r"/opt/reveille(?P<environment>/\.venv)?(?![\w.-])")


def steps(
    program: Program, configuration: Configuration | None, people: Sequence[str] = ()
) -> list[Step]:
    """All that is to be so on this host; without a configuration no drop-ins."""
    wanted: list[Step] = [
        Account(USER, STATE),
        *(Member(person, USER) for person in people),
        Folder(CONFIGURATION, 0o755),
        Folder(CREDENTIALS, 0o700),
        *(Rights(path, 0o600) for path in sorted(CREDENTIALS.glob("*")) if path.is_file()),
        *_readable(CONFIGURATION),
    ]
    owners = [need.user for need in needs.needed(configuration)] if configuration else []
    wanted += [Account(name, Path("/nonexistent")) for name in owners if name]
    texts = units(program, configuration)
    wanted += [Text(UNITS / file, text, MARK) for file, text in texts.items()]
    if not program.packaged:
        wanted += [Link(path, target) for path, target in program.links().items()]
    if configuration is not None:
        wanted += _drop_ins(program, configuration)
    return wanted


def units(program: Program, configuration: Configuration | None) -> dict[str, str]:
    """The units of their own that are needed, each with its text for this program; the service's is
    dpkg's where the program is.
    """
    wanted = needs.needed(configuration) if configuration else needs.TABLE[:2]
    return {
        need.file: rendered(program, need.file)
        for need in wanted
        if not need.drop_in
        and not need.user
        and (program.units / need.file).is_file()
        and not (program.packaged and need.file == UNIT)
    }


def rendered(program: Program, file: str) -> str:
    """A shipped file as it is laid down: with the paths of this program."""
    text = (program.units / file).read_text(encoding="utf-8")

    def here(found: re.Match[str]) -> str:
        return str(program.environment if found["environment"] else program.folder)

    return MARK + _ADVICE + _NAMED.sub(here, text)


def ours(folder: Path) -> list[Path]:
    """The files in a folder that bear our mark."""
    return [
        path
        for path in sorted(folder.glob("*"))
        if path.is_file() and path.read_bytes().startswith(MARK.encode())
    ]


def provided() -> set[str]:
    """The credentials that an administrator's own drop-in hands to the service."""
    installed = unit_access.unit()
    keys = ("LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted")
    values = [value for key in keys for value in (installed.says.get(key, ()) if installed else ())]
    return {value.partition(":")[0] for value in values}


def missing(configuration: Configuration) -> list[str]:
    """The credentials that it refers to and nobody provides."""
    there = provided() - {_name(line) for line in _laid("credentials.conf")}
    return [
        name
        for name in needs.credentials(configuration)
        if name not in there and needs.credential_file(name) is None
    ]


def unreachable(program: Program) -> Path | None:
    """What of the program another user than root cannot read or enter; None: all is well."""
    python = program.environment / "bin" / "python"
    for path in (program.command, python.resolve(), Path(__file__)):
        for part in (*reversed(path.parents), path):
            bit = stat.S_IXOTH if part.is_dir() else stat.S_IROTH
            if not part.stat().st_mode & bit:
                return part
    return None


def _drop_ins(program: Program, configuration: Configuration) -> Iterator[Step]:
    texts = {
        need.path: rendered(program, need.file)
        for need in needs.needed(configuration)
        if need.drop_in and (program.units / need.file).is_file()
    }
    # The unit that mails of a failure has the mail server's secrets, and no other.
    last_word = needs.credentials(configuration, only="desks")
    for path, text in (
        (DROP_INS / "credentials.conf", needs.credentials_text(needs.credentials(configuration))),
        (DROP_INS / "folders.conf", needs.folders_text(needs.folders(configuration))),
        (FAILED_DROP_INS / "credentials.conf", needs.credentials_text(last_word)),
    ):
        if text:
            texts[path] = MARK + _ADVICE + text
    yield from (Text(path, text, MARK) for path, text in texts.items())
    # A need that has gone takes its right along.
    laid = (path for folder in ALL_DROP_INS for path in ours(folder))
    yield from (Gone(path) for path in laid if path not in texts)


def _readable(folder: Path) -> Iterator[Step]:
    """The service's group reads what the configuration is made of; secrets lie elsewhere."""
    for path in sorted(folder.glob("**/*")):
        if path.is_relative_to(CREDENTIALS) or path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_dir() and not mode & stat.S_IXOTH:
            yield Folder(path, mode | 0o050, f"root:{USER}")
        elif path.is_file() and not mode & stat.S_IROTH:
            yield Rights(path, mode | 0o040, f"root:{USER}")


def _laid(name: str) -> list[str]:
    path = DROP_INS / name
    return path.read_text(encoding="utf-8").splitlines() if path in ours(DROP_INS) else []


def _name(line: str) -> str:
    return line.partition("=")[2].partition(":")[0]
