-- What checks propose for a person to accept, and what was accepted, by whom. The newest acceptance of a name is in force.

CREATE TABLE proposals (
    check_name TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    value      TEXT COLLATE "C" NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (check_name, name)
);

INSERT INTO numbers (name, last) VALUES ('acceptances', 0);
CREATE TABLE acceptances (
    id          BIGINT NOT NULL PRIMARY KEY DEFAULT next_number('acceptances'),
    check_name  TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    value       TEXT COLLATE "C" NOT NULL,
    seen_at     BIGINT NOT NULL,
    accepted_at BIGINT NOT NULL,
    accepted_by TEXT COLLATE "C" NOT NULL
);
CREATE INDEX acceptances_by_check ON acceptances (check_name, name, id);
CREATE TRIGGER acceptances_are_not_changed BEFORE UPDATE ON acceptances
FOR EACH ROW EXECUTE FUNCTION refused('acceptances are append-only');
CREATE TRIGGER acceptances_are_not_deleted BEFORE DELETE ON acceptances
FOR EACH ROW EXECUTE FUNCTION refused('acceptances are append-only');
CREATE TRIGGER acceptances_are_not_emptied BEFORE TRUNCATE ON acceptances
FOR EACH STATEMENT EXECUTE FUNCTION refused('acceptances are append-only');
