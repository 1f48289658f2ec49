"""What runs when PostgreSQL only plans a question: its planner works out ahead what an index's
expression or condition, or an extended statistic, calls with constants alone (`CREATE INDEX ON
calls ((f('x')))`), as whoever asks. The owner of a table has so what he wrote run by a superuser.
"""

from __future__ import annotations

from typing import LiteralString

# The server's own functions and operators are pinned: nothing is kept of who depends on them
# (PostgreSQL manual, pg_depend). So each of these rows is of somebody else's.
CALLING: LiteralString = """
SELECT i.indrelid::int8 FROM pg_catalog.pg_index i JOIN pg_catalog.pg_depend d
       ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
 WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                        'pg_catalog.pg_operator'::pg_catalog.regclass)
 UNION
SELECT s.stxrelid::int8 FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_depend d
       ON d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND d.objid = s.oid
 WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                        'pg_catalog.pg_operator'::pg_catalog.regclass)"""
"""asks for the numbers of tables of which a plan calls what is not the server's own"""
