-- The log. Clustered by time, so that a day is one run of pages and inserts go to the right edge.
-- Numbers are dictionary rows; 0 and NULL take no room beyond their place in the row's header.
CREATE TABLE events (
    site INTEGER NOT NULL,
    time INTEGER NOT NULL,          -- UTC milliseconds
    tie INTEGER NOT NULL,           -- orders events of equal time
    visitor INTEGER,                -- NULL: came without one
    page INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    client INTEGER NOT NULL,
    source INTEGER NOT NULL,
    name INTEGER NOT NULL,
    engaged_ms INTEGER NOT NULL,
    currency INTEGER NOT NULL,
    amount INTEGER,
    props TEXT,
    set_aside INTEGER,              -- NULL: counts
    days_late INTEGER NOT NULL,
    PRIMARY KEY (site, time, tie)
) WITHOUT ROWID;

-- The log of days to which nothing comes any more: seconds, ordinals, ranks.
CREATE TABLE sealed_events (
    site INTEGER NOT NULL,
    second INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    visitor INTEGER,
    page INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    client INTEGER NOT NULL,
    source INTEGER NOT NULL,
    name INTEGER NOT NULL,
    engaged_ms INTEGER NOT NULL,
    currency INTEGER NOT NULL,
    amount INTEGER,
    props TEXT,
    set_aside INTEGER,
    days_late INTEGER NOT NULL,
    PRIMARY KEY (site, second, rank)
) WITHOUT ROWID;

-- Texts live once. AUTOINCREMENT: a number is never given to another text, so caches can't lie.
CREATE TABLE strings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    site INTEGER NOT NULL,
    dimension INTEGER NOT NULL,
    text TEXT NOT NULL,
    host INTEGER NOT NULL DEFAULT 0 -- of a page
);
CREATE UNIQUE INDEX strings_by_text ON strings (site, dimension, text);

CREATE TABLE clients (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    site INTEGER NOT NULL,
    browser INTEGER NOT NULL,
    os INTEGER NOT NULL,
    device INTEGER NOT NULL,
    country INTEGER NOT NULL
);
CREATE UNIQUE INDEX clients_by_value ON clients (site, browser, os, device, country);

CREATE TABLE sources (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    site INTEGER NOT NULL,
    source INTEGER NOT NULL,
    referrer INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    utm_source INTEGER NOT NULL,
    utm_medium INTEGER NOT NULL,
    utm_campaign INTEGER NOT NULL,
    utm_content INTEGER NOT NULL,
    utm_term INTEGER NOT NULL,
    own INTEGER NOT NULL
);
CREATE UNIQUE INDEX sources_by_value ON sources
    (site, source, referrer, channel, utm_source, utm_medium, utm_campaign, utm_content, utm_term, own);

-- New texts per site and day of receipt, so that a flood of made-up paths ends in '(other)'.
CREATE TABLE growth (
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,
    dimension INTEGER NOT NULL,
    added INTEGER NOT NULL,
    PRIMARY KEY (site, day, dimension)
) WITHOUT ROWID;

-- What a day was folded with. Never recomputed from settings.
CREATE TABLE site_days (
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,           -- days since 1970-01-01, local
    start INTEGER NOT NULL,         -- UTC seconds
    end INTEGER NOT NULL,
    zone TEXT NOT NULL,
    fold_version INTEGER NOT NULL,
    visit_timeout_secs INTEGER NOT NULL,
    state INTEGER NOT NULL,
    holds_set_aside INTEGER NOT NULL DEFAULT 0,
    checksum BLOB,
    PRIMARY KEY (site, day)
) WITHOUT ROWID;
CREATE INDEX site_days_by_state ON site_days (state, end);

CREATE TABLE site_hours (
    site INTEGER NOT NULL,
    start INTEGER NOT NULL,         -- UTC seconds: the bucket
    day INTEGER NOT NULL,
    wall_minutes INTEGER NOT NULL,
    PRIMARY KEY (site, start)
) WITHOUT ROWID;

-- Ids of the last 48 hours, to know a second delivery by.
CREATE TABLE seen_ids (
    site INTEGER NOT NULL,
    id BLOB NOT NULL,
    received INTEGER NOT NULL,      -- UTC seconds
    PRIMARY KEY (site, id)
) WITHOUT ROWID;

-- A visitor's day while it is open: its events, compactly.
CREATE TABLE open_visitors (
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,
    visitor INTEGER NOT NULL,
    events BLOB NOT NULL,
    PRIMARY KEY (site, day, visitor)
) WITHOUT ROWID;

CREATE TABLE checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    queue BLOB NOT NULL,
    seq INTEGER NOT NULL,
    received INTEGER NOT NULL
);

CREATE TABLE ledger (
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,           -- local day of receipt
    entry INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (site, day, entry)
) WITHOUT ROWID;

CREATE TABLE dead_events (
    queue BLOB NOT NULL,
    seq INTEGER NOT NULL,
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,
    error TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (queue, seq)
) WITHOUT ROWID;
