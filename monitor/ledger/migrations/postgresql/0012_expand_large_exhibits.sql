-- Evidence that is too large for a ledger: who has it, how large it is, and since when it lies at a place elsewhere as well
-- (`stored_at`, NULL as long as it lies on its host alone), with what it was there (SHA-256). The path is as of `exhibits`.
CREATE TABLE large_exhibits (
    path      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at        BIGINT NOT NULL,
    host      TEXT COLLATE "C" NOT NULL,
    size      BIGINT NOT NULL,
    stored_at BIGINT,
    sha256    TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX large_exhibits_stored ON large_exhibits (stored_at) WHERE stored_at IS NOT NULL;
CREATE INDEX large_exhibits_waiting ON large_exhibits (host) WHERE stored_at IS NULL;
-- A probe host's own, as of `exhibits`.
ALTER TABLE large_exhibits ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON large_exhibits FOR SELECT USING (host = (SELECT own_host()));
CREATE POLICY names ON large_exhibits FOR INSERT WITH CHECK (
    host = own_host() AND position('-' || host || '-' IN split_part(path, '/', 2)) > 0);
CREATE POLICY stores ON large_exhibits FOR UPDATE USING (host = own_host());
-- Roles that were made before this table was; those that come are granted it with the others (rights.py).
DO $$
DECLARE probe TEXT;
BEGIN
    FOR probe IN SELECT roles.name FROM roles JOIN pg_roles ON rolname = roles.name LOOP
        EXECUTE format('GRANT SELECT ON large_exhibits TO %I', probe);
        EXECUTE format('GRANT INSERT (path, at, host, size) ON large_exhibits TO %I', probe);
        EXECUTE format('GRANT UPDATE (stored_at, sha256) ON large_exhibits TO %I', probe);
    END LOOP;
END $$;
