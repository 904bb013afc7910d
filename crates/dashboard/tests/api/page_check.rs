use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use axum::http::StatusCode;
use serde_json::json;
use weir_checkup::Reach;
use weir_event::{Millis, limits};

use crate::house::{House, Plan};

const CHECK: &str = "/api/sites/example.com/check";
const TAG: &str = r#"<script src="https://stats.test/y/api/v1/weir.js"></script>"#;

/// A site whose page `body` is; each answer waits for a word on `go`, if there is one.
fn reach(body: &'static str, go: Option<Receiver<()>>) -> (Reach, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            counter.fetch_add(1, Ordering::SeqCst);
            go.as_ref().map(Receiver::recv);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    (Reach::new(move |_, _| Ok(vec![address]), |_| true), asked)
}

async fn house(reach: Reach) -> (House, String) {
    let plan = Plan { public_url: Some("https://stats.test"), reach: Some(reach), ..Plan::default() };
    let (house, cookie) = House::planned_with_owner(plan);
    house.add_site("example.com");
    (house, cookie)
}

#[tokio::test]
async fn a_page_is_looked_at_and_what_is_found_is_said_in_words() {
    let (house_right, cookie) = house(reach(TAG, None).0).await;
    let answer = house_right.post(CHECK, &cookie, json!({"url": "http://www.example.com/a"})).await.ok();
    let right = json!({"url": "http://www.example.com/a", "verdict": "right",
        "text": "Right: the page loads the script.", "findings": []});
    assert_eq!(answer, right);

    let (house_wrong, cookie) = house(reach("<p>nothing", None).0).await;
    let answer = house_wrong.post(CHECK, &cookie, json!({"url": "http://example.com/"})).await.ok();
    assert_eq!((&answer["verdict"], &answer["findings"][0]["code"]), (&json!("wrong"), &json!("no-script")));
    assert!(answer["findings"][0]["advice"].as_str().unwrap().contains(TAG.split('"').nth(1).unwrap()));
    assert!(!answer.to_string().contains("nothing"), "the page is not shown");
}

#[tokio::test]
async fn only_a_person_who_is_logged_in_has_pages_looked_at() {
    let (reach, asked) = reach(TAG, None);
    let (house, cookie) = house(reach).await;
    let token = house.token("reads", None);
    house.post(CHECK, "", json!({})).await.refused(401);
    house.post(CHECK, &token, json!({})).await.refused(401);
    house.post("/api/sites/other.test/check", &cookie, json!({})).await.refused(404);
    for url in ["http://other.test/", "http://127.0.0.1/", "file:///etc/passwd", "http://a@example.com/"] {
        house.post(CHECK, &cookie, json!({ "url": url })).await.refused(400);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_more_than_so_many_are_looked_at_in_a_minute() {
    let (house, cookie) = house(reach(TAG, None).0).await;
    let body = json!({"url": "http://example.com/"});
    for _ in 0..limits::PAGE_CHECKS_PER_MINUTE_MAX {
        house.post(CHECK, &cookie, body.clone()).await.ok();
    }
    house.post(CHECK, &cookie, body.clone()).await.refused(429);
    house.clock.advance_ms(Millis::MINUTE);
    house.post(CHECK, &cookie, body).await.ok();
}

#[tokio::test]
async fn while_one_page_is_looked_at_another_is_not() {
    let (go, gone) = sync_channel(1);
    let (reach, asked) = reach(TAG, Some(gone));
    let (house, cookie) = house(reach).await;
    let body = json!({"url": "http://example.com/"});
    let first = house.post(CHECK, &cookie, body.clone());
    let second = async {
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        house.post(CHECK, &cookie, body.clone()).await.refused(429);
        go.send(()).unwrap();
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.status, StatusCode::OK);
}
