use serde_json::Value;

use crate::house::House;

#[tokio::test]
async fn the_document_describes_every_route() {
    let house = House::new();
    let document = house.get("/api/openapi.json", "").await.ok();
    let mut found: Vec<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    found.sort_unstable();
    let expected = [
        "/_health",
        "/api/dead",
        "/api/dead/drop",
        "/api/dead/replay",
        "/api/health",
        "/api/ledger",
        "/api/live",
        "/api/login",
        "/api/logout",
        "/api/password",
        "/api/session",
        "/api/setup",
        "/api/sites",
        "/api/sites/{domain}",
        "/api/sites/{domain}/check",
        "/api/sites/{domain}/install",
        "/api/v2/query",
        "/api/verdicts",
        "/metrics",
    ];
    assert_eq!(found, expected);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    assert!(schemes.contains_key("session") && schemes.contains_key("token"), "{schemes:?}");
}

/// A reference to a schema that the document lacks breaks every generator of clients.
#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = serde_json::to_value(weir_dashboard::openapi()).unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(members) => members.iter().for_each(|member| collect(member, references)),
        _ => {}
    }
}
