use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};
use weir_event::limits::{DIMENSIONS_MAX, QUERY_GROUPS_MAX};

use super::NOT_SET;
use crate::Question;
use crate::parse::{Dimension, Leaf};

/// Numbers for the texts of properties, given out while one question is answered.
#[derive(Debug, Default)]
pub(crate) struct PropValues {
    numbers: FxHashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    overfull: bool,
}

/// What a question wants to know of an event's properties.
pub(crate) struct PropsAsked<'a> {
    /// (place in a group's values, property)
    told: Vec<(usize, &'a str)>,
    /// (number of the leaf, property, leaf)
    tested: Vec<(usize, &'a str, &'a Leaf)>,
}

/// Of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PropsFound {
    pub values: [u32; DIMENSIONS_MAX],
    /// One bit per leaf of the filter.
    pub leaves: u32,
}

impl Default for PropsFound {
    fn default() -> Self {
        Self { values: [NOT_SET; DIMENSIONS_MAX], leaves: 0 }
    }
}

const _: () = assert!(weir_event::limits::FILTERS_MAX <= u32::BITS as usize, "a leaf has a bit");

impl PropValues {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        if self.texts.len() == QUERY_GROUPS_MAX {
            self.overfull = true;
            return NOT_SET;
        }
        let number = u32::try_from(self.texts.len()).expect("their number is bounded");
        let text: Arc<str> = Arc::from(text);
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        number
    }

    /// Some texts got no number: what was found with these is not the answer.
    pub fn is_overfull(&self) -> bool {
        self.overfull
    }

    pub fn text(&self, number: u32) -> Option<&Arc<str>> {
        self.texts.get(number as usize)
    }
}

impl<'a> PropsAsked<'a> {
    pub fn of(question: &'a Question) -> Self {
        let prop = |dimension: &'a Dimension| match dimension {
            Dimension::Prop(key) => Some(key.as_str()),
            Dimension::Time(_) | Dimension::Of(_) => None,
        };
        let told = question.dimensions.iter().filter(|dimension| !matches!(dimension, Dimension::Time(_)));
        let told = told.enumerate().filter_map(|(place, dimension)| Some((place, prop(dimension)?)));
        let tested = question.leaves.iter().enumerate();
        let tested = tested.filter_map(|(number, leaf)| Some((number, prop(&leaf.dimension)?, leaf)));
        Self { told: told.collect(), tested: tested.collect() }
    }

    /// Whether rows are told apart by properties.
    pub fn tells(&self) -> bool {
        !self.told.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        self.told.is_empty() && self.tested.is_empty()
    }

    pub fn find(&self, props: &str, values: &mut PropValues) -> PropsFound {
        let mut found = PropsFound::default();
        let object: Map<String, Value> = serde_json::from_str(props).unwrap_or_default();
        for (place, key) in &self.told {
            // An empty text says as little as none; told apart here, no filter could ask for it.
            if let Some(text) = object.get(*key).map(text_of).filter(|text| !text.is_empty()) {
                found.values[*place] = values.number(&text);
            }
        }
        for (number, key, leaf) in &self.tested {
            let text = object.get(*key).map(text_of).unwrap_or_default();
            found.leaves |= u32::from(leaf.holds(&text)) << number;
        }
        found
    }
}

/// A property's value is a scalar; what isn't a text reads as JSON has it.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn properties_are_told_and_tested_by_their_text() {
        let body = json!({
            "site_id": "example.com", "metrics": ["events"], "date_range": "day",
            "dimensions": ["time:day", "visit:source", "event:props:plan", "event:props:seats"],
            "filters": [["is", "event:props:paid", ["true"]], ["is", "visit:source", ["x"]],
                        ["is_not", "event:props:plan", ["free"]]],
        });
        let question = Question::parse(body.to_string().as_bytes()).expect("a question");
        let asked = PropsAsked::of(&question);
        let mut values = PropValues::default();
        let found = asked.find(r#"{"plan":"pro","seats":7,"paid":true}"#, &mut values);
        let text = |place: usize| values.text(found.values[place]).map(|text| text.to_string());
        assert_eq!((text(1).as_deref(), text(2).as_deref()), (Some("pro"), Some("7")));
        assert_eq!(found.leaves, 0b101);
        let none = asked.find("", &mut values);
        assert_eq!((none.values, none.leaves), ([NOT_SET; DIMENSIONS_MAX], 0b100));
        let empty = asked.find(r#"{"plan":"","seats":null}"#, &mut values);
        assert_eq!((empty.values, empty.leaves), (none.values, none.leaves), "an empty text is none");
    }
}
