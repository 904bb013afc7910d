use weir_rollups::Statistic;

use crate::QueryError;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    Visitors,
    Visits,
    Pageviews,
    ViewsPerVisit,
    BounceRate,
    VisitDuration,
    Events,
    Percentage,
}

/// How wide the buckets of a time dimension are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Interval {
    Hour,
    Day,
    Week,
    Month,
}

/// What rows are told apart by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dimension {
    /// `None` is plain `time`: the range decides.
    Time(Option<Interval>),
    Of(Statistic),
    /// A custom property.
    Prop(String),
}

const METRICS: [(&str, Metric); 8] = [
    ("visitors", Metric::Visitors),
    ("visits", Metric::Visits),
    ("pageviews", Metric::Pageviews),
    ("views_per_visit", Metric::ViewsPerVisit),
    ("bounce_rate", Metric::BounceRate),
    ("visit_duration", Metric::VisitDuration),
    ("events", Metric::Events),
    ("percentage", Metric::Percentage),
];

const METRICS_NOT_YET: [&str; 7] = [
    "conversion_rate",
    "group_conversion_rate",
    "average_revenue",
    "total_revenue",
    "scroll_depth",
    "time_on_page",
    "exit_rate",
];

const TIMES: [(&str, Option<Interval>); 5] = [
    ("time", None),
    ("time:hour", Some(Interval::Hour)),
    ("time:day", Some(Interval::Day)),
    ("time:week", Some(Interval::Week)),
    ("time:month", Some(Interval::Month)),
];

const STATISTICS: [(&str, Statistic); 17] = [
    ("event:page", Statistic::Page),
    ("event:hostname", Statistic::Host),
    ("event:name", Statistic::Event),
    ("visit:entry_page", Statistic::EntryPage),
    ("visit:exit_page", Statistic::ExitPage),
    ("visit:source", Statistic::Source),
    ("visit:referrer", Statistic::Referrer),
    ("visit:channel", Statistic::Channel),
    ("visit:utm_source", Statistic::UtmSource),
    ("visit:utm_medium", Statistic::UtmMedium),
    ("visit:utm_campaign", Statistic::UtmCampaign),
    ("visit:utm_content", Statistic::UtmContent),
    ("visit:utm_term", Statistic::UtmTerm),
    ("visit:country", Statistic::Country),
    ("visit:device", Statistic::Device),
    ("visit:browser", Statistic::Browser),
    ("visit:os", Statistic::Os),
];

const DIMENSIONS_NOT_YET: [&str; 13] = [
    "event:goal",
    "segment",
    "time:minute",
    "visit:browser_version",
    "visit:os_version",
    "visit:region",
    "visit:city",
    "visit:country_name",
    "visit:region_name",
    "visit:city_name",
    "visit:screen",
    "visit:entry_page_hostname",
    "visit:exit_page_hostname",
];

const PROP: &str = "event:props:";

impl Metric {
    pub fn parse(name: &str) -> Result<Self, QueryError> {
        let known = METRICS.iter().find(|(known, _)| *known == name).map(|(_, metric)| *metric);
        known.ok_or_else(|| refuse("metrics", name, &METRICS_NOT_YET, METRICS.iter().map(|(name, _)| *name)))
    }

    pub fn name(self) -> &'static str {
        METRICS.iter().find(|(_, metric)| *metric == self).map_or("", |(name, _)| name)
    }

    /// Counts distinct visitors, which can't be added up over hours.
    pub fn is_distinct(self) -> bool {
        matches!(self, Self::Visitors | Self::Percentage)
    }
}

impl Dimension {
    /// `member` is where the name stood, for the error's sentence.
    pub fn parse(member: &str, name: &str) -> Result<Self, QueryError> {
        if let Some((_, interval)) = TIMES.iter().find(|(known, _)| *known == name) {
            return Ok(Self::Time(*interval));
        }
        if let Some((_, statistic)) = STATISTICS.iter().find(|(known, _)| *known == name) {
            return Ok(Self::Of(*statistic));
        }
        match name.strip_prefix(PROP) {
            Some(key) if key.len() > weir_event::limits::PROP_KEY_BYTES_MAX => {
                Err(QueryError::bad(format!("{member}: the property's name is too long.")))
            }
            Some(key) if !key.is_empty() => Ok(Self::Prop(key.to_owned())),
            _ => {
                let known =
                    TIMES.iter().map(|(name, _)| *name).chain(STATISTICS.iter().map(|(name, _)| *name));
                Err(refuse(member, name, &DIMENSIONS_NOT_YET, known.chain(["event:props:<name>"])))
            }
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Time(interval) => {
                TIMES.iter().find(|(_, known)| known == interval).map_or("", |(name, _)| name).to_owned()
            }
            Self::Of(statistic) => STATISTICS
                .iter()
                .find(|(_, known)| known == statistic)
                .map_or("", |(name, _)| name)
                .to_owned(),
            Self::Prop(key) => format!("{PROP}{key}"),
        }
    }

    /// How an answer says that there is no value.
    pub fn absent(&self) -> &'static str {
        match self {
            Self::Of(
                Statistic::Referrer
                | Statistic::UtmSource
                | Statistic::UtmMedium
                | Statistic::UtmCampaign
                | Statistic::UtmContent
                | Statistic::UtmTerm,
            ) => "(not set)",
            Self::Prop(_) => "(none)",
            Self::Of(_) | Self::Time(_) => "",
        }
    }
}

fn refuse(
    member: &str,
    name: &str,
    not_yet: &[&str],
    known: impl Iterator<Item = &'static str>,
) -> QueryError {
    if not_yet.contains(&name) {
        return QueryError::bad(format!("{member}: {name:?} is not supported yet."));
    }
    let known: Vec<_> = known.collect();
    let shown: String = name.chars().take(60).collect();
    QueryError::bad(format!("{member}: {shown:?} is not known; give one of {}.", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_their_parse() {
        for (name, _) in METRICS {
            assert_eq!(Metric::parse(name).expect("a metric").name(), name);
        }
        let times = TIMES.iter().map(|(name, _)| *name);
        for name in times.chain(STATISTICS.iter().map(|(name, _)| *name)).chain(["event:props:plan"]) {
            assert_eq!(Dimension::parse("dimensions", name).expect("a dimension").name(), name);
        }
    }

    #[test]
    fn every_statistic_by_value_has_a_dimension_but_the_whole_site() {
        for statistic in Statistic::BY_VALUE.iter().filter(|statistic| **statistic != Statistic::Site) {
            assert!(!Dimension::Of(*statistic).name().is_empty(), "{statistic:?}");
        }
    }

    fn check_refusal(error: QueryError, parts: [&str; 2]) {
        let sentence = error.to_string();
        assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
    }

    #[test]
    fn what_is_unknown_or_not_supported_yet_is_named() {
        check_refusal(Metric::parse("hits").expect_err("unknown"), ["\"hits\"", "visitors, visits"]);
        check_refusal(
            Metric::parse("total_revenue").expect_err("later"),
            ["\"total_revenue\"", "not supported yet"],
        );
        let goal = Dimension::parse("dimensions", "event:goal").expect_err("later");
        check_refusal(goal, ["\"event:goal\"", "not supported yet"]);
        check_refusal(
            Dimension::parse("filters", "visit:mood").expect_err("unknown"),
            ["filters: \"visit:mood\"", "visit:os"],
        );
        check_refusal(
            Dimension::parse("dimensions", "event:props:").expect_err("empty"),
            ["event:props:", "known"],
        );
    }

    #[test]
    fn a_property_name_is_bounded() {
        let at = |bytes: usize| Dimension::parse("dimensions", &format!("{PROP}{}", "k".repeat(bytes)));
        assert!(at(weir_event::limits::PROP_KEY_BYTES_MAX).is_ok());
        assert!(at(weir_event::limits::PROP_KEY_BYTES_MAX + 1).is_err());
    }
}
