use serde::Deserialize;
use weir_event::Amount;

use super::Checked;
use super::object::Object;
use super::scalar::Scalar;
use crate::money;

/// `{"amount": "12.34" | 12.34, "currency": "EUR"}`
#[derive(Deserialize)]
pub(super) struct Wire<'a> {
    #[serde(borrow, default)]
    amount: Scalar<'a>,
    #[serde(borrow, default)]
    currency: Scalar<'a>,
}

/// The revenue of an event, in its currency's smallest unit.
pub(super) fn revenue(sent: Object<Wire<'_>>) -> Checked<Amount> {
    match sent {
        Object::Absent => Checked::Absent,
        Object::Is(wire) => judge(&wire),
        Object::Other => Checked::Bad,
    }
}

fn judge(wire: &Wire<'_>) -> Checked<Amount> {
    let decimal = match &wire.amount {
        Scalar::Text(text) => text.to_string(),
        Scalar::Int(n) => n.to_string(),
        // The shortest text that reads back as the same number: what the script wrote.
        Scalar::Float(n) => n.to_string(),
        Scalar::Absent | Scalar::Bool(_) | Scalar::Nested => return Checked::Bad,
    };
    let Scalar::Text(currency) = &wire.currency else { return Checked::Bad };
    money::amount(&decimal, currency).map_or(Checked::Bad, Checked::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_revenue(json: &str, expected: Checked<(&str, i64)>) {
        let found = revenue(serde_json::from_str(json).expect("any JSON value is read"));
        let found = match &found {
            Checked::Good(amount) => Checked::Good((amount.currency(), amount.minor)),
            Checked::Absent => Checked::Absent,
            Checked::Bad => Checked::Bad,
        };
        assert_eq!(found, expected, "{json}");
    }

    #[test]
    fn revenue_is_a_number_or_a_text_with_a_currency() {
        check_revenue(r#"{"amount":"12.34","currency":"eur"}"#, Checked::Good(("EUR", 1_234)));
        check_revenue(r#"{"amount":12.34,"currency":"EUR"}"#, Checked::Good(("EUR", 1_234)));
        check_revenue(r#"{"amount":0.30000000000000004,"currency":"EUR"}"#, Checked::Good(("EUR", 30)));
        check_revenue(r#"{"amount":500,"currency":"JPY"}"#, Checked::Good(("JPY", 500)));
        check_revenue("null", Checked::Absent);
    }

    #[test]
    fn what_is_no_revenue_is_bad() {
        for json in [
            "12",
            "true",
            "[]",
            "[1,\"EUR\"]",
            "\"12 EUR\"",
            "{}",
            r#"{"amount":1}"#,
            r#"{"currency":"EUR"}"#,
            r#"{"amount":true,"currency":"EUR"}"#,
            r#"{"amount":1,"currency":978}"#,
            r#"{"amount":1e300,"currency":"EUR"}"#,
            r#"{"amount":[1],"currency":"EUR"}"#,
        ] {
            check_revenue(json, Checked::Bad);
        }
    }
}
