//! The body as JSON has it. These types go no further than this folder.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::QueryError;

/// A question, in the form of version 2 of Plausible's Stats API.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionBody {
    /// Domain of the site.
    #[schema(example = "example.com")]
    pub site_id: String,
    /// What to count: visitors, visits, pageviews, `views_per_visit`, `bounce_rate`,
    /// `visit_duration`, events, percentage.
    #[schema(example = json!(["visitors", "pageviews"]))]
    pub metrics: Vec<String>,
    /// day, 24h, 7d, 28d, 30d, 91d, month, 6mo, 12mo, year, all, or `[from, to]` as two dates or two
    /// times with offsets, both inclusive.
    #[schema(value_type = Object, example = json!("7d"))]
    pub date_range: Value,
    /// What to tell rows apart by: time, time:hour, event:page, visit:source, event:props:plan, ...
    #[serde(default)]
    #[schema(example = json!(["visit:source"]))]
    pub dimensions: Vec<String>,
    /// `[operator, dimension, clauses]` or `["and" | "or" | "not", ...]`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>, example = json!([["is", "visit:country", ["DE"]]]))]
    pub filters: Vec<Value>,
    /// `[metric or dimension, "asc" | "desc"]`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Vec<String>>>, example = json!([["visitors", "desc"]]))]
    pub order_by: Option<Vec<(String, String)>>,
    #[serde(default)]
    pub include: IncludeBody,
    #[serde(default)]
    pub pagination: PaginationBody,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IncludeBody {
    /// Only `false`: there are no imported figures.
    #[serde(default)]
    pub imports: bool,
    /// Lists every bucket of the time dimension in `meta.time_labels`.
    #[serde(default)]
    pub time_labels: bool,
    /// Says in `meta.total_rows` how many rows there are over all pages.
    #[serde(default)]
    pub total_rows: bool,
    /// Weir's own: figures of the period before, beside each row.
    #[serde(default)]
    pub comparisons: Option<ComparisonsBody>,
    /// Weir's own: says in `meta.plan` what was read for the answer.
    #[serde(default)]
    pub plan: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparisonsBody {
    /// `previous_period`.
    #[schema(example = "previous_period")]
    pub mode: String,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaginationBody {
    /// 10,000 where not given, which is also the most.
    pub limit: Option<usize>,
    #[serde(default)]
    pub offset: usize,
}

impl QuestionBody {
    pub(super) fn read(body: &[u8]) -> Result<Self, QueryError> {
        let max = weir_event::limits::QUERY_BODY_BYTES_MAX;
        if body.len() > max {
            return Err(QueryError::bad(format!("The query is larger than {} KB.", max / 1024)));
        }
        serde_json::from_slice(body).map_err(|error| QueryError::bad(sentence(&error)))
    }
}

/// The reader's message names the member; positions in the body help only where it is no JSON.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if error.is_data() {
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        format!("The query is not of the documented form: {message}.")
    } else {
        format!("The query is not JSON: {text}.")
    }
}
