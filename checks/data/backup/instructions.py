"""RESTORE.md, beside every backup: a few commands, without Reveille, out of a template for each
engine.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from checks.contract import Failed
from checks.data.backup.connection_options import POSTGRESQL_OPTIONS
from checks.data.backup.store.manifest import Manifest

RESTORE_STEP, ADMINISTRATORS_STEP = 2, 3
"""the numbered steps of RESTORE.md"""
PLAIN = "plain"
"""the folder in which RESTORE.md has the artefacts unpacked"""
# A step of a text begins with its number, and its commands are set in.
_STEP = re.compile(r"^(?=\d\. )", re.MULTILINE)
# A row that is too long for InnoDB's rules of today, or that a check of its table would not take,
# is let through where the live server did: by what is known of it, the variable of the session.
_LETS_THROUGH = {"innodb_strict_mode": 0, "check_constraint_checks": 1}
_COMMAND = re.compile(r"^    (.*)$", re.MULTILINE)


def instructions(manifest: Manifest) -> str:
    """The text for this backup."""
    return _filled(_template(manifest), manifest)


def commands(manifest: Manifest, step: int) -> str:
    """The commands of one numbered step of that text, as they stand in it."""
    # Taken apart before it is filled in: no value of a manifest begins a step, or is a command.
    parts = _STEP.split(_template(manifest))
    text = next(part for part in parts if part.startswith(f"{step}. "))
    return _filled("\n".join(_COMMAND.findall(text)), manifest)


def _template(manifest: Manifest) -> str:
    # A template, since the text is for somebody who has lost everything: an administrator edits it,
    # and not a programmer.
    place = files("checks.data.backup") / "words" / f"{manifest.engine}.md"
    return place.read_text(encoding="utf-8")


def _filled(template: str, manifest: Manifest) -> str:
    facts = manifest.facts
    said = {
        "id": manifest.id,
        "source": _line(manifest.source),
        "as_of": _line(manifest.data_as_of),
        "server": _line(manifest.server),
        "tool": _line(manifest.tool),
        "rows": str(manifest.rows),
        "tables": str(len(manifest.tables)),
        "database": _shell(str(facts.get("database", ""))),
        "charset": _word(facts.get("charset", "")),
        "collation": _word(facts.get("collation", "")),
        "unpack": _unpack(manifest),
        "keys": _keys(manifest),
        "needs": _needs(manifest),
        "had": _had(manifest),
        "options": POSTGRESQL_OPTIONS,
        "strict": _letting_through(facts),
        "path": _shell(manifest.source),
        **_file(manifest),
    }
    # "safe": the shell's own ${f%.zst} in the templates stays as it is.
    return Template(template).safe_substitute(said)


def image_instructions(names: Sequence[str]) -> str:
    """What to do with a recovery image that holds these backups."""
    template = (files("checks.data.backup") / "words" / "image.md").read_text(encoding="utf-8")
    return Template(template).safe_substitute(names=", ".join(names) or "none is proven yet")


def _unpack(manifest: Manifest) -> str:
    if not manifest.recipients:
        return "for f in *.zst; do zstd -d -o plain/${f%.zst} $f || exit 1; done"
    return (
        "for f in *.age; do age -d -i KEY.txt $f | zstd -d -o plain/${f%.zst.age} || exit 1; done"
    )


def _keys(manifest: Manifest) -> str:
    if not manifest.recipients:
        return ""
    recipients = ", ".join(manifest.recipients)
    return (
        f"It is encrypted (https://age-encryption.org) to {recipients}: KEY.txt holds the identity"
        " of one of them.\n"
    )


def _letting_through(facts: Mapping[str, Any]) -> str:
    wanted = [name for name, known in _LETS_THROUGH.items() if facts.get(name) == known]
    said = ", ".join(f"{name} = 0" for name in wanted)
    return f" --init-command='SET SESSION {said}'" if said else ""


def _line(value: str) -> str:
    return " ".join(value.split())


def _word(value: object) -> str:
    """What stands in a command as it is: nothing else than a word may. Raises Failed."""
    if value and not str(value).isidentifier():
        raise Failed("restore-failed", "the manifest names no character set", origin="local")
    return str(value)


def _needs(manifest: Manifest) -> str:
    if not (needs := manifest.facts.get("needs")):
        return ""
    named = _line(", ".join(needs))
    return f"Its tables need {named}, which only a superuser can make: step 2 is for one.\n"


def _had(manifest: Manifest) -> str:
    """What the new server is to have first, as the live one had it."""
    if not (had := manifest.facts.get("had")):
        return ""
    told = _line("; ".join(map(str, had)))
    return f"Its server had, to be set on the new one first where it differs: {told}.\n"


def _file(manifest: Manifest) -> dict[str, str]:
    """The commands for owner and mode of a file, for whoever may give them."""
    if (known := manifest.facts.get("file")) is None:
        return {"owner": "true", "mode": "true"}
    mode, user, group = map(int, known)
    who = f"{user}:{group}"
    owner = f'chown {who} "$TARGET.new" 2> /dev/null || echo "its owner was {who}"'
    # Nothing but who may read and write: a database needs no set-user-id.
    return {"owner": owner, "mode": f'chmod {mode & 0o777:o} "$TARGET.new"'}


def _shell(name: str) -> str:
    """A name as one word of bash, on one line."""
    if name.isprintable():
        return shlex.quote(name)
    # Octal as bash reads it: a line break would end the command of a text.
    return "$'" + "".join(f"\\{each:03o}" for each in name.encode()) + "'"
