-- Exhibits: evidence of looks that were not good, so that every host of a ledger can show it. The path is that below the
-- folder `exhibits` of a state folder; the body is base64, since a ledger keeps texts and numbers.
CREATE TABLE exhibits (
    path TEXT NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL,
    host TEXT NOT NULL,
    size INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX exhibits_by_time ON exhibits (at);
