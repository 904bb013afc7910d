//! Every bound of the system in one place. Units are last in the names. Each has a test at the
//! limit and one past it, where it is enforced.

use crate::Millis;

// -- a delivery --
pub const BODY_BYTES_MAX: usize = 64 * 1024;
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
pub const EVENTS_PER_DELIVERY_MAX: usize = 100;

// -- the edge --
/// Deliveries in work at once; one more is told to come back.
pub const DELIVERIES_IN_WORK_MAX: usize = 1_024;
/// Bodies that are being put together from pieces, each with [`BODY_BYTES_MAX`] of memory at most; one
/// more is read, thrown away and told to come back. Nearly every body comes in one piece.
pub const BODIES_IN_PIECES_MAX: usize = 512;
/// How long a body may take to arrive.
pub const BODY_WAIT_MS_MAX: u64 = 10_000;
/// How much of a body over the limit is read and thrown away, so that its sender reads the refusal
/// instead of a broken connection.
pub const BODY_DRAINED_BYTES_MAX: usize = 1024 * 1024;
/// Client addresses that the rate limit remembers.
pub const RATE_LIMIT_KEYS_MAX: usize = 100_000;
/// What one delivery may claim to have given up.
pub const TRACKER_LOST_MAX: u64 = 10_000;

// -- an event --
pub const URL_BYTES_MAX: usize = 4_096;
pub const PATH_BYTES_MAX: usize = 1_024;
pub const HOST_BYTES_MAX: usize = 253;
pub const LABEL_BYTES_MAX: usize = 255;
pub const USER_AGENT_BYTES_MAX: usize = 1_024;
pub const EVENT_NAME_BYTES_MAX: usize = 120;
pub const PROPS_MAX: usize = 30;
pub const PROP_KEY_BYTES_MAX: usize = 300;
pub const PROP_VALUE_BYTES_MAX: usize = 2_000;
pub const PROPS_BYTES_MAX: usize = 8 * 1024;
/// A thousand million in most currencies: more is a mistake, and sums must not overflow.
pub const AMOUNT_MINOR_MAX: i64 = 100_000_000_000;
pub const ENGAGED_MS_MAX: u32 = 4 * 60 * 60 * 1_000;

// -- time --
/// How long a tracker keeps an event that it could not deliver, and the oldest that is taken.
pub const EVENT_AGE_MS_MAX: i64 = Millis::DAY;
/// How far ahead of the server's clock an event may be; further and it gets its receipt time.
pub const EVENT_AHEAD_MS_MAX: i64 = Millis::MINUTE;
/// How long yesterday's key outlives the local midnight.
pub const DAY_KEY_GRACE_MS: i64 = Millis::HOUR;
/// How long an id is remembered: twice what a tracker keeps.
pub const SEEN_MS: i64 = 2 * Millis::DAY;
/// Ids remembered, in total: a thousand events a second for 27 hours. With more, the oldest are
/// forgotten ahead of their time.
pub const SEEN_IDS_MAX: u64 = 100_000_000;
/// Ids that a batch looks at for old ones, or twice its rows where that is more.
pub const SEEN_LOOKS_MIN: usize = 1_000;
/// The gap that ends a visit, in seconds, unless the site says otherwise.
pub const VISIT_TIMEOUT_SECS: i64 = 30 * 60;
pub const VISIT_TIMEOUT_SECS_MIN: i64 = 5 * 60;
pub const VISIT_TIMEOUT_SECS_MAX: i64 = 240 * 60;
/// A day that opens this early with an own-host referrer continues yesterday's visit.
pub const CONTINUATION_SECS: i64 = 30 * 60;

// -- the queue --
pub const WAITING_EVENTS_MAX: usize = 50_000;
/// Encoded rows in memory before the writer; a flood of large events meets this first.
pub const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A delivery of the largest size must fit, its rows repeating what the delivery says once.
pub const WAITING_BYTES_MIN: usize = 1024 * 1024;
/// What an operator may set the two to: they are held in memory.
pub const WAITING_EVENTS_SET_MAX: usize = 10_000_000;
pub const WAITING_BYTES_SET_MAX: usize = 8 * 1024 * 1024 * 1024;
/// One transaction takes no more deliveries once it holds this many events.
pub const COMMIT_EVENTS_MAX: usize = 20_000;
/// The part that one site may fill of the room that the other sites leave.
pub const SITE_SHARE_MAX: f64 = 0.5;
/// The write-ahead log's file is cut back to this size when it begins anew.
pub const QUEUE_WAL_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What a commit deletes beside what it appends, or twice what it appends where that is more.
pub const SETTLE_ROWS_MIN: usize = 1_000;
/// How long a settlement waits for a commit to ride on.
pub const SETTLE_WAIT_MS_MAX: u64 = 1_000;
/// Row bodies that one read of the queue holds in memory.
pub const PENDING_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The longest that a refused sender is asked to wait.
pub const RETRY_AFTER_SECS_MAX: u32 = 30;
pub const BACKLOG_EVENTS_MAX: u64 = 20_000_000;
/// Openings that a queue file remembers. A store whose checkpoint is older than all of them reads
/// the file as a strange one.
pub const OPENINGS_MAX: usize = 10_000;
pub const WRITE_RETRIES_MAX: u32 = 10;
pub const WRITE_DEADLINE_MS: u64 = 5_000;
pub const DISK_RESERVE_BYTES: u64 = 256 * 1024 * 1024;

// -- the processor and the store --
pub const STORE_WAL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// As many again are read and decoded meanwhile, a kilobyte each. Twice as many fold a tenth faster, and
/// take 17 MiB more while the processor is behind.
pub const DRAIN_EVENTS: usize = 5_000;
pub const UNIT_EVENTS_MAX: usize = 5_000;
/// What visitors' open days may take in memory: some 70,000 visitors. Those that have been quiet for
/// longest wait in the file.
pub const OPEN_VISITORS_BYTES_MAX: usize = 16 * 1024 * 1024;
pub const LINGER_MS_MAX: u64 = 100;
pub const DRAIN_INTERVAL_MS: u64 = 60_000;
/// A referrer's host and path as one text.
pub const REFERRER_BYTES_MAX: usize = 512;
/// Texts that what was made of a user agent or of a referrer shares; more get a copy of their own.
pub const SHARED_TEXTS_MAX: usize = 4_096;
/// What each of the two caches of enriching (user agents, arrivals) may hold.
pub const ENRICH_CACHE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// New texts of one dimension that a site's day may bring; beyond, they count under `(other)`.
pub const NEW_PAGES_PER_DAY_MAX: u32 = 20_000;
pub const NEW_LABELS_PER_DAY_MAX: u32 = 5_000;

// -- reading --
pub const READERS_MAX: usize = 10;
pub const READERS_IDLE: usize = 5;
pub const READ_TRANSACTION_MS_MAX: u64 = 2_000;
/// Sums of days and months that readers remember; a site of 500 pages takes a third of a megabyte
/// for the dashboard of 30 days.
pub const KEPT_SUMS_BYTES_MAX: usize = 16 * 1024 * 1024;
pub const QUERY_BODY_BYTES_MAX: usize = 64 * 1024;
pub const QUERY_ROWS_MAX: usize = 10_000;

// -- the dashboard --
/// Body of a request that logs in, sets up or changes a site.
pub const ACCOUNT_BODY_BYTES_MAX: usize = 8 * 1024;
/// Wrong passwords and codes that one IP address (IPv6: one /64) may send per window, whoever it
/// claims to be; the registry bounds them per account.
pub const GUESSES_PER_IP_MAX: u32 = 20;
pub const GUESSES_WINDOW_MS: i64 = 5 * Millis::MINUTE;
/// IP addresses whose guesses are remembered; beyond, the oldest is forgotten.
pub const GUESSERS_MAX: usize = 10_000;
/// Password hashes that run or wait; each takes 19 MiB while it runs.
pub const LOGINS_AT_ONCE_MAX: usize = 8;
pub const READS_AT_ONCE_MAX: usize = 8;
/// How long a request waits for its turn to read before it is told that the server is busy.
pub const READ_WAIT_MS_MAX: u64 = 5_000;
pub const STREAMS_MAX: usize = 200;
/// Of these, by one login or token: no one may take everybody's places.
pub const STREAMS_PER_CREDENTIAL_MAX: usize = 20;
/// Least time between two `change` messages of one stream.
pub const STREAM_GAP_MS_MIN: u64 = 250;
pub const STREAM_NOW_INTERVAL_MS: u64 = 10_000;
pub const STREAM_PING_INTERVAL_MS: u64 = 15_000;
/// Dead rows listed at once, and replayed or dropped by one wish.
pub const DEAD_LISTED_MAX: usize = 1_000;
/// Times that the ledger is read again because the store went past the queue's snapshot.
pub const LEDGER_READS_MAX: u32 = 20;
/// How old a health report may be before it is made anew.
pub const HEALTH_AGE_MS_MAX: i64 = Millis::SECOND;
/// How old the health report's answer on the books may be, and the backlog beyond which they are not
/// read for it: counting what is pending reads every row.
pub const HEALTH_LEDGER_AGE_MS_MAX: i64 = 15 * Millis::SECOND;
pub const HEALTH_LEDGER_BACKLOG_MAX: u64 = 100_000;
/// "Visitors now" are those of this time.
pub const NOW_MS: i64 = 5 * Millis::MINUTE;
pub const METRICS_MAX: usize = 10;
pub const DIMENSIONS_MAX: usize = 4;
/// Simple filters in a question, however nested.
pub const FILTERS_MAX: usize = 32;
pub const FILTER_DEPTH_MAX: usize = 8;
pub const FILTER_CLAUSES_MAX: usize = 200;
pub const FILTER_CLAUSE_BYTES_MAX: usize = 2_000;
pub const FILTER_PATTERN_BYTES_MAX: usize = 500;
/// Days that a question may tell apart hour by hour.
pub const QUERY_HOURLY_DAYS_MAX: i32 = 400;
/// Rows that a question may sum up before they are cut into pages.
pub const QUERY_GROUPS_MAX: usize = 300_000;
/// Log rows that a question may read.
pub const QUERY_LOG_ROWS_MAX: u64 = 50_000_000;
/// Log rows of a day that are held at once; a larger day is read more than once.
pub const QUERY_DAY_ROWS_MAX: usize = 400_000;

// -- sites, accounts and secrets --
pub const HOST_LABEL_BYTES_MAX: usize = 63;
/// Entries in each list of a site's rules.
pub const SITE_RULES_MAX: usize = 100;
pub const EMAIL_BYTES_MAX: usize = 254;
pub const PASSWORD_BYTES_MIN: usize = 8;
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Passwords hashed at once: each takes 19 MiB.
pub const PASSWORD_HASHES_MAX: usize = 2;
pub const PASSWORD_WAIT_MS_MAX: u64 = 5_000;
/// Wrong passwords for one account in a row; then one more every [`LOGIN_TRY_MS`]. More than
/// [`GUESSES_PER_IP_MAX`] lets one sender use up: a stranger who knows an account must not be able to
/// lock its owner out.
pub const LOGIN_TRIES_MAX: i64 = 40;
pub const LOGIN_TRY_MS: i64 = 10 * Millis::SECOND;
/// Wrong passwords for all addresses together; then one more every [`LOGIN_TRY_ANY_MS`].
pub const LOGIN_TRIES_ANY_MAX: i64 = 50;
pub const LOGIN_TRY_ANY_MS: i64 = Millis::SECOND;
/// Addresses whose wrong passwords are remembered.
pub const LOGIN_ADDRESSES_MAX: usize = 1_000;
pub const SETUP_TRIES_MAX: i64 = 5;
pub const SETUP_TRY_MS: i64 = 30 * Millis::SECOND;
pub const LOGIN_SESSION_MS: i64 = 30 * Millis::DAY;
pub const LOGIN_SESSIONS_PER_USER_MAX: usize = 50;
pub const TOKEN_NAME_BYTES_MAX: usize = 100;
pub const SETTING_BYTES_MAX: usize = 64 * 1024;

// -- what is counted beside the books --
/// Distinct (site, day, reason) held in memory between two writes.
pub const REFUSALS_HELD_MAX: usize = 10_000;
pub const REFUSALS_KEPT_DAYS: i32 = 400;
pub const UNKNOWN_HOSTS_MAX: usize = 100;
pub const UNKNOWN_HOST_KEPT_MS: i64 = 30 * Millis::DAY;

// -- verdicts --
/// Browsers whose events are watched at once.
pub const WATCHES_MAX: usize = 50;
/// What a watch that is slow to read may have waiting.
pub const WATCH_MESSAGES_MAX: usize = 256;
/// A watch ends by itself after this.
pub const WATCH_MS_MAX: u64 = 10 * 60 * 1_000;
/// Events that somebody asks about, the newest.
pub const FOLLOWED_MAX: usize = 4_096;
/// How long an event can be asked about.
pub const FOLLOWED_MS_MAX: i64 = 5 * Millis::MINUTE;

// -- connections --
pub const CONNECTIONS_MAX: usize = 10_000;
/// Of these, from one address (IPv6: one /64) that is no trusted proxy: an office is behind one.
pub const CONNECTIONS_PER_PEER_MAX: usize = 1_000;
/// How long a connection over that is kept to be told so.
pub const CONNECTION_REFUSAL_MS_MAX: u64 = 1_000;

// -- the check of a site's page --
/// What is read of a page, decoded.
pub const CHECKED_PAGE_BYTES_MAX: usize = 1024 * 1024;
pub const CHECKED_PAGE_HEADER_BYTES_MAX: usize = 64 * 1024;
/// How long a page may take, with all redirects.
pub const CHECKED_PAGE_WAIT_MS_MAX: u64 = 10_000;
pub const CHECKED_PAGE_REDIRECTS_MAX: usize = 5;
/// Of all people who are logged in; one runs at a time.
pub const PAGE_CHECKS_PER_MINUTE_MAX: usize = 6;
