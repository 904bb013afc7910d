use weir_rollups::{Counters, Table};

/// Version 1 of the file.
pub(super) fn version_1() -> String {
    let mut sql = include_str!("schema.sql").to_owned();
    for table in Table::ALL {
        sql.push_str(&stats_table(table));
        sql.push_str(&stats_view(table));
    }
    sql.push_str(include_str!("views.sql"));
    sql
}

/// Every statistic has the same columns, so one piece of code writes, reads and verifies them all.
fn stats_table(table: Table) -> String {
    let counters: String = Counters::NAMES.map(|name| format!("    {name} INTEGER NOT NULL,\n")).concat();
    format!(
        "CREATE TABLE {} (
    site INTEGER NOT NULL,
    grain INTEGER NOT NULL,   -- 0 hour, 1 day, 2 month
    role INTEGER NOT NULL,
    bucket INTEGER NOT NULL,  -- start in UTC seconds; local day; year * 12 + month
    value INTEGER NOT NULL,
    second INTEGER NOT NULL,
{counters}    PRIMARY KEY (site, grain, role, bucket, value, second)
) WITHOUT ROWID;\n",
        table.name()
    )
}

fn stats_view(table: Table) -> String {
    let name = table.name();
    let (value, second) = match table {
        Table::Site => ("", ""),
        Table::Page => (", value.text AS page", ""),
        Table::Ref => (", value.text AS source", ""),
        Table::Utm => (", value.text AS tag", ""),
        Table::Country => (", value.text AS country", ""),
        Table::Device => (", value.text AS device", ""),
        Table::Browser => (", value.text AS browser", ""),
        Table::Os => (", value.text AS os", ""),
        Table::Event => (", value.text AS name", ", second.text AS currency, s.amount"),
        Table::Channel => (", value.text AS channel", ""),
        Table::Host => (", value.text AS host", ""),
        Table::Flow => (", value.text AS source_page", ", second.text AS target_page"),
    };
    let role = match table {
        Table::Page => ", CASE s.role WHEN 0 THEN 'page' WHEN 1 THEN 'entry' ELSE 'exit' END AS role",
        Table::Ref => ", CASE s.role WHEN 0 THEN 'source' ELSE 'referrer' END AS role",
        Table::Utm => {
            ", CASE s.role WHEN 0 THEN 'source' WHEN 1 THEN 'medium' WHEN 2 THEN 'campaign' \
             WHEN 3 THEN 'content' ELSE 'term' END AS role"
        }
        Table::Flow => ", s.role AS step",
        _ => "",
    };
    // Flows are kept by day only; their view has days where the others have hours.
    let (time, join, grain) = if table == Table::Flow {
        ("date(s.bucket * 86400, 'unixepoch') AS day", "", 1)
    } else {
        (
            "datetime(h.day * 86400 + h.wall_minutes * 60, 'unixepoch') AS hour",
            "JOIN site_hours h ON h.site = s.site AND h.start = s.bucket ",
            0,
        )
    };
    format!(
        "CREATE VIEW v_{name} AS
SELECT s.site AS website_id, {time}{role}{value}{second},
       s.first_visitors AS visitors, s.visitors AS active_visitors, s.visits, s.pageviews, s.events,
       s.bounces, s.duration_secs
FROM {name} s {join}LEFT JOIN strings value ON value.id = s.value LEFT JOIN strings second ON second.id = s.second
WHERE s.grain = {grain};\n"
    )
}
