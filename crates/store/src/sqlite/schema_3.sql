-- The openings of queue files whose rows were taken or are known of, oldest first. Those that are
-- past their number share one line, whose id is all zeros.
CREATE TABLE queues (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    queue BLOB NOT NULL UNIQUE,
    taken INTEGER                   -- its last row that was taken
);
INSERT INTO queues (queue, taken) SELECT queue, seq FROM checkpoint;

-- What each opening received by site and local day: the left side of the books, kept here as well
-- because a queue file can be lost.
CREATE TABLE queue_days (
    queue INTEGER NOT NULL,         -- queues.n
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,           -- local day of receipt
    received INTEGER NOT NULL,      -- as far as is known
    taken INTEGER NOT NULL,         -- of these, in the ledger
    lost INTEGER NOT NULL,          -- of these, in no file any more
    PRIMARY KEY (queue, site, day)
) WITHOUT ROWID;
INSERT INTO queue_days SELECT q.n, l.site, l.day, sum(l.n), sum(l.n), 0
    FROM queues q, ledger l GROUP BY q.n, l.site, l.day;
