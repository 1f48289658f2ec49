-- Evidence that is too large for a ledger: who has it, how large it is, and since when it lies at a place elsewhere as well
-- (`stored_at`, NULL as long as it lies on its host alone), with what it was there (SHA-256). The path is as of `exhibits`.
CREATE TABLE large_exhibits (
    path      TEXT NOT NULL PRIMARY KEY,
    at        INTEGER NOT NULL,
    host      TEXT NOT NULL,
    size      INTEGER NOT NULL,
    stored_at INTEGER,
    sha256    TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX large_exhibits_stored ON large_exhibits (stored_at) WHERE stored_at IS NOT NULL;
CREATE INDEX large_exhibits_waiting ON large_exhibits (host) WHERE stored_at IS NULL;
