-- Words: what each place said of one moment at which a check was owed, as the number of its attempt. The first holds.
CREATE TABLE words (
    check_name TEXT NOT NULL,
    moment     INTEGER NOT NULL,
    place      TEXT NOT NULL,
    said_at    INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    PRIMARY KEY (check_name, moment, place)
) WITHOUT ROWID;
-- Where each place stands with a check: in how many moments in a row it saw trouble alone, was not heard, and agreed.
CREATE TABLE places (
    check_name TEXT NOT NULL,
    place      TEXT NOT NULL,
    alone      INTEGER NOT NULL,
    silent     INTEGER NOT NULL,
    agreed     INTEGER NOT NULL,
    trouble    TEXT NOT NULL,
    PRIMARY KEY (check_name, place)
) WITHOUT ROWID;
