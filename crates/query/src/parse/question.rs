use serde_json::Value;
use weir_event::limits::{DIMENSIONS_MAX, METRICS_MAX, QUERY_ROWS_MAX};

use super::wire::{IncludeBody, PaginationBody, QuestionBody};
use super::{Asked, Dimension, Filter, Leaf, Metric};
use crate::QueryError;

/// A question that makes sense, not yet put to a site.
#[derive(Debug, Clone)]
pub struct Question {
    pub(crate) site: String,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) asked: Asked,
    pub(crate) dimensions: Vec<Dimension>,
    pub(crate) filter: Filter,
    pub(crate) leaves: Vec<Leaf>,
    /// As they came, for the answer's echo.
    pub(crate) filters: Vec<Value>,
    /// `None`: the default order.
    pub(crate) order: Option<Vec<Order>>,
    pub(crate) include: Include,
    pub(crate) pagination: Pagination,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub by: Ordered,
    pub direction: Direction,
}

/// A place in the question's metrics or dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ordered {
    Metric(usize),
    Dimension(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Include {
    pub time_labels: bool,
    pub total_rows: bool,
    pub comparison: bool,
    pub plan: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pagination {
    pub offset: usize,
    pub limit: usize,
}

impl Question {
    /// # Errors
    /// [`QueryError::BadRequest`], naming the member that isn't understood.
    pub fn parse(body: &[u8]) -> Result<Self, QueryError> {
        let body = QuestionBody::read(body)?;
        let metrics = metrics(&body.metrics)?;
        let dimensions = dimensions(&body.dimensions)?;
        if dimensions.is_empty() && metrics.contains(&Metric::Percentage) {
            return Err(QueryError::bad("metrics: \"percentage\" needs a dimension."));
        }
        let order =
            body.order_by.map(|order| order_by(&order, &body.metrics, &body.dimensions)).transpose()?;
        let (filter, leaves) = Filter::parse(&body.filters)?;
        Ok(Self {
            asked: Asked::parse(&body.date_range)?,
            include: include(&body.include, &dimensions)?,
            pagination: pagination(&body.pagination)?,
            site: body.site_id,
            filters: body.filters,
            metrics,
            dimensions,
            filter,
            leaves,
            order,
        })
    }

    /// The domain of the site that it asks about.
    pub fn site(&self) -> &str {
        &self.site
    }
}

fn metrics(names: &[String]) -> Result<Vec<Metric>, QueryError> {
    if names.is_empty() || names.len() > METRICS_MAX {
        return Err(QueryError::bad(format!("metrics: give between 1 and {METRICS_MAX}.")));
    }
    let metrics = names.iter().map(|name| Metric::parse(name)).collect::<Result<Vec<_>, _>>()?;
    once("metrics", names)?;
    Ok(metrics)
}

fn dimensions(names: &[String]) -> Result<Vec<Dimension>, QueryError> {
    if names.len() > DIMENSIONS_MAX {
        return Err(QueryError::bad(format!("dimensions: give at most {DIMENSIONS_MAX}.")));
    }
    let dimensions =
        names.iter().map(|name| Dimension::parse("dimensions", name)).collect::<Result<Vec<_>, _>>()?;
    once("dimensions", names)?;
    if dimensions.iter().filter(|dimension| matches!(dimension, Dimension::Time(_))).count() > 1 {
        return Err(QueryError::bad("dimensions: only one of them can be a time."));
    }
    Ok(dimensions)
}

fn once(member: &str, names: &[String]) -> Result<(), QueryError> {
    match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        Some((_, twice)) => Err(QueryError::bad(format!("{member}: {twice:?} is there twice."))),
        None => Ok(()),
    }
}

fn order_by(
    order: &[(String, String)],
    metrics: &[String],
    dimensions: &[String],
) -> Result<Vec<Order>, QueryError> {
    if order.len() > METRICS_MAX + DIMENSIONS_MAX {
        return Err(QueryError::bad("order_by: it is longer than metrics and dimensions together."));
    }
    let one = |(name, direction): &(String, String)| {
        let metric = metrics.iter().position(|metric| metric == name).map(Ordered::Metric);
        let place = || dimensions.iter().position(|dimension| dimension == name).map(Ordered::Dimension);
        let by = metric.or_else(place).ok_or_else(|| {
            let shown: String = name.chars().take(60).collect();
            QueryError::bad(format!("order_by: {shown:?} is not among the metrics or dimensions."))
        })?;
        let direction = match direction.as_str() {
            "asc" => Direction::Ascending,
            "desc" => Direction::Descending,
            _ => return Err(QueryError::bad("order_by: a direction is \"asc\" or \"desc\".")),
        };
        Ok(Order { by, direction })
    };
    order.iter().map(one).collect()
}

fn include(body: &IncludeBody, dimensions: &[Dimension]) -> Result<Include, QueryError> {
    if body.imports {
        return Err(QueryError::bad("include.imports: imported figures are not supported yet."));
    }
    if body.time_labels && !dimensions.iter().any(|dimension| matches!(dimension, Dimension::Time(_))) {
        return Err(QueryError::bad("include.time_labels: it needs a time dimension."));
    }
    match &body.comparisons {
        Some(comparisons) if comparisons.mode != "previous_period" => {
            Err(QueryError::bad("include.comparisons: the only mode is \"previous_period\"."))
        }
        comparisons => Ok(Include {
            time_labels: body.time_labels,
            total_rows: body.total_rows,
            comparison: comparisons.is_some(),
            plan: body.plan,
        }),
    }
}

fn pagination(body: &PaginationBody) -> Result<Pagination, QueryError> {
    let limit = body.limit.unwrap_or(QUERY_ROWS_MAX);
    if limit == 0 || limit > QUERY_ROWS_MAX {
        return Err(QueryError::bad(format!("pagination: limit lies between 1 and {QUERY_ROWS_MAX}.")));
    }
    Ok(Pagination { offset: body.offset, limit })
}

impl Direction {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_event::limits::QUERY_BODY_BYTES_MAX;

    use super::*;

    /// A small question with some members changed.
    fn body(changes: Value) -> Vec<u8> {
        let mut body = json!({"site_id": "example.com", "metrics": ["visitors"], "date_range": "7d"});
        let object = body.as_object_mut().expect("an object");
        object.extend(changes.as_object().expect("an object").clone());
        body.to_string().into_bytes()
    }

    fn check_refusal(changes: Value, part: &str) {
        let error = Question::parse(&body(changes.clone())).expect_err("a refusal").to_string();
        assert!(error.contains(part), "{changes}: {error}");
    }

    #[test]
    fn a_small_question_has_the_documented_defaults() {
        let question = Question::parse(&body(json!({}))).expect("a question");
        assert_eq!(question.site(), "example.com");
        assert_eq!(question.pagination, Pagination { offset: 0, limit: 10_000 });
        assert_eq!(question.include, Include::default());
        assert_eq!(question.order, None);
        assert!(question.dimensions.is_empty() && question.leaves.is_empty());
    }

    #[test]
    fn a_full_question_is_understood() {
        let changes = json!({
            "metrics": ["visitors", "bounce_rate"],
            "dimensions": ["time:day", "event:props:plan"],
            "filters": [["is", "visit:country", ["DE"]]],
            "order_by": [["bounce_rate", "asc"], ["time:day", "desc"]],
            "include": {"imports": false, "time_labels": true, "total_rows": true,
                        "comparisons": {"mode": "previous_period"}, "plan": true},
            "pagination": {"limit": 3, "offset": 1},
        });
        let question = Question::parse(&body(changes)).expect("a question");
        assert_eq!(question.order.as_ref().map(|order| order[0].by), Some(Ordered::Metric(1)));
        assert_eq!(question.order.as_ref().map(|order| order[1].by), Some(Ordered::Dimension(0)));
        assert_eq!(question.pagination, Pagination { offset: 1, limit: 3 });
        assert!(question.include.comparison && question.include.plan);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        check_refusal(json!({"metric": ["visitors"]}), "unknown field `metric`");
        check_refusal(json!({"include": {"labels": true}}), "unknown field `labels`");
        check_refusal(json!({"include": {"imports": true}}), "include.imports");
        check_refusal(json!({"include": {"time_labels": true}}), "include.time_labels");
        check_refusal(json!({"include": {"comparisons": {"mode": "year_over_year"}}}), "include.comparisons");
        check_refusal(json!({"metrics": []}), "metrics: give between");
        check_refusal(json!({"metrics": "visitors"}), "invalid type");
        check_refusal(json!({"metrics": ["visitors", "visitors"]}), "\"visitors\" is there twice");
        check_refusal(json!({"metrics": ["percentage"]}), "needs a dimension");
        check_refusal(json!({"metrics": ["total_revenue"]}), "\"total_revenue\" is not supported yet");
        check_refusal(json!({"dimensions": ["event:goal"]}), "\"event:goal\" is not supported yet");
        check_refusal(json!({"dimensions": ["time:day", "time:hour"]}), "only one of them");
        check_refusal(json!({"order_by": [["visits", "desc"]]}), "\"visits\" is not among");
        check_refusal(json!({"order_by": [["visitors", "down"]]}), "order_by: a direction");
        check_refusal(json!({"order_by": [["visitors"]]}), "invalid length");
        check_refusal(json!({"pagination": {"limit": 0}}), "pagination: limit");
        check_refusal(json!({"pagination": {"offset": -1}}), "invalid value");
        check_refusal(json!({"site_id": 7}), "invalid type");
    }

    #[test]
    fn a_body_without_what_is_needed_or_that_is_no_json_is_refused() {
        for (body, part) in [
            ("{}", "missing field `site_id`"),
            ("[]", "not of the documented form"),
            ("{\"site_id\":", "not JSON"),
            ("\u{0}", "not JSON"),
            ("", "not JSON"),
        ] {
            let error = Question::parse(body.as_bytes()).expect_err("a refusal").to_string();
            assert!(error.contains(part), "{body:?}: {error}");
        }
        let mut large = body(json!({}));
        large.resize(QUERY_BODY_BYTES_MAX, b' ');
        assert!(Question::parse(&large).is_ok());
        large.push(b' ');
        assert!(Question::parse(&large).expect_err("too large").to_string().contains("64 KB"));
    }

    #[test]
    fn lists_and_pages_are_bounded() {
        let dimensions = |n: usize| {
            let names: Vec<_> = (0..n).map(|n| format!("event:props:p{n}")).collect();
            Question::parse(&body(json!({"dimensions": names})))
        };
        assert!(dimensions(DIMENSIONS_MAX).is_ok() && dimensions(DIMENSIONS_MAX + 1).is_err());
        let limit = |n: usize| Question::parse(&body(json!({"pagination": {"limit": n}})));
        assert!(limit(QUERY_ROWS_MAX).is_ok() && limit(QUERY_ROWS_MAX + 1).is_err());
        check_refusal(json!({"metrics": vec!["visitors"; METRICS_MAX + 1]}), "metrics: give between");
    }
}
