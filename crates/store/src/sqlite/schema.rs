use weir_rollups::{Statistic, Table};

use super::layout::Layout;

/// From version 1 to 2.
pub(super) const VERSION_2: &str = include_str!("schema_2.sql");

/// The left side of the books: what queue files received, whether or not they are still there.
pub(super) const VERSION_3: &str = include_str!("schema_3.sql");

/// Dead rows that can be replayed or dropped.
pub(super) const VERSION_4: &str = include_str!("schema_4.sql");

/// Ids that are forgotten a few at a time.
pub(super) const VERSION_5: &str = include_str!("schema_5.sql");

/// Stamps of days and months.
pub(super) const VERSION_6: &str = include_str!("schema_6.sql");

/// The log of sealed days by visitor.
pub(super) const VERSION_7: &str = include_str!("schema_7.sql");

/// Version 1 of the file.
pub(super) fn version_1() -> String {
    let mut sql = include_str!("schema.sql").to_owned();
    for table in Table::ALL {
        sql.push_str(&stats_table(table));
    }
    for statistic in Statistic::BY_VALUE.into_iter().chain([Statistic::Flow]) {
        sql.push_str(&stats_view(statistic));
    }
    sql.push_str(&amount_view());
    sql.push_str(include_str!("views.sql"));
    sql
}

/// Statistics differ in which counters they have and in nothing else, so one piece of code writes,
/// reads and verifies them all.
fn stats_table(table: Table) -> String {
    let layout = Layout::of(table);
    let second = if layout.has_second { "\n    second INTEGER NOT NULL," } else { "" };
    let counters = layout.each("", |name| format!("    {name} INTEGER NOT NULL,\n"));
    format!(
        "CREATE TABLE {} (
    site INTEGER NOT NULL,
    grain INTEGER NOT NULL,   -- 0 hour, 1 day, 2 month
    role INTEGER NOT NULL,
    bucket INTEGER NOT NULL,  -- start in UTC seconds; local day; year * 12 + month
    value INTEGER NOT NULL,{second}
{counters}    PRIMARY KEY ({})
) WITHOUT ROWID;\n",
        table.name(),
        layout.key()
    )
}

/// One view per statistic: rows of two statistics count the same events, and must not be added up.
fn stats_view(statistic: Statistic) -> String {
    let (name, value) = match statistic {
        Statistic::Site => ("site", ""),
        Statistic::Page => ("page", "page"),
        Statistic::EntryPage => ("entry_page", "page"),
        Statistic::ExitPage => ("exit_page", "page"),
        Statistic::Source => ("source", "source"),
        Statistic::Referrer => ("referrer", "referrer"),
        Statistic::Channel => ("channel", "channel"),
        Statistic::UtmSource => ("utm_source", "utm_source"),
        Statistic::UtmMedium => ("utm_medium", "utm_medium"),
        Statistic::UtmCampaign => ("utm_campaign", "utm_campaign"),
        Statistic::UtmContent => ("utm_content", "utm_content"),
        Statistic::UtmTerm => ("utm_term", "utm_term"),
        Statistic::Country => ("country", "country"),
        Statistic::Device => ("device", "device"),
        Statistic::Browser => ("browser", "browser"),
        Statistic::Os => ("os", "os"),
        Statistic::Host => ("host", "host"),
        Statistic::Event => ("event", "name"),
        Statistic::Flow => return flow_view(),
    };
    let value = if value.is_empty() { String::new() } else { format!(", value.text AS {value}") };
    let layout = Layout::of(statistic.table());
    let told = |name: &&str| !["visitors", "first_visitors", "amount"].contains(name);
    let counters: Vec<String> = layout.names().filter(told).map(|name| format!("s.{name}")).collect();
    let counters = counters.join(", ");
    // Rows with a currency hold sales, which have a view of their own.
    let counts_only = if layout.has_second { " AND s.second = 0" } else { "" };
    format!(
        "CREATE VIEW v_{name}_stats AS
SELECT s.site AS website_id, {HOUR} AS hour{value}, s.first_visitors AS visitors,
       s.visitors AS active_visitors, {counters}
FROM {table} s {HOURS_JOINED} LEFT JOIN strings value ON value.id = s.value
WHERE s.grain = 0 AND s.role = {role}{counts_only};\n",
        table = statistic.table().name(),
        role = statistic.role(),
    )
}

/// What a clock at the site showed at the beginning of the bucket.
const HOUR: &str = "datetime(h.day * 86400 + h.wall_minutes * 60, 'unixepoch')";
const HOURS_JOINED: &str = "JOIN site_hours h ON h.site = s.site AND h.start = s.bucket";

/// What was sold under an event's name, by currency.
fn amount_view() -> String {
    format!(
        "CREATE VIEW v_amount_stats AS
SELECT s.site AS website_id, {HOUR} AS hour, value.text AS name, second.text AS currency, s.events AS sales, s.amount
FROM event_stats s {HOURS_JOINED} JOIN strings value ON value.id = s.value JOIN strings second ON second.id = s.second
WHERE s.grain = 0 AND s.second <> 0;\n"
    )
}

/// Flows are kept by day only.
fn flow_view() -> String {
    "CREATE VIEW v_flow_stats AS
SELECT s.site AS website_id, date(s.bucket * 86400, 'unixepoch') AS day, s.role AS step,
       value.text AS source_page, second.text AS target_page, s.visits
FROM flow_stats s JOIN strings value ON value.id = s.value JOIN strings second ON second.id = s.second
WHERE s.grain = 1;\n"
        .to_owned()
}
