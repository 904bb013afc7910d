use regex::{Regex, RegexBuilder};
use serde_json::Value;
use weir_event::limits::{
    FILTER_CLAUSE_BYTES_MAX, FILTER_CLAUSES_MAX, FILTER_DEPTH_MAX, FILTER_PATTERN_BYTES_MAX, FILTERS_MAX,
};

use super::Dimension;
use crate::QueryError;

/// Which events a question is about. Leaves are numbers into [`Leaf`]s, so that whoever runs it can
/// decide each leaf in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Leaf(usize),
}

/// One test of one dimension.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub dimension: Dimension,
    pub matcher: Matcher,
    /// `is_not` and its like: none of the clauses matches.
    pub negated: bool,
}

/// Any of the clauses is enough. The absent value reads as the empty text.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    Is(Vec<String>),
    Contains(Vec<String>),
    /// Clauses in lower case.
    IsIgnoringCase(Vec<String>),
    ContainsIgnoringCase(Vec<String>),
    Matches(Vec<Regex>),
}

const OPERATORS_NOT_YET: [&str; 4] = ["has_done", "has_not_done", "matches_wildcard", "matches_wildcard_not"];

/// A pattern's compiled form; the crate's own limit is ten times this.
const PATTERN_COMPILED_BYTES_MAX: usize = 1 << 20;

impl Filter {
    /// The members of `filters` are joined by *and*.
    pub fn parse(filters: &[Value]) -> Result<(Self, Vec<Leaf>), QueryError> {
        let mut leaves = Vec::new();
        let all = list(filters, &mut leaves, 1)?;
        Ok((Self::And(all), leaves))
    }

    pub fn holds(&self, leaf: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.holds(leaf)),
            Self::Or(any) => any.iter().any(|filter| filter.holds(leaf)),
            Self::Not(filter) => !filter.holds(leaf),
            Self::Leaf(number) => leaf(*number),
        }
    }

    /// The number of the only leaf, where the filter is that leaf and nothing else.
    pub fn single(&self) -> Option<usize> {
        match self {
            Self::And(all) | Self::Or(all) => match all.as_slice() {
                [only] => only.single(),
                _ => None,
            },
            Self::Leaf(number) => Some(*number),
            Self::Not(_) => None,
        }
    }
}

impl Leaf {
    pub fn holds(&self, text: &str) -> bool {
        self.matcher.matches(text) != self.negated
    }
}

impl Matcher {
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Is(clauses) => clauses.iter().any(|clause| clause == text),
            Self::Contains(clauses) => clauses.iter().any(|clause| text.contains(clause)),
            Self::IsIgnoringCase(clauses) => {
                let text = text.to_lowercase();
                clauses.contains(&text)
            }
            Self::ContainsIgnoringCase(clauses) => {
                let text = text.to_lowercase();
                clauses.iter().any(|clause| text.contains(clause))
            }
            Self::Matches(patterns) => patterns.iter().any(|pattern| pattern.is_match(text)),
        }
    }
}

fn list(filters: &[Value], leaves: &mut Vec<Leaf>, depth: usize) -> Result<Vec<Filter>, QueryError> {
    filters.iter().map(|filter| one(filter, leaves, depth)).collect()
}

fn one(filter: &Value, leaves: &mut Vec<Leaf>, depth: usize) -> Result<Filter, QueryError> {
    if depth > FILTER_DEPTH_MAX {
        return Err(bad(format!("they are nested deeper than {FILTER_DEPTH_MAX} levels.")));
    }
    match filter.as_array().map(Vec::as_slice) {
        Some([Value::String(op), Value::Array(filters)]) if op == "and" || op == "or" => {
            if filters.is_empty() {
                return Err(bad(format!("{op:?} needs at least one filter.")));
            }
            let filters = list(filters, leaves, depth + 1)?;
            Ok(if op == "and" { Filter::And(filters) } else { Filter::Or(filters) })
        }
        Some([Value::String(op), filter]) if op == "not" => {
            Ok(Filter::Not(Box::new(one(filter, leaves, depth + 1)?)))
        }
        Some([Value::String(op), ..]) if OPERATORS_NOT_YET.contains(&op.as_str()) => {
            Err(bad(format!("{op:?} is not supported yet.")))
        }
        Some([Value::String(op), Value::String(dimension), Value::Array(clauses), rest @ ..])
            if rest.len() <= 1 =>
        {
            if leaves.len() == FILTERS_MAX {
                return Err(bad(format!("there are more than {FILTERS_MAX}.")));
            }
            leaves.push(leaf(op, dimension, clauses, rest.first())?);
            Ok(Filter::Leaf(leaves.len() - 1))
        }
        _ => Err(bad(
            "each is [operator, dimension, [clauses]] or [operator, dimension, [clauses], {\"case_sensitive\": \
             false}], or [\"and\", [...]], [\"or\", [...]], [\"not\", ...]."
                .to_owned(),
        )),
    }
}

fn leaf(op: &str, name: &str, clauses: &[Value], modifiers: Option<&Value>) -> Result<Leaf, QueryError> {
    let dimension = Dimension::parse("filters", name)?;
    if matches!(dimension, Dimension::Time(_)) {
        return Err(bad(format!("{name:?} can't be filtered by; date_range does that.")));
    }
    let mut clauses = texts(name, clauses)?;
    let case_sensitive = case_sensitive(modifiers)?;
    let (op, negated) = match op.strip_suffix("_not") {
        Some("is") => ("is", true),
        Some("contains") => ("contains", true),
        Some("matches") => ("matches", true),
        _ => (op, false),
    };
    if op == "is" {
        clauses.iter_mut().filter(|clause| *clause == dimension.absent()).for_each(String::clear);
    }
    let matcher = match (op, case_sensitive) {
        ("is", true) => Matcher::Is(clauses),
        ("is", false) => Matcher::IsIgnoringCase(lower(&clauses)),
        ("contains", true) => Matcher::Contains(clauses),
        ("contains", false) => Matcher::ContainsIgnoringCase(lower(&clauses)),
        ("matches", true) => Matcher::Matches(patterns(&clauses)?),
        ("matches", false) => {
            return Err(bad(
                "case_sensitive goes with is and contains; write (?i) in the pattern.".to_owned()
            ));
        }
        _ => {
            let shown: String = op.chars().take(60).collect();
            return Err(bad(format!(
                "{shown:?} is no operator; give one of is, is_not, contains, contains_not, matches, matches_not, and, \
                 or, not."
            )));
        }
    };
    Ok(Leaf { dimension, matcher, negated })
}

fn texts(name: &str, clauses: &[Value]) -> Result<Vec<String>, QueryError> {
    if clauses.is_empty() || clauses.len() > FILTER_CLAUSES_MAX {
        return Err(bad(format!("{name:?} takes between 1 and {FILTER_CLAUSES_MAX} clauses.")));
    }
    let text = |clause: &Value| match clause {
        Value::String(text) if text.len() <= FILTER_CLAUSE_BYTES_MAX => Ok(text.clone()),
        _ => Err(bad(format!(
            "a clause of {name:?} is no text, or is longer than {FILTER_CLAUSE_BYTES_MAX} bytes."
        ))),
    };
    clauses.iter().map(text).collect()
}

fn case_sensitive(modifiers: Option<&Value>) -> Result<bool, QueryError> {
    let Some(modifiers) = modifiers else { return Ok(true) };
    let known = modifiers.as_object().filter(|object| object.keys().all(|key| key == "case_sensitive"));
    match known.map(|object| object.get("case_sensitive")) {
        Some(None) => Ok(true),
        Some(Some(Value::Bool(sensitive))) => Ok(*sensitive),
        _ => Err(bad("the only modifier is {\"case_sensitive\": true or false}.".to_owned())),
    }
}

fn lower(clauses: &[String]) -> Vec<String> {
    clauses.iter().map(|clause| clause.to_lowercase()).collect()
}

fn patterns(clauses: &[String]) -> Result<Vec<Regex>, QueryError> {
    let pattern = |clause: &String| {
        if clause.len() > FILTER_PATTERN_BYTES_MAX {
            return Err(bad(format!("a pattern is longer than {FILTER_PATTERN_BYTES_MAX} bytes.")));
        }
        RegexBuilder::new(clause)
            .size_limit(PATTERN_COMPILED_BYTES_MAX)
            .dfa_size_limit(PATTERN_COMPILED_BYTES_MAX)
            .build()
            .map_err(|_| bad(format!("{clause:?} is no regular expression, or one that is too large.")))
    };
    clauses.iter().map(pattern).collect()
}

fn bad(sentence: String) -> QueryError {
    QueryError::bad(format!("filters: {sentence}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(filters: Value) -> Result<(Filter, Vec<Leaf>), QueryError> {
        Filter::parse(filters.as_array().expect("a list"))
    }

    /// Whether a page of this text passes.
    fn check_page(filters: Value, page: &str, passes: bool) {
        let (filter, leaves) = parse(filters.clone()).expect("filters");
        assert_eq!(filter.holds(&|leaf| leaves[leaf].holds(page)), passes, "{filters} of {page:?}");
    }

    #[test]
    fn operators_do_what_their_names_say() {
        check_page(json!([["is", "event:page", ["/a", "/b"]]]), "/b", true);
        check_page(json!([["is", "event:page", ["/a", "/b"]]]), "/B", false);
        check_page(json!([["is", "event:page", ["/ä"], {"case_sensitive": false}]]), "/Ä", true);
        check_page(json!([["is_not", "event:page", ["/a", "/b"]]]), "/b", false);
        check_page(json!([["is_not", "event:page", ["/a", "/b"]]]), "/c", true);
        check_page(json!([["contains", "event:page", ["doc", "pri"]]]), "/pricing", true);
        check_page(json!([["contains", "event:page", ["DOC"], {"case_sensitive": false}]]), "/docs", true);
        check_page(json!([["contains_not", "event:page", ["doc", "pri"]]]), "/pricing", false);
        check_page(json!([["matches", "event:page", ["^/user/\\d+$"]]]), "/user/7", true);
        check_page(json!([["matches", "event:page", ["^/user/\\d+$"]]]), "/user/x", false);
        check_page(json!([["matches_not", "event:page", ["^/user/\\d+$"]]]), "/user/x", true);
    }

    #[test]
    fn filters_nest() {
        let either =
            json!([["or", [["is", "event:page", ["/a"]], ["not", ["contains", "event:page", ["/"]]]]]]);
        check_page(either.clone(), "/a", true);
        check_page(either.clone(), "/b", false);
        check_page(either, "b", true);
        check_page(json!([["is", "event:page", ["/a"]], ["is", "event:page", ["/b"]]]), "/a", false);
        check_page(json!([]), "/a", true);
    }

    #[test]
    fn what_an_answer_calls_absent_is_the_empty_text() {
        let (filter, leaves) = parse(json!([["is", "visit:utm_source", ["(not set)"]]])).expect("filters");
        assert!(filter.holds(&|leaf| leaves[leaf].holds("")));
    }

    fn check_refusal(filter: Value, part: &str) {
        let error = parse(json!([filter])).expect_err("a refusal").to_string();
        assert!(error.starts_with("filters: ") && error.contains(part), "{filter}: {error}");
    }

    #[test]
    fn what_is_no_filter_is_refused_with_a_reason() {
        check_refusal(json!("is"), "each is [operator");
        check_refusal(json!([]), "each is [operator");
        check_refusal(json!(["is", "event:page", "/a"]), "each is [operator");
        check_refusal(json!(["is", "event:page", ["/a"], {}, {}]), "each is [operator");
        check_refusal(json!(["like", "event:page", ["/a"]]), "\"like\" is no operator");
        check_refusal(
            json!(["has_done", ["is", "event:goal", ["Signup"]]]),
            "\"has_done\" is not supported yet",
        );
        check_refusal(json!(["is", "event:goal", ["Signup"]]), "\"event:goal\" is not supported yet");
        check_refusal(json!(["is", "segment", [2]]), "\"segment\" is not supported yet");
        check_refusal(json!(["is", "time:day", ["2026-01-01"]]), "date_range");
        check_refusal(json!(["is", "visit:mood", ["good"]]), "\"visit:mood\" is not known");
        check_refusal(json!(["is", "event:page", [7]]), "no text");
        check_refusal(json!(["is", "event:page", []]), "between 1 and");
        check_refusal(json!(["matches", "event:page", ["("]]), "no regular expression");
        check_refusal(json!(["matches", "event:page", ["\\w{1000}{1000}"]]), "no regular expression");
        check_refusal(json!(["is", "event:page", ["/"], {"loud": true}]), "case_sensitive");
        check_refusal(json!(["matches", "event:page", ["/"], {"case_sensitive": false}]), "(?i)");
        check_refusal(json!(["and", []]), "at least one");
    }

    /// `make(max)` passes, `make(max + 1)` is refused.
    fn check_limit(max: usize, make: impl Fn(usize) -> Value) {
        assert!(parse(make(max)).is_ok(), "at {max}");
        assert!(parse(make(max + 1)).is_err(), "past {max}");
    }

    #[test]
    fn filters_are_bounded() {
        let leaf = json!(["is", "event:page", ["/"]]);
        check_limit(FILTERS_MAX, |n| Value::Array(vec![leaf.clone(); n]));
        check_limit(FILTER_DEPTH_MAX, |n| {
            json!([(1..n).fold(leaf.clone(), |inner, _| json!(["not", inner]))])
        });
        check_limit(FILTER_CLAUSES_MAX, |n| json!([["is", "event:page", vec!["/"; n]]]));
        check_limit(FILTER_CLAUSE_BYTES_MAX, |n| json!([["is", "event:page", ["x".repeat(n)]]]));
        check_limit(FILTER_PATTERN_BYTES_MAX, |n| json!([["matches", "event:page", ["x".repeat(n)]]]));
    }
}
