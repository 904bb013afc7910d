-- Dead rows get a number that people can say, and what the books and a second delivery need to know.
ALTER TABLE dead_events RENAME TO dead_before;
CREATE TABLE dead_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue BLOB NOT NULL,
    seq INTEGER NOT NULL,
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,
    is_event INTEGER NOT NULL,      -- else a wish, which is not in the ledger
    id BLOB,                        -- of an event that could be read
    error TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (queue, seq)
);
INSERT INTO dead_events (queue, seq, site, day, is_event, error, body)
    SELECT queue, seq, site, day, 1, error, body FROM dead_before ORDER BY queue, seq;
DROP TABLE dead_before;
