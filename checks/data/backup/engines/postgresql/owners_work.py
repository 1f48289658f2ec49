"""What of an archive is made as the owner of its table, beside the rows: it makes the server run
what he wrote.

    TABLE ATTACH      a bound of a partition is of the key's type: a domain's condition
    CHECK CONSTRAINT  pg_dump sets it apart where its function is of the table's own type; it is
                      then held against every row
    FK CONSTRAINT     its question calls the casts of unlike types, and its plan what the tables'
                      indexes call (checks/data/postgresql_plans.py)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString

from checks.data.postgresql_plans import CALLING

_ATTACH, _CHECK, _REFERENCE = "TABLE ATTACH ", "CHECK CONSTRAINT ", "FK CONSTRAINT "
# Nobody for what is a superuser's own: it is made by whoever restores.
_OWNER: LiteralString = (
    "CASE WHEN r.rolsuper OR r.rolname ~ '^pg_' OR r.rolname ~ '[\\n\\r\\t]' THEN ''"
    " ELSE r.rolname END"
)
_CHECKS: LiteralString = f"""
SELECT k.oid::int8, {_OWNER} FROM pg_catalog.pg_constraint k
  LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
  JOIN pg_catalog.pg_roles r ON r.oid = coalesce(c.relowner, t.typowner) WHERE k.contype = 'c'"""  # noqa: S608 - words of ours
# Any other asks by the server's own operators alone; its owner may have lost the right to refer to
# a table of somebody else.
_REFERENCES: LiteralString = f"""
SELECT k.oid::int8, {_OWNER} FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
  JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
 WHERE k.contype = 'f' AND (f.relowner = c.relowner
                            OR pg_catalog.has_table_privilege(c.relowner, f.oid, 'REFERENCES'))
   AND (k.conrelid::int8 IN ({CALLING}) OR k.confrelid::int8 IN ({CALLING})
        OR EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest(k.conkey),
                                        pg_catalog.unnest(k.confkey)) AS p (here, there)
                     JOIN pg_catalog.pg_attribute x
                       ON x.attrelid = k.conrelid AND x.attnum = p.here
                     JOIN pg_catalog.pg_attribute y
                       ON y.attrelid = k.confrelid AND y.attnum = p.there
                     JOIN pg_catalog.pg_type a ON a.oid = x.atttypid
                     JOIN pg_catalog.pg_type b ON b.oid = y.atttypid
                    WHERE a.oid <> b.oid AND NOT (
                          a.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
                          AND b.typnamespace = 'pg_catalog'::pg_catalog.regnamespace)))"""  # noqa: S608 - words of ours
# A list tells no number of theirs, so they go by what it says of them.
_PARTITIONS: LiteralString = f"""
SELECT pg_catalog.format('%s %s %s', n.nspname, c.relname, r.rolname), {_OWNER}
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
  JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
  JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relowner = c.relowner
 WHERE c.relispartition AND c.relkind IN ('r', 'p')"""  # noqa: S608 - words of ours
# As pg_restore writes names into a list.
_BREAKS = str.maketrans("\n\r", "  ")


def made_by_owners(connection: Any) -> Callable[[Any], tuple[str, str]]:
    """Of a line of a list: the step of its own in which it is made, and as whom; ("", "") for what
    whoever restores makes.
    """
    checks = dict(connection.execute(_CHECKS).fetchall())
    references = dict(connection.execute(_REFERENCES).fetchall())
    partitions = {
        said.translate(_BREAKS): owner for said, owner in connection.execute(_PARTITIONS).fetchall()
    }

    def made_as(line: Any) -> tuple[str, str]:
        rest, number = line["rest"], int(line["table"])
        if rest.startswith(_ATTACH):
            return "bounds", partitions.get(rest.removeprefix(_ATTACH), "")
        if rest.startswith(_CHECK):
            return "checks", checks.get(number, "")
        return (
            ("references", references.get(number, "")) if rest.startswith(_REFERENCE) else ("", "")
        )

    return made_as
