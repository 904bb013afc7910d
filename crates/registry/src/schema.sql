-- AUTOINCREMENT: the log of a removed site may outlive it for a while, and a new site must never
-- inherit it.
CREATE TABLE sites (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    domain      TEXT NOT NULL UNIQUE,
    zone        TEXT NOT NULL,
    subdomains  INTEGER NOT NULL,
    -- JSON arrays of texts
    kept_params  TEXT NOT NULL,
    excluded_ips TEXT NOT NULL,
    own_hosts    TEXT NOT NULL,
    created     INTEGER NOT NULL -- milliseconds, as everywhere here
) STRICT;

CREATE TABLE users (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    email    TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL, -- a PHC string: algorithm, cost, salt, hash
    created  INTEGER NOT NULL
) STRICT;

-- A secret is found by the first bytes of its hash and proved by all of it: the database's own
-- comparison, whose time tells where two values part, only ever sees the first.
CREATE TABLE login_sessions (
    prefix  INTEGER PRIMARY KEY,
    hash    BLOB NOT NULL,
    user    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX login_sessions_of_user ON login_sessions (user, created);

CREATE TABLE tokens (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    prefix  INTEGER NOT NULL UNIQUE,
    hash    BLOB NOT NULL,
    site    INTEGER REFERENCES sites (id) ON DELETE CASCADE, -- NULL: every site
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_of_site ON tokens (site);

CREATE TABLE setup_code (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE refusals (
    day    INTEGER NOT NULL,
    site   INTEGER NOT NULL, -- 0: no site was found
    reason INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (day, site, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE unknown_hosts (
    host      TEXT PRIMARY KEY,
    n         INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
