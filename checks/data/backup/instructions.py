"""RESTORE.md, beside every backup: at most three commands, without Reveille, out of a template for
each engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from string import Template

from checks.data.backup.store.manifest import Manifest


def instructions(manifest: Manifest) -> str:
    """The text for this backup."""
    # A template, since the text is for somebody who has lost everything: an administrator edits it,
    # and not a programmer.
    template = (files("checks.data.backup") / "words" / f"{manifest.engine}.md").read_text(
        encoding="utf-8"
    )
    said = {
        "id": manifest.id,
        "source": manifest.source,
        "as_of": manifest.data_as_of,
        "server": manifest.server,
        "tool": manifest.tool,
        "rows": str(manifest.rows),
        "tables": str(len(manifest.tables)),
        "database": _shell(str(manifest.facts.get("database", ""))),
        "plain_database": _sql(str(manifest.facts.get("database", ""))),
        "charset": str(manifest.facts.get("charset", "")),
        "collation": str(manifest.facts.get("collation", "")),
        "unpack": _unpack(manifest),
        "restore": _restore(manifest),
        "keys": _keys(manifest),
    }
    # "safe": the shell's own ${f%.zst} in the templates stays as it is.
    return Template(template).safe_substitute(said)


def image_instructions(names: Sequence[str]) -> str:
    """What to do with a recovery image that holds these backups."""
    template = (files("checks.data.backup") / "words" / "image.md").read_text(encoding="utf-8")
    return Template(template).safe_substitute(names=", ".join(names) or "none is proven yet")


def _restore(manifest: Manifest) -> str:
    """pg_restore in one step, or in three where large partitions lie in archives of their own."""
    if not any(artefact.name.startswith("part-") for artefact in manifest.artefacts):
        # -C makes the database under its own name: connected to `postgres`, since it is not there
        # yet.
        return "pg_restore -e -C -j2 -d postgres plain/database.dump"
    name, step = _shell(str(manifest.facts.get("database", ""))), "pg_restore -e -j2 --section"
    data = (
        f"for f in plain/database.dump plain/part-*.dump; do {step}=data -d {name} $f || exit 1;"
        " done"
    )
    first, last = f"{step}=pre-data -C -d postgres", f"{step}=post-data -d {name}"
    return (
        f"( {first.replace('-j2 ', '')} plain/database.dump && {data} && {last}"
        " plain/database.dump )"
    )


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


def _sql(name: str) -> str:
    """A name in SQL within double quotes of the shell."""
    # Within double quotes of the shell a backtick runs a command: it is escaped, and doubled for
    # SQL.
    return name if name.isidentifier() else "\\`" + name.replace("`", "\\`\\`") + "\\`"


def _shell(name: str) -> str:
    import shlex

    return shlex.quote(name)
