-- Leases, one row for each thing that only one host may do at a time: a check's looks, the watch, an audit. `done_to` is
-- the newest moment for which it was done. Nothing has used the table of before.
DROP TABLE leases;
CREATE TABLE leases (
    job     TEXT NOT NULL PRIMARY KEY,
    holder  TEXT NOT NULL DEFAULT '',
    fence   INTEGER NOT NULL DEFAULT 0,
    until   INTEGER NOT NULL DEFAULT 0,
    done_to INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
-- Who looks, from where, and when it was last heard of. `life` is drawn for a state folder once.
CREATE TABLE hosts (
    name     TEXT NOT NULL PRIMARY KEY,
    location TEXT NOT NULL,
    life     TEXT NOT NULL,
    heard_at INTEGER NOT NULL,
    left_at  INTEGER
) WITHOUT ROWID;
