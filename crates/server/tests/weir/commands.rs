use serde_json::{Value, json};

use crate::folder::{DOMAIN, Folder};
use crate::server::{Server, page_view};
use crate::wait::until;

fn domains(folder: &Folder) -> Vec<String> {
    let sites = folder.json(&["site", "list"]);
    let domain = |site: &Value| site["domain"].as_str().expect("a domain").to_owned();
    sites.as_array().expect("a list").iter().map(domain).collect()
}

#[test]
fn sites_are_added_listed_and_removed() {
    let folder = Folder::new();
    let added =
        folder.json(&["site", "add", "https://www.Shop.Example:8080/cart", "--timezone", "Asia/Kathmandu"]);
    assert_eq!((&added["domain"], &added["timezone"]), (&json!("shop.example"), &json!("Asia/Kathmandu")));
    assert!(
        added["created_at"].as_str().is_some_and(|at| at.starts_with("20") && at.ends_with('Z')),
        "{added}"
    );
    let words = folder.run(&["site", "add", DOMAIN]).succeeded();
    assert!(words.contains("example.com") && words.contains("weir.js"), "{words}");
    let table = folder.run(&["site", "list"]).succeeded();
    assert!(table.contains("shop.example") && table.contains("Asia/Kathmandu"), "{table}");
    assert_eq!(domains(&folder), ["example.com", "shop.example"]);
    assert_eq!(folder.json(&["site", "remove", DOMAIN, "--yes"])["domain"], DOMAIN);
    assert_eq!(domains(&folder), ["shop.example"]);
}

#[test]
fn a_site_that_can_not_be_is_refused_in_words() {
    let folder = Folder::with_site();
    folder.run(&["site", "add", DOMAIN]).refused(&["example.com exists already"]);
    folder.run(&["site", "add", "www.example.com"]).refused(&["example.com exists already"]);
    for nonsense in ["", "no spaces.example", "a..b", &format!("{}.example", "x".repeat(64))] {
        folder.run(&["site", "add", "--", nonsense]).refused(&["is no domain for a site"]);
    }
    folder.run(&["site", "add", "b.example", "--timezone", "Mars/Olympus"]).refused(&["Mars/Olympus"]);
    folder.run(&["site", "remove", "b.example", "--yes"]).refused(&["no site b.example", "weir site list"]);
    folder.run(&["site", "remove", DOMAIN]).refused(&["--yes"]);
    assert_eq!(domains(&folder), [DOMAIN]);
}

#[test]
fn the_data_folder_may_be_named_before_the_command_or_after_it() {
    let folder = Folder::new();
    folder.run(&["--data", "elsewhere", "site", "add", "a.example"]).succeeded();
    folder.run(&["site", "--data", "elsewhere", "add", "b.example"]).succeeded();
    folder.run(&["site", "add", "c.example", "--data", "elsewhere"]).succeeded();
    let listed = folder.json(&["site", "list", "--data", "elsewhere"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    let by_variable = folder.weir(&["site", "list", "--json"]).env("WEIR_DATA", "elsewhere").output();
    assert_eq!(serde_json::from_slice::<Value>(&by_variable.expect("runs").stdout).expect("JSON"), listed);
    assert!(!folder.data().exists(), "the default was not touched");
}

#[test]
fn a_running_server_knows_a_new_site_within_a_second_and_forgets_a_removed_one() {
    let folder = Folder::with_site();
    let server = folder.serve();
    folder.run(&["site", "add", "other.example"]).succeeded();
    let elsewhere = json!({"type": "pageview", "url": "https://other.example/"});
    let status = |server: &Server, event: &Value| server.deliver(std::slice::from_ref(event)).status;
    until("the new site is known", || (status(&server, &elsewhere) == 202).then_some(()));
    assert_eq!(status(&server, &page_view("/")), 202);
    folder.run(&["site", "remove", "other.example", "--yes"]).succeeded();
    until("the removed site is unknown", || (status(&server, &elsewhere) == 400).then_some(()));
    assert_eq!(status(&server, &page_view("/")), 202);
    until("everything is folded", || (folder.json(&["ledger"])["pending"] == 0).then_some(()));
    folder.run(&["verify"]).succeeded();
    server.stop();
}

fn log_in(server: &Server, password: &str) -> (u16, String) {
    let body = json!({"email": "ann@example.com", "password": password});
    let headers = [("origin", "http://127.0.0.1")];
    let answer = server.post_json("/api/login", &headers, &body);
    (answer.status, answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned())
}

#[test]
fn a_password_comes_by_standard_input_and_a_new_one_ends_the_sessions() {
    let folder = Folder::new();
    folder.run_with(&["user", "add", "ann@example.com"], "correct horse\n").succeeded();
    let again = folder.run_with(&["user", "add", "Ann@example.com"], "correct horse\n");
    again.refused(&["ann@example.com exists already"]);
    assert_eq!(folder.json(&["user", "list"]), json!(["ann@example.com"]));
    let server = folder.serve();
    assert_eq!(log_in(&server, "wrong horse").0, 401);
    let (status, cookie) = log_in(&server, "correct horse");
    assert_eq!(status, 200);
    let user = || server.get("/api/session", &[("cookie", &cookie)]).json()["user"]["email"].clone();
    assert_eq!(user(), "ann@example.com");
    folder.run_with(&["user", "password", "ann@example.com"], "battery staple\n").succeeded();
    until("the session has ended", || user().is_null().then_some(()));
    assert_eq!(log_in(&server, "correct horse").0, 401);
    assert_eq!(log_in(&server, "battery staple").0, 200);
    server.stop();
}

#[test]
fn a_weak_password_or_a_stranger_is_refused() {
    let folder = Folder::with_site();
    for weak in ["", "\n", "seven77", "seven77\n", &"x".repeat(1_025), &"x".repeat(20_000)] {
        let refused = folder.run_with(&["user", "add", "ann@example.com"], weak);
        refused.refused(&["password"]);
        assert!(weak.trim().is_empty() || !refused.stderr.contains(weak.trim()), "a password is never shown");
    }
    folder.run_with(&["user", "add", "no address"], "correct horse").refused(&["mail"]);
    folder
        .run_with(&["user", "password", "bob@example.com"], "correct horse")
        .refused(&["no user bob@example.com"]);
    assert_eq!(folder.json(&["user", "list"]), json!([]));
    for fits in ["eight888", &"x".repeat(1_024)] {
        let email = format!("{}@example.com", fits.len());
        folder.run_with(&["user", "add", &email], fits).succeeded();
    }
}

#[test]
fn a_token_opens_the_api_until_it_is_revoked() {
    let folder = Folder::with_site();
    let server = folder.serve();
    let created = folder.json(&["token", "create", "--name", "reports"]);
    let token = created["token"].as_str().expect("a token");
    assert!(token.starts_with("weir_"), "{created}");
    assert_eq!(server.query(token, &["pageviews"], &[]).len(), 1);
    let listed = folder.json(&["token", "list"]);
    assert_eq!((&listed[0]["name"], &listed[0]["id"]), (&json!("reports"), &created["id"]));
    assert!(
        !listed.to_string().contains(token) && !folder.run(&["token", "list"]).succeeded().contains(token)
    );
    folder.run(&["token", "create", "--name", "reports"]).refused(&["\"reports\" exists already"]);
    folder.run(&["token", "revoke", "reports"]).succeeded();
    folder.run(&["token", "revoke", "reports"]).refused(&["no token \"reports\""]);
    let bearer = format!("Bearer {token}");
    until("the token is refused", || {
        let answer = server.get("/api/sites", &[("authorization", &bearer)]);
        (answer.status == 401).then(|| assert!(answer.json()["error"].is_string()))
    });
    assert_eq!(folder.json(&["token", "list"]), json!([]));
    server.stop();
}

#[test]
fn a_token_of_one_site_sees_no_other() {
    let folder = Folder::with_site();
    folder.run(&["site", "add", "other.example"]).succeeded();
    folder.run(&["token", "create", "--site", "third.example"]).refused(&["no site third.example"]);
    let token =
        folder.json(&["token", "create", "--site", DOMAIN])["token"].as_str().expect("a token").to_owned();
    let server = folder.serve();
    assert_eq!(server.query(&token, &["visitors"], &[]).len(), 1);
    let bearer = format!("Bearer {token}");
    let question = json!({"site_id": "other.example", "date_range": "all", "metrics": ["visitors"]});
    let answer = server.post_json("/api/v2/query", &[("authorization", &bearer)], &question);
    assert!(matches!(answer.status, 401 | 403 | 404), "{answer:?}");
    server.stop();
}

#[test]
fn health_is_the_running_servers_own_word() {
    let folder = Folder::with_site();
    folder.run(&["health"]).refused(&["no server is running"]);
    let server = folder.serve();
    let health = folder.json(&["health"]);
    assert_eq!((&health["status"], &health["db_status"]), (&json!("ok"), &json!("ok")));
    let words = folder.run(&["health"]).succeeded();
    assert!(words.contains("ok") && words.contains(&server.address.to_string()), "{words}");
    let address = server.address.to_string();
    folder.run(&["health", "--listen", &address]).succeeded();
    assert_eq!(server.get("/_health", &[]).json()["status"], "ok");
    server.kill();
    folder.run(&["health"]).refused(&[&address, "is the server running?"]);
    folder.serve().stop();
    folder.run(&["health"]).refused(&["no server is running"]);
}

#[test]
fn a_command_without_its_data_folder_says_so_and_makes_none() {
    let folder = Folder::new();
    let commands = [
        &["site", "list"][..],
        &["site", "remove", DOMAIN, "--yes"],
        &["user", "list"],
        &["token", "create"],
        &["verify"],
        &["rebuild"],
        &["ledger"],
        &["health"],
    ];
    for command in commands {
        folder.run(command).refused(&["no data folder", "--data"]);
    }
    assert!(!folder.data().exists());
    let fresh = Folder::with_site();
    for command in ["verify", "ledger"] {
        fresh.run(&[command]).refused(&["holds no statistics yet"]);
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_told_by_its_exit_code() {
    let folder = Folder::new();
    for args in [
        &["sight", "list"][..],
        &["site"],
        &["site", "add"],
        &["--date", "x"],
        &["serve", "--listen", "here"],
    ] {
        let done = folder.run(args);
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
        assert!(done.stderr.contains("Usage") || done.stderr.contains("--help"), "{done:?}");
    }
    let help = folder.run(&["--help"]).succeeded();
    assert!(help.contains("Exit codes"), "{help}");
    assert!(!folder.data().exists());
}

#[test]
fn how_a_site_counts_is_shown_and_changed_beside_a_running_server() {
    let folder = Folder::with_site();
    let shown = folder.json(&["site", "show", DOMAIN]);
    let rules = |shown: &Value| (shown["visit_timeout_minutes"].clone(), shown["bots"].clone());
    assert_eq!(rules(&shown), (json!(30), json!("set-aside")));
    assert_eq!(
        (&shown["days"], &shown["days_waiting"], &shown["days_frozen"]),
        (&json!(0), &json!(0), &json!(0))
    );
    let server = folder.serve();
    let mut bot = page_view("/");
    bot["webdriver"] = json!(true);
    assert_eq!(server.deliver(&[page_view("/"), bot]).status, 202);
    until("both are folded", || (folder.json(&["ledger"])["pending"] == 0).then_some(()));
    let set_aside = || folder.json(&["ledger"])["sites"][0]["days"][0]["set_aside"].clone();
    let before = set_aside();
    let set = folder.json(&["site", "set", DOMAIN, "--visit-timeout", "60", "--bots", "count"]);
    assert_eq!(rules(&set), (json!(60), json!("count")));
    until("no day waits", || (folder.json(&["site", "show", DOMAIN])["days_waiting"] == 0).then_some(()));
    folder.run(&["verify"]).succeeded();
    assert_eq!(set_aside(), json!({}));
    folder.run(&["site", "set", DOMAIN, "--bots", "set-aside"]).succeeded();
    until("it is undone", || (set_aside() == before).then_some(()));
    assert_eq!(rules(&folder.json(&["site", "show", DOMAIN])), (json!(60), json!("set-aside")));
    folder.run(&["verify"]).succeeded();
    server.stop();
    for nonsense in [&["--visit-timeout", "4"][..], &["--visit-timeout", "241"], &["--bots", "maybe"], &[]] {
        let refused = folder.run(&[&["site", "set", DOMAIN], nonsense].concat());
        assert_eq!(refused.code, Some(2), "{nonsense:?}: {refused:?}");
    }
    folder.run(&["site", "show", "b.example"]).refused(&["no site b.example"]);
}

#[test]
fn a_row_that_can_not_be_counted_is_listed_tried_again_and_given_up() {
    let folder = Folder::with_site();
    let server = folder.serve();
    assert_eq!(server.deliver(&[page_view("/")]).status, 202);
    until("it is folded", || (folder.json(&["ledger"])["pending"] == 0).then_some(()));
    server.stop();
    let queue = rusqlite::Connection::open(folder.data().join("queue.db")).expect("opens");
    let damaged =
        "INSERT INTO ingested_events (site, day, kind, body) SELECT site, day, 0, x'7f' FROM received;
                   UPDATE received SET n = n + 1;";
    queue.execute_batch(damaged).expect("appended");
    drop(queue);
    let server = folder.serve();
    let list = until("the row is dead", || {
        let list = folder.json(&["dead", "list"]);
        (list["total"] == 1).then_some(list)
    });
    assert_eq!((&list["dead"][0]["number"], &list["dead"][0]["site"]), (&json!(1), &json!(DOMAIN)));
    let table = folder.run(&["dead", "list", "--site", DOMAIN]).succeeded();
    assert!(table.contains("only a newer program knows"), "{table}");
    let asked = folder.json(&["dead", "replay", "--all"]);
    assert_eq!(asked, json!({"asked": 1, "when": "within a minute"}));
    server.stop();
    folder.run(&["dead", "drop", "2"]).refused(&["no dead row 2", "weir dead list"]);
    folder.run(&["dead", "drop", "1", "--site", "other.example"]).refused(&["no site", "other.example"]);
    let words = folder.run(&["dead", "drop", "1"]).succeeded();
    assert!(words.contains("when the server runs next"), "{words}");
    assert_eq!(folder.json(&["dead", "list"])["total"], 1, "nobody has read the wish yet");
    let server = folder.serve();
    until("the row is gone", || (folder.json(&["dead", "list"])["total"] == 0).then_some(()));
    let day = folder.json(&["ledger"])["sites"][0]["days"][0].clone();
    let of = |name: &str| day[name].as_u64().expect(name);
    assert_eq!((of("received"), of("stored"), of("dead"), of("dropped")), (2, 1, 0, 1));
    assert_eq!(day["balanced"], true);
    server.stop();
}
