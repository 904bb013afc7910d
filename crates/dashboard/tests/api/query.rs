use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;
use weir_event::{Seq, limits};

use crate::house::{House, request};

/// Bytes of the padded body without its padding.
const FRAME: usize = r#"{"site_id":"example.com"}"#.len();

#[tokio::test]
async fn a_question_is_answered_by_session_and_by_token() {
    let (house, cookie) = House::with_owner();
    house.add_site("example.com");
    let question = json!({"site_id": "example.com", "metrics": ["visitors"], "date_range": "day"});
    for credential in [cookie, house.token("one", None), house.token("two", Some("example.com"))] {
        let answer = house.post("/api/v2/query", &credential, question.clone()).await.ok();
        assert_eq!(answer["results"][0]["metrics"], json!([0]), "{answer}");
    }
}

/// Programs send tokens and none of the headers that browsers do.
#[tokio::test]
async fn a_program_needs_nothing_but_its_token() {
    let house = House::new();
    house.add_site("example.com");
    let mut program = request(Method::POST, "/api/v2/query", &house.token("program", None));
    program.headers_mut().unwrap().remove("sec-fetch-site");
    let body = r#"{"site_id": "example.com", "metrics": ["pageviews"], "date_range": "7d"}"#;
    house.send(program.body(Body::from(body)).unwrap()).await.ok();
}

#[tokio::test]
async fn a_question_that_is_none_is_refused_with_the_reason() {
    let (house, cookie) = House::with_owner();
    house.add_site("example.com");
    let ask = |body: String| {
        let request = request(Method::POST, "/api/v2/query", &cookie);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        house.send(request.body(Body::from(body)).unwrap())
    };
    ask("{".to_owned()).await.refused(400);
    ask(json!({"site_id": "example.com", "metrics": ["nonsense"], "date_range": "day"}).to_string())
        .await
        .refused(400);
    ask(json!({"site_id": "nothing.test", "metrics": ["visitors"], "date_range": "day"}).to_string())
        .await
        .refused(404);
    let padded = |n: usize| json!({"site_id": "example.com"}).to_string() + &" ".repeat(n - FRAME);
    ask(padded(limits::QUERY_BODY_BYTES_MAX)).await.refused(400);
    ask(padded(limits::QUERY_BODY_BYTES_MAX + 1)).await.refused(413);
}

#[tokio::test]
async fn an_answer_says_up_to_when_it_is_complete_and_what_is_pending() {
    let (house, cookie) = House::with_owner();
    let site = house.add_site("example.com");
    let meta = async || {
        let question = json!({"site_id": "example.com", "metrics": ["visitors"], "date_range": "day"});
        house.post("/api/v2/query", &cookie, question).await.ok()["meta"].clone()
    };
    let now = "2026-06-01T12:00:00.000Z";
    assert_eq!(meta().await, json!({"complete_until": now, "pending": 0}));
    let last = house.receive(site, 0, 3);
    assert_eq!(meta().await["pending"], 3);
    house.store_events(site, 2, Seq(last.0 - 1));
    let so_far = meta().await;
    assert_eq!(so_far["pending"], 1);
    assert!(so_far["complete_until"].as_str().is_some_and(|until| until <= now), "{so_far}");
    house.store_events(site, 1, last);
    assert_eq!(meta().await, json!({"complete_until": now, "pending": 0}));
}
