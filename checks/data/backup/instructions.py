"""RESTORE.md, beside every backup: a few commands, without Reveille, out of a template for each
engine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from string import Template

from checks.data.backup.store.manifest import Manifest

_WHOLE = "plain/database.dump"
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")


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
    """pg_restore in its sections, each owner's rows as that owner: rows make the server run what
    tables call, and a superuser would run it with all rights.
    """
    name = _shell(str(manifest.facts.get("database", "")))
    # What is put into a pattern of grep is a plain word; rows of owners with other names are loaded
    # by whoever restores, which the text says.
    owners = [each for each in manifest.facts.get("owners", []) if _PLAIN_NAME.fullmatch(each)]
    files = "plain/database.dump plain/part-*.dump" if _has_parts(manifest) else _WHOLE
    database = str(manifest.facts.get("database", "")).replace('"', '""')
    may = [
        _shell(f'{word} CONNECT ON DATABASE "{database}" {to} reveille_load')
        for word, to in (("GRANT", "TO"), ("REVOKE", "FROM"))
    ]
    grants = f" -c {may[0]}" + "".join(f" -c 'GRANT {owner} TO reveille_load'" for owner in owners)
    own = "pg_restore -l $f | grep -E ' (TABLE DATA|SEQUENCE SET) .* '$o'$' > plain/of-$o; [ ! -s"
    rest = "|".join(owners) or "no owner"
    lines = [
        f"pg_restore -l {_WHOLE} | awk '!/ ACL / || / ACL - DATABASE /' > plain/most",
        f"pg_restore -l {_WHOLE} | awk '/ ACL / && !/ ACL - DATABASE /' > plain/rights",
        f"pg_restore -e -C --no-tablespaces --section=pre-data -L plain/most -d postgres {_WHOLE}",
        "p=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')",
        f"psql -X -q -d {name} -c \"CREATE ROLE reveille_load LOGIN NOINHERIT PASSWORD '$p'\""
        f"{grants}",
        f"for o in {' '.join(owners)}; do for f in {files}; do {own} plain/of-$o ] ||"
        " PGUSER=reveille_load PGPASSWORD=$p pg_restore -e --section=data -L plain/of-$o --role=$o"
        f" -d {name} $f || exit 1; done; done",
        f"for f in {files}; do pg_restore -l $f | grep -v -E"
        f" ' (TABLE DATA|SEQUENCE SET) .* ({rest})$' > plain/others;"
        f" pg_restore -e --section=data -L plain/others -d {name} $f || exit 1; done",
        f"[ ! -s plain/rights ] || pg_restore -e -L plain/rights -d {name} {_WHOLE}",
        f"pg_restore -e -j2 --no-tablespaces --section=post-data -L plain/most -d {name} {_WHOLE}",
        f"psql -X -q -d {name} -c {may[1]} -c 'DROP ROLE reveille_load'",
    ]
    return "\n    ".join(lines if owners else [*lines[:3], *lines[6:9]])


def _has_parts(manifest: Manifest) -> bool:
    return any(artefact.name.startswith("part-") for artefact in manifest.artefacts)


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
