-- Exhibits: evidence of looks that were not good, so that every host of a ledger can show it. The path is that below the
-- folder `exhibits` of a state folder; the body is base64, since a ledger keeps texts and numbers.
CREATE TABLE exhibits (
    path TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at   BIGINT NOT NULL,
    host TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX exhibits_by_time ON exhibits (at);
