-- What checks propose for a person to accept, and what was accepted, by whom. The newest acceptance of a name is in force.

CREATE TABLE proposals (
    check_name TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (check_name, name)
) WITHOUT ROWID;

CREATE TABLE acceptances (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    check_name  TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    value       TEXT    NOT NULL,
    seen_at     INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    accepted_by TEXT    NOT NULL
);
CREATE INDEX acceptances_by_check ON acceptances (check_name, name, id);
CREATE TRIGGER acceptances_are_not_changed BEFORE UPDATE ON acceptances
BEGIN SELECT raise(ABORT, 'acceptances are append-only'); END;
CREATE TRIGGER acceptances_are_not_deleted BEFORE DELETE ON acceptances
BEGIN SELECT raise(ABORT, 'acceptances are append-only'); END;
