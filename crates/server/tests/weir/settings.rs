use serde_json::json;

use crate::folder::{Done, Folder};

fn serve(folder: &Folder, variables: &[(&str, &str)], args: &[&str]) -> Done {
    let args: Vec<&str> =
        ["serve", "--listen", "127.0.0.1:0"].into_iter().chain(args.iter().copied()).collect();
    folder.weir(&args).envs(variables.iter().copied()).output().expect("the binary starts").into()
}

/// The server does not start, says why in `words`, and has touched nothing.
fn check_refused(folder: &Folder, variables: &[(&str, &str)], args: &[&str], words: &[&str]) {
    let done = serve(folder, variables, args);
    assert_eq!((done.code, done.stdout.as_str()), (Some(3), ""), "{done:?}");
    for word in words {
        assert!(done.stderr.contains(word), "{word:?} is missing: {done:?}");
    }
    assert!(!folder.data().exists(), "{words:?}");
}

#[test]
fn a_variable_that_nobody_knows_or_can_use_stops_the_start() {
    let folder = Folder::new();
    check_refused(&folder, &[("WEIR_LISTNE", "x")], &[], &["WEIR_", "listne"]);
    check_refused(&folder, &[("WEIR_KEEP_EVENTS_DAYS", "soon")], &[], &["WEIR_", "soon"]);
    check_refused(
        &folder,
        &[("WEIR_TRUSTED_PROXIES", "10.0.0.0/8, nonsense")],
        &[],
        &["nonsense", "trusted proxy"],
    );
    check_refused(&folder, &[("WEIR_EXCLUDED_IPS", "10.0.0.300")], &[], &["excluded_ips", "10.0.0.300"]);
    check_refused(&folder, &[("WEIR_CLIENT_IP_HEADERS", "no header")], &[], &["no header"]);
    check_refused(&folder, &[("WEIR_COUNTRY_DATABASE", "missing.mmdb")], &[], &["missing.mmdb"]);
    check_refused(&folder, &[("WEIR_PUBLIC_URL", "example.com")], &[], &["public_url", "https://"]);
    check_refused(&folder, &[("WEIR_LOG", "chatty=very")], &[], &["log", "chatty"]);
    check_refused(&folder, &[("WEIR_PUBLIC_URL", "https://x/<script>")], &[], &["public_url"]);
    check_refused(&folder, &[("WEIR_SCRIPT_PATH", "/login")], &[], &["script_path", "/login"]);
    check_refused(&folder, &[("WEIR_EVENTS_PATH", "/x/y")], &[], &["events_path", "/x/y"]);
    for setting in [
        "WEIR_DELIVERIES_AT_ONCE_MAX",
        "WEIR_WAITING_EVENTS_MAX",
        "WEIR_WAITING_BYTES_MAX",
        "WEIR_BACKLOG_EVENTS_MAX",
    ] {
        check_refused(&folder, &[(setting, "0")], &[], &["would refuse every event"]);
    }
    for share in ["0", "1.5", "-0.5", "nan"] {
        check_refused(&folder, &[("WEIR_SITE_SHARE_MAX", share)], &[], &["site_share_max", "0.5"]);
    }
    check_refused(&folder, &[("WEIR_SITE_SHARE_MAX", "half")], &[], &["half"]);
    let pair = [("WEIR_WAITING_EVENTS_MAX", "2000"), ("WEIR_BACKLOG_EVENTS_MAX", "1000")];
    check_refused(&folder, &pair, &[], &["waiting_events_max = 2000", "backlog_events_max = 1000"]);
}

#[test]
fn a_settings_file_that_nobody_can_use_stops_the_start() {
    let folder = Folder::new();
    check_refused(&folder, &[], &["--config", "missing.toml"], &["missing.toml"]);
    for (text, words) in [
        ("listne = 'x'", ["weir.toml", "listne"]),
        ("listen = 3", ["weir.toml", "listen"]),
        ("=", ["weir.toml", "TOML"]),
    ] {
        std::fs::write(folder.path("weir.toml"), text).expect("written");
        check_refused(&folder, &[], &[], &words);
    }
}

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let folder = Folder::new();
    std::fs::write(folder.path("weir.toml"), "listen = 'of the file'").expect("written");
    let serve = |variables: &[(&str, &str)]| -> Done {
        folder.weir(&["serve"]).envs(variables.iter().copied()).output().expect("the binary starts").into()
    };
    serve(&[]).refused(&["of the file", "no address and port"]);
    serve(&[("WEIR_LISTEN", "of the variable")]).refused(&["of the variable", "no address and port"]);
    // The flag that `Folder::serve` gives wins over both.
    folder.serve_with(&[("WEIR_LISTEN", "of the variable")]).stop();
}

#[test]
fn the_operator_s_own_paths_answer_like_the_usual_ones() {
    let folder = Folder::with_site();
    let server = folder.serve_with(&[("WEIR_SCRIPT_PATH", "/s/a.js"), ("WEIR_EVENTS_PATH", "/s/e")]);
    let script = server.get("/s/a.js", &[]);
    assert_eq!((script.status, &script.body), (200, &server.get("/y/api/v1/weir.js", &[]).body));
    let view = json!({"events": [{"type": "pageview", "url": "https://example.com/"}]});
    for path in ["/s/e", "/x/api/v1/events"] {
        let answer = server.post_json(path, &[], &view);
        assert_eq!((answer.status, answer.body.as_str()), (202, r#"{"accepted":1,"dropped":[]}"#), "{path}");
    }
    let preflight = server.exchange(b"OPTIONS /s/e HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("an answer");
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, "*"));
    server.stop();
}
