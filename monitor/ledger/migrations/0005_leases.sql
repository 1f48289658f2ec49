-- Leases: who may do an owed run, and until when. The fence grows with each claim: what comes under an older one is
-- refused. Times are the database's own, never a host's.
CREATE TABLE leases (
    job      TEXT NOT NULL,
    slot_key TEXT NOT NULL,
    slot_at  INTEGER NOT NULL,
    holder   TEXT,
    fence    INTEGER NOT NULL DEFAULT 0,
    until    INTEGER NOT NULL DEFAULT 0,
    done_at  INTEGER,
    PRIMARY KEY (job, slot_key)
) WITHOUT ROWID;
CREATE INDEX leases_open ON leases (slot_at) WHERE done_at IS NULL;
