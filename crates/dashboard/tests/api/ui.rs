use axum::body::Body;
use axum::http::{Method, header};

use crate::house::{House, request};

#[tokio::test]
async fn every_address_of_the_interface_is_the_interface() {
    let house = House::new();
    let index = house.get("/", "").await;
    assert_eq!(index.status, 200);
    assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(index.header("cache-control"), "no-cache");
    assert!(index.text().contains("<!doctype html>"), "{}", index.text());
    for path in
        ["/login", "/setup", "/sites/new", "/example.com", "/example.com/install", "/ledger", "/account"]
    {
        assert_eq!(house.get(path, "").await.body, index.body, "{path}");
    }
}

#[tokio::test]
async fn an_index_that_the_browser_has_is_not_sent_again() {
    let house = House::new();
    let etag = house.get("/", "").await.header("etag").to_owned();
    let again = request(Method::GET, "/login", "").header(header::IF_NONE_MATCH, &etag);
    let again = house.send(again.body(Body::empty()).unwrap()).await;
    assert_eq!((again.status.as_u16(), again.body.len(), again.header("etag")), (304, 0, etag.as_str()));
}

#[tokio::test]
async fn what_the_index_loads_is_there_and_kept_for_ever_where_its_name_is_its_content() {
    let house = House::new();
    let index = house.get("/", "").await.text();
    let loaded: Vec<_> =
        index.split(['"', '\'']).filter(|text| text.starts_with('/') && text.contains('.')).collect();
    assert!(loaded.iter().any(|path| path.starts_with("/assets/")), "{index}");
    for path in loaded {
        let answer = house.get(path, "").await;
        assert_eq!(answer.status, 200, "{path}");
        let hashed = path.starts_with("/assets/");
        assert_eq!(answer.header("cache-control").contains("immutable"), hashed, "{path}");
        assert!(!answer.header("content-type").starts_with("text/html"), "{path}");
    }
}

#[tokio::test]
async fn the_interface_does_nothing_that_the_policy_forbids() {
    let index = House::new().get("/", "").await.text();
    for script in index.split("<script").skip(1) {
        assert!(script.split('>').next().unwrap().contains("src=\"/"), "{script}");
    }
    for forbidden in ["<style", " style=", " onload=", " onclick=", "http://", "https://"] {
        assert!(!index.contains(forbidden), "{forbidden}");
    }
}
