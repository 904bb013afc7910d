use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use weir_event::limits;

use crate::house::{EMAIL, HOST, House, PASSWORD, json_request, login_body};

async fn who(house: &House, credential: &str) -> Value {
    house.get("/api/session", credential).await.ok()["user"].clone()
}

fn setup_body(code: &str, password: &str) -> Value {
    json!({"code": code, "email": EMAIL, "password": password})
}

#[tokio::test]
async fn logging_in_gives_a_session_and_logging_out_ends_it() {
    let (house, _) = House::with_owner();
    assert_eq!(who(&house, "").await, Value::Null);
    house.get("/api/sites", "").await.refused(401);

    let answer = house.post("/api/login", "", login_body()).await;
    assert_eq!(answer.ok()["user"]["email"], EMAIL);
    let cookie = answer.cookie();
    assert_eq!(who(&house, &cookie).await["email"], EMAIL);
    house.get("/api/sites", &cookie).await.ok();

    let answer = house.post("/api/logout", &cookie, json!({})).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{}", answer.header("set-cookie"));
    assert_eq!(who(&house, &cookie).await, Value::Null);
    house.get("/api/sites", &cookie).await.refused(401);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_get_the_same_words() {
    let (house, _) = House::with_owner();
    let wrong = house.post("/api/login", "", json!({"email": EMAIL, "password": "nonsense"})).await;
    let unknown = house.post("/api/login", "", json!({"email": "x@y.test", "password": "nonsense"})).await;
    assert_eq!(wrong.refused(401), "Email or password is wrong");
    assert_eq!(wrong.body, unknown.body);
    assert!(!wrong.headers.contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn the_cookie_is_bound_to_the_host_and_to_https_where_the_page_came_by_it() {
    let (house, _) = House::with_owner();
    let plain = house.post("/api/login", "", login_body()).await;
    let plain = plain.header("set-cookie");
    assert!(plain.starts_with("weir_session="), "{plain}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(plain.split("; ").any(|a| a == attribute), "{attribute}: {plain}");
    }
    assert!(!plain.contains("Secure"), "{plain}");

    let mut request = json_request(Method::POST, "/api/login", "", &login_body());
    request.headers_mut().insert(header::ORIGIN, format!("https://{HOST}").parse().unwrap());
    let answer = house.send(request).await;
    let secure = answer.header("set-cookie");
    assert!(secure.starts_with("__Host-weir_session=") && secure.ends_with("; Secure"), "{secure}");
    assert_eq!(who(&house, &answer.cookie()).await["email"], EMAIL);
}

#[tokio::test]
async fn logging_in_again_ends_the_session_before() {
    let (house, before) = House::with_owner();
    let after = house.post("/api/login", &before, login_body()).await;
    assert_eq!(who(&house, &before).await, Value::Null);
    assert_eq!(who(&house, &after.cookie()).await["email"], EMAIL);
}

#[tokio::test]
async fn guessing_ends_for_the_address_and_not_for_others() {
    let (house, _) = House::with_owner();
    let guess = |n: u32, client: [u8; 4]| {
        // Another account each time: the registry's own limit per account must not be what answers.
        let body = json!({"email": format!("user{n}@example.com"), "password": "nonsense"});
        let mut request = json_request(Method::POST, "/api/login", "", &body);
        request.extensions_mut().insert(weir_dashboard::Arrival { client: client.into(), https: false });
        house.send(request)
    };
    for n in 0..limits::GUESSES_PER_IP_MAX {
        guess(n, [192, 0, 2, 1]).await.refused(401);
    }
    let limited = guess(100, [192, 0, 2, 1]).await;
    limited.refused(429);
    assert_eq!(limited.header("retry-after"), "300");
    guess(101, [192, 0, 2, 2]).await.refused(401);
    house.clock.advance_ms(limits::GUESSES_WINDOW_MS);
    guess(102, [192, 0, 2, 1]).await.refused(401);
}

#[tokio::test]
async fn guessing_at_one_account_ends_wherever_it_comes_from() {
    let (house, _) = House::with_owner();
    let mut statuses = Vec::new();
    for n in 0..=limits::LOGIN_TRIES_MAX {
        let body = json!({"email": EMAIL, "password": "nonsense"});
        let mut request = json_request(Method::POST, "/api/login", "", &body);
        let client = [192, 0, 2, n as u8].into();
        request.extensions_mut().insert(weir_dashboard::Arrival { client, https: false });
        statuses.push(house.send(request).await.status.as_u16());
    }
    let (last, earlier) = statuses.split_last().unwrap();
    assert!(earlier.iter().all(|status| *status == 401) && *last == 429, "{statuses:?}");
}

#[tokio::test]
async fn the_first_run_makes_an_owner_by_the_printed_code_once() {
    let house = House::new();
    let session = house.get("/api/session", "").await.ok();
    assert_eq!(session["setup_required"], true);
    assert_eq!(session["version"], env!("CARGO_PKG_VERSION"));
    let code = house.registry.setup_code().unwrap().unwrap();

    let wrong = house.post("/api/setup", "", setup_body("0000-0000-0000-0000", PASSWORD)).await;
    wrong.refused(403);
    assert!(!wrong.headers.contains_key(header::SET_COOKIE) && !house.registry.has_users());
    house.post("/api/setup", "", setup_body(&code, "7 chars")).await.refused(400);
    let no_email = json!({"code": code, "email": "nobody", "password": PASSWORD});
    house.post("/api/setup", "", no_email).await.refused(400);
    assert!(!house.registry.has_users());

    let done = house.post("/api/setup", "", setup_body(&code, "8 chars!")).await;
    assert_eq!(done.ok()["setup_required"], false);
    assert_eq!(who(&house, &done.cookie()).await["email"], EMAIL);
    house.post("/api/setup", "", setup_body(&code, PASSWORD)).await.refused(409);
    assert_eq!(house.get("/api/session", "").await.ok()["setup_required"], false);
}

#[tokio::test]
async fn guessing_at_the_set_up_code_ends() {
    let house = House::new();
    let code = house.registry.setup_code().unwrap().unwrap();
    let mut last = 0;
    for _ in 0..=limits::SETUP_TRIES_MAX {
        last = house.post("/api/setup", "", setup_body("nonsense", PASSWORD)).await.status.as_u16();
    }
    assert_eq!(last, 429);
    // The right one has to wait as well, else the limit would tell which one it is.
    house.post("/api/setup", "", setup_body(&code, PASSWORD)).await.refused(429);
}

#[tokio::test]
async fn a_new_password_takes_the_current_one_and_ends_every_other_session() {
    let (house, here) = House::with_owner();
    let elsewhere = house.post("/api/login", "", login_body()).await.cookie();
    let change = |current: &str, new: &str| json!({"current": current, "new": new});

    house.post("/api/password", "", change(PASSWORD, "another one")).await.refused(401);
    house.post("/api/password", &here, change("nonsense", "another one")).await.refused(403);
    house.post("/api/password", &here, change(PASSWORD, "7 chars")).await.refused(400);
    assert_eq!(who(&house, &elsewhere).await["email"], EMAIL);

    let changed = house.post("/api/password", &here, change(PASSWORD, "another one")).await;
    changed.ok();
    for ended in [&here, &elsewhere] {
        assert_eq!(who(&house, ended).await, Value::Null);
    }
    assert_eq!(who(&house, &changed.cookie()).await["email"], EMAIL);
    house.post("/api/login", "", login_body()).await.refused(401);
}

#[tokio::test]
async fn bodies_that_are_not_what_was_asked_for_are_refused_in_a_sentence() {
    let (house, _) = House::with_owner();
    house.post("/api/login", "", json!({"email": EMAIL})).await.refused(400);
    house.post("/api/login", "", json!([])).await.refused(400);
    let unknown = json!({"email": EMAIL, "password": PASSWORD, "otp": "1"});
    assert!(house.post("/api/login", "", unknown).await.refused(400).contains("otp"));

    let send = |content_type: &str, body: String| {
        let request = Request::post("/api/login").header("sec-fetch-site", "same-origin");
        house.send(request.header(header::CONTENT_TYPE, content_type).body(Body::from(body)).unwrap())
    };
    send("application/json", "{".to_owned()).await.refused(400);
    send("text/plain", login_body().to_string()).await.refused(415);

    let frame = json!({"email": EMAIL, "password": ""}).to_string().len();
    let of_bytes = |n: usize| json!({"email": EMAIL, "password": "x".repeat(n - frame)}).to_string();
    let limit = limits::ACCOUNT_BODY_BYTES_MAX;
    send("application/json", of_bytes(limit)).await.refused(401);
    send("application/json", of_bytes(limit + 1)).await.refused(413);
}
