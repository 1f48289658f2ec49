-- Leases, one row for each thing that only one host may do at a time: a check's looks, the watch, an audit. `done_to` is
-- the newest moment for which it was done. Nothing has used the table of before. Rows change all the time: room for that
-- is left in each page.
DROP TABLE leases;
CREATE TABLE leases (
    job     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder  TEXT COLLATE "C" NOT NULL DEFAULT '',
    fence   BIGINT NOT NULL DEFAULT 0,
    until   BIGINT NOT NULL DEFAULT 0,
    done_to BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
-- Who looks, from where, and when it was last heard of. `life` is drawn for a state folder once.
CREATE TABLE hosts (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    location TEXT COLLATE "C" NOT NULL,
    life     TEXT COLLATE "C" NOT NULL,
    heard_at BIGINT NOT NULL,
    left_at  BIGINT
) WITH (fillfactor = 50);
