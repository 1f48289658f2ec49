-- The sites whose checks a host looks at, as a JSON list of names; "[]" and "" for all.
ALTER TABLE hosts ADD COLUMN sites TEXT NOT NULL DEFAULT '';
