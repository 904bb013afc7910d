use std::io::ErrorKind;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::folder::{Done, Folder};

/// Whoever runs `weir site check` for a host that leads to `listener`.
fn check(folder: &Folder, url: &str, proxy: Option<&str>) -> Done {
    let args =
        ["site", "check", "localhost", "--url", url, "--server", "https://stats.example.com", "--json"];
    let mut command = folder.weir(&args);
    if let Some(proxy) = proxy {
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env(name, proxy);
        }
    }
    command.output().expect("the binary starts").into()
}

#[test]
fn a_host_of_this_machine_is_not_asked_directly_nor_by_a_proxy() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener that does not wait");
    let address = listener.local_addr().expect("an address");
    let folder = Folder::new();
    folder.run(&["site", "add", "localhost", "--timezone", "UTC"]).succeeded();
    for proxy in [None, Some(format!("http://{address}"))] {
        let done = check(&folder, &format!("http://localhost:{}/", address.port()), proxy.as_deref());
        assert_eq!(done.code, Some(3), "{done:?}");
        let said: Value = serde_json::from_str(&done.stdout).expect("JSON");
        assert_eq!(
            (&said["verdict"], &said["findings"][0]["code"]),
            (&json!("unfetched"), &json!("unreachable"))
        );
    }
    let came = listener.accept().map(|(_, peer)| peer).map_err(|error| error.kind());
    assert_eq!(came, Err(ErrorKind::WouldBlock), "nobody came");
}

#[test]
fn a_check_that_makes_no_sense_is_refused_in_words() {
    let folder = Folder::with_site();
    folder.run(&["site", "check", "example.com"]).refused(&["--server", "public_url"]);
    let server = ["--server", "https://stats.example.com"];
    let check = |args: &[&str]| folder.run(&[&["site", "check"], args, &server].concat());
    check(&["other.example"]).refused(&["no site other.example", "weir site list"]);
    let nonsense = [
        "http://other.example/",
        "http://127.0.0.1/",
        "https://example.com.evil.test/",
        "ftp://example.com/",
        "a b",
        "",
    ];
    for url in nonsense {
        let words = ["--url", "give an http or https address of example.com or a subdomain of it"];
        check(&["example.com", "--url", url]).bad_line(&words);
        check(&["example.com", "--json", "--url", url]).bad_line(&words);
    }
    let other = ["site", "check", "example.com", "--server", "ftp://a"];
    folder.run(&other).bad_line(&["--server", "ftp://a", "https://stats.example.com"]);
}
