"""Usage of a local day from real call records: read-only, streamed, in a process of its own.

    source (CSV, SQLite, PostgreSQL, MariaDB) -> rows -> legs (`taking`) -> buckets (`spool`) ->
    calls (`fold`)
        -> one tally a day (`tally`, `traffic`), with the queue's own log (`queue_log`) -> figures,
        compared with the same weekday of the weeks before (`usual`) -> result (`result`; its form
        is `schema.json`)

Only `check`, `sources`, `formats` and `day` are loaded into the daemon; what needs numpy or a
driver is the child's. Terms: a *leg* is one record; a *call* is what its legs with one linked id
come to, a *seizure* of the switch; *own* calls are Reveille's test calls, reported apart. Times are
whole seconds, days are half-open.
"""
