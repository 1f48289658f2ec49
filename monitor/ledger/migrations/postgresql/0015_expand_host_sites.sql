-- The sites whose checks a host looks at, as a JSON list of names; "[]" and "" for all.
ALTER TABLE hosts ADD COLUMN sites TEXT COLLATE "C" NOT NULL DEFAULT '';
DO $$
DECLARE probe TEXT;
BEGIN
    FOR probe IN SELECT roles.name FROM roles JOIN pg_roles ON rolname = roles.name LOOP
        EXECUTE format('GRANT INSERT (sites), UPDATE (sites) ON hosts TO %I', probe);
    END LOOP;
END $$;
