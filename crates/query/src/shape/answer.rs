use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::parse::Include;

/// In the form of version 2 of Plausible's Stats API.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Answer {
    pub results: Vec<Row>,
    pub meta: Meta,
    pub query: Echo,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Row {
    /// In the order of the query's metrics.
    pub metrics: Vec<Figure>,
    /// In the order of the query's dimensions.
    #[schema(example = json!(["Google"]))]
    pub dimensions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// The same row in the period before.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Comparison {
    pub metrics: Vec<Figure>,
    /// Percent, relative to the period before; null where that was zero.
    pub change: Vec<Option<f64>>,
    /// The row's own, but for the time.
    pub dimensions: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Figure {
    Whole(i64),
    Real(f64),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_labels: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_rows: Option<usize>,
    /// By metric.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metric_warnings: BTreeMap<String, Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Vec<String>>,
    /// RFC 3339. What was acknowledged before is in the figures. Whoever asks the queue fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete_until: Option<String>,
    /// Acknowledged events, of all sites, that are not in the figures yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
}

/// What to know about a metric's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Warning {
    #[schema(example = "sum_of_daily_visitors")]
    pub code: String,
    pub warning: String,
}

/// The query as it was understood.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Echo {
    pub site_id: String,
    pub metrics: Vec<String>,
    /// ISO 8601 in the site's time zone, both inclusive.
    #[schema(example = json!(["2026-03-08T00:00:00-05:00", "2026-03-14T23:59:59-04:00"]))]
    pub date_range: [String; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison_date_range: Option<[String; 2]>,
    #[schema(value_type = Vec<Object>)]
    pub filters: Vec<Value>,
    pub dimensions: Vec<String>,
    pub order_by: Vec<[String; 2]>,
    pub include: EchoInclude,
    pub pagination: PageEcho,
}

/// What was asked for beyond the rows; the rest is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EchoInclude {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub time_labels: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub total_rows: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparisons: Option<ComparisonsEcho>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub plan: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ComparisonsEcho {
    pub mode: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PageEcho {
    pub offset: usize,
    pub limit: usize,
}

impl EchoInclude {
    pub(super) fn of(include: Include) -> Self {
        Self {
            time_labels: include.time_labels,
            total_rows: include.total_rows,
            comparisons: include.comparison.then(|| ComparisonsEcho { mode: "previous_period".to_owned() }),
            plan: include.plan,
        }
    }
}
