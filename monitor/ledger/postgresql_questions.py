"""Questions in PostgreSQL's own words, which a file is asked otherwise: figures of looks, the room
that tables take, the days whose looks lie in tables of their own.
"""

from __future__ import annotations

from monitor.ledger.sampling import SOME_LOOKS

# Its own functions of JSON: a year of looks is never in Python's memory. OFFSET 0 keeps a body from
# being read once for each use of it.
MEASURED = f"""
SELECT (looks.started_at - ?) / ? AS cell, measure.key AS name, sum(weight) AS n,
       sum(weight * measure.value::text::double precision) / sum(weight) AS mean
FROM (SELECT attempts.started_at, weight, readable(observation) AS seen
      FROM ({SOME_LOOKS}) AS drawn JOIN attempts ON attempts.check_number = drawn.check_number
        AND attempts.started_at = drawn.started_at OFFSET 0) AS looks,
     LATERAL (SELECT key, value FROM json_each(looks.seen -> 'measures') WHERE key <> 'seconds'
              UNION ALL SELECT 'seconds', looks.seen -> 'seconds') AS measure
WHERE json_typeof(measure.value) = 'number'
GROUP BY cell, measure.key ORDER BY cell
"""  # noqa: S608 - constants
# A day's table counts as that which it is a part of.
TABLE_BYTES = (
    "SELECT coalesce(parent.relname, c.relname) AS name,"
    " sum(pg_total_relation_size(c.oid))::bigint AS size FROM pg_class AS c"
    " LEFT JOIN pg_inherits ON inhrelid = c.oid LEFT JOIN pg_class AS parent"
    " ON parent.oid = inhparent WHERE c.relnamespace = current_schema()::regnamespace"
    " AND c.relkind = 'r' GROUP BY coalesce(parent.relname, c.relname)"
)
# What the last ANALYZE has found.
ESTIMATED_ROWS = (
    "SELECT coalesce(sum(reltuples), 0)::bigint AS rows FROM pg_class WHERE oid = ?::regclass"
    " AND relkind = 'r' OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = ?::regclass)"
)
LONG_TO_COUNT = 1_000_000
OWN_DAYS = (
    "SELECT to_date(substr(relname, 10), 'YYYYMMDD') - date '1970-01-01' AS day FROM pg_class"
    " JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'attempts'::regclass"
    " AND relname ~ '^attempts_[0-9]{8}$' ORDER BY day"
)
