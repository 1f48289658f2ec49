-- Leases: who may do an owed run, and until when. The fence grows with each claim: what comes under an older one is
-- refused. Times are the database's own, never a host's.
CREATE TABLE leases (
    job      TEXT COLLATE "C" NOT NULL,
    slot_key TEXT COLLATE "C" NOT NULL,
    slot_at  BIGINT NOT NULL,
    holder   TEXT COLLATE "C",
    fence    BIGINT NOT NULL DEFAULT 0,
    until    BIGINT NOT NULL DEFAULT 0,
    done_at  BIGINT,
    PRIMARY KEY (job, slot_key)
);
CREATE INDEX leases_open ON leases (slot_at) WHERE done_at IS NULL;
