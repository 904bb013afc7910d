//! Checks of pages that a real server gives on loopback. Names lead there by a lookup of the test's own.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use weir_checkup::{Ask, Finding, Reach, Report, Server, Verdict, check};
use weir_event::limits;

const DOMAIN: &str = "shop.test";
const TAG: &str = r#"<script defer src="https://stats.test/y/api/v1/weir.js"></script>"#;
const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

struct Web {
    port: u16,
    asked: Arc<AtomicUsize>,
    /// Says something each time a connection is done with.
    done: Receiver<()>,
}

impl Web {
    /// `answer` is given the host and the path that are asked for.
    fn new(answer: impl Fn(&str, &str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let (counter, (tell, done)) = (asked.clone(), channel());
        thread::spawn(move || {
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                let mut stream = stream.unwrap();
                if let Some((host, path)) = request(&stream) {
                    answer(&host, &path, &mut stream);
                } else {
                    // What web servers say to a handshake.
                    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
                }
                drop(stream);
                let _ = tell.send(());
            }
        });
        Self { port, asked, done }
    }

    fn of(head: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let (head, body) = (head.into(), body.into());
        Self::new(move |_, _, stream| {
            let length = body.len();
            let _ =
                write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(&body);
        })
    }

    /// Every name leads here, but those that begin with `inner` and `mixed`.
    fn reach(&self) -> Reach {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let lookup = move |host: &str, port: u16| {
            let private = SocketAddr::from((PRIVATE, port));
            Ok(match host {
                host if host.starts_with("inner") => vec![private],
                host if host.starts_with("mixed") => vec![here, private],
                _ => vec![here],
            })
        };
        Reach::new(lookup, |address| address.ip() != IpAddr::V4(PRIVATE))
    }

    fn check(&self, url: &str) -> Report {
        checked(&self.reach(), DOMAIN, url)
    }

    fn times_asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn request(stream: &TcpStream) -> Option<(String, String)> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let head: Vec<String> =
        lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
    let host = head.iter().find_map(|line| line.strip_prefix("host: "))?;
    assert!(head.iter().any(|line| line == "accept-encoding: identity"), "{head:?}");
    Some((host.to_owned(), path))
}

fn checked(reach: &Reach, domain: &str, url: &str) -> Report {
    let server = Server::new("https://stats.test", None, None).unwrap();
    check(reach, Ask { domain, url: Some(url), server: &server }).unwrap()
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(Finding::code).collect()
}

/// A port of this machine that refuses connections.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

const HTML: &str = "200 OK\r\ncontent-type: text/html; charset=utf-8";

#[test]
fn a_page_with_the_tag_is_right() {
    let web = Web::of(HTML, TAG);
    let report = web.check("http://shop.test/a#b");
    let expected =
        Report { verdict: Verdict::Right, url: "http://shop.test/a".to_owned(), findings: Vec::new() };
    assert_eq!(report, expected);
    assert_eq!(web.check("http://www.shop.test/").verdict, Verdict::Right);
}

#[test]
fn a_page_without_the_tag_is_wrong_and_one_with_a_tag_manager_unseen() {
    let report = Web::of(HTML, "<p>no tag").check("http://shop.test/");
    assert_eq!((report.verdict, codes(&report)), (Verdict::Wrong, vec!["no-script"]));
    let manager = "<script src=https://www.googletagmanager.com/gtm.js></script>";
    let report = Web::of(HTML, manager).check("http://shop.test/");
    assert_eq!((report.verdict, codes(&report)), (Verdict::Unseen, vec!["added-later"]));
}

#[test]
fn policies_of_all_headers_count_but_not_those_that_only_report() {
    let head =
        "200 OK\r\ncontent-security-policy: default-src *\r\ncontent-security-policy: script-src 'self'";
    assert_eq!(codes(&Web::of(head, TAG).check("http://shop.test/")), ["policy-blocks-script"]);
    let head = "200 OK\r\ncontent-security-policy-report-only: default-src 'none'";
    assert_eq!(codes(&Web::of(head, TAG).check("http://shop.test/")), [""; 0]);
}

#[test]
fn what_is_no_page_is_not_judged() {
    let find = |head: &'static str| {
        let report = Web::of(head, TAG).check("http://shop.test/");
        assert_eq!(report.verdict, Verdict::Unfetched, "{head}");
        codes(&report)[0]
    };
    assert_eq!(find("404 Not Found\r\ncontent-type: text/html"), "status");
    assert_eq!(find("200 OK\r\ncontent-type: application/json"), "not-html");
    assert_eq!(find("204 No Content"), "status");
    assert_eq!(find("202 Accepted\r\ncontent-type: text/html"), "status");
    assert_eq!(find("304 Not Modified"), "status");
}

#[test]
fn of_another_kind_of_file_plain_characters_are_told() {
    let kind = |head: &'static str| Web::of(head, TAG).check("http://shop.test/").findings;
    let not_html = |kind: &str| vec![Finding::NotHtml { kind: kind.to_owned() }];
    assert_eq!(kind("200 OK\r\ncontent-type: application/json"), not_html("application/json"));
    assert_eq!(kind("200 OK\r\ncontent-type: text/plain; charset=utf-8"), not_html("text/plain"));
    assert_eq!(kind("200 OK\r\ncontent-type: image/<b>'&;html"), not_html("image/b"));
    for head in
        [HTML, "200 OK", "200 OK\r\ncontent-type: TEXT/HTML", "200 OK\r\ncontent-type: application/xhtml+xml"]
    {
        assert_eq!(kind(head), [], "{head}");
    }
}

#[test]
fn a_coded_body_that_cannot_be_read_is_no_page_without_a_tag() {
    for coding in ["gzip", "br", "deflate", "zstd", "X-GZIP", "gzip, br"] {
        let head = format!("200 OK\r\ncontent-type: text/html\r\ncontent-encoding: {coding}");
        let report = Web::of(head, "no such coding").check("http://shop.test/");
        assert_eq!((report.verdict, codes(&report)), (Verdict::Unfetched, vec!["broken"]), "{coding}");
    }
    // Browsers show what is called so.
    let head = "200 OK\r\ncontent-type: text/html\r\ncontent-encoding: utf-8";
    assert_eq!(Web::of(head, TAG).check("http://shop.test/").verdict, Verdict::Right);
}

#[test]
fn a_body_that_is_shorter_than_announced_is_not_judged() {
    let web = Web::new(|_, _, stream| {
        let _ = write!(stream, "HTTP/1.1 {HTML}\r\ncontent-length: 1000\r\n\r\n<p>");
    });
    assert_eq!(codes(&web.check("http://shop.test/")), ["broken"]);
}

/// A site whose port for https is closed, or is `tls`.
fn by_http_at(web: &Web, tls: SocketAddr) -> Reach {
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, web.port));
    Reach::new(move |_, port| Ok(vec![if port == 443 { tls } else { here }]), |_| true)
}

fn front_page(reach: &Reach) -> Report {
    let server = Server::new("https://stats.test", None, None).unwrap();
    check(reach, Ask { domain: DOMAIN, url: None, server: &server }).unwrap()
}

#[test]
fn a_front_page_that_https_does_not_give_is_asked_for_by_http() {
    let web = Web::of(HTML, TAG);
    let report = front_page(&by_http_at(&web, closed()));
    assert_eq!((report.verdict, report.url.as_str()), (Verdict::Right, "http://shop.test/"));
    let web = Web::of("404 Not Found", TAG);
    let report = front_page(&by_http_at(&web, closed()));
    assert_eq!((codes(&report), report.url.as_str()), (vec!["status"], "http://shop.test/"));
    // Where neither is there, https is what was asked for.
    let nothing = front_page(&Reach::new(|_, _| Ok(vec![closed()]), |_| true));
    assert_eq!((codes(&nothing), nothing.url.as_str()), (vec!["unreachable"], "https://shop.test/"));
}

#[test]
fn http_is_no_way_around_a_named_address_nor_a_certificate() {
    let web = Web::of(HTML, TAG);
    let reach = by_http_at(&web, closed());
    for named in ["https://shop.test/", "shop.test"] {
        assert_eq!(codes(&checked(&reach, DOMAIN, named)), ["unreachable"], "{named}");
    }
    let no_tls = Web::new(|_, _, _| ());
    let tls = SocketAddr::from((Ipv4Addr::LOCALHOST, no_tls.port));
    let report = front_page(&by_http_at(&web, tls));
    assert_eq!((codes(&report), report.url.as_str()), (vec!["tls"], "https://shop.test/"));
    assert_eq!(web.times_asked(), 0);
}

#[test]
fn a_host_without_tls_is_told_so() {
    let plain = Web::new(|_, _, _| ());
    let report = plain.check("https://shop.test/");
    assert_eq!((report.verdict, codes(&report)), (Verdict::Unfetched, vec!["tls"]));
}

fn leads_on(stream: &mut TcpStream, location: &str) {
    let _ = write!(
        stream,
        "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
}

#[test]
fn redirects_within_the_site_are_followed_up_to_the_limit() {
    let web = Web::new(|_, path, stream| {
        let left: usize = path[1..].parse().unwrap();
        if left == 0 {
            let _ = write!(stream, "HTTP/1.1 {HTML}\r\nconnection: close\r\n\r\n{TAG}");
        } else {
            leads_on(stream, &format!("http://www.shop.test/{}", left - 1));
        }
    });
    let max = limits::CHECKED_PAGE_REDIRECTS_MAX;
    let report = web.check(&format!("http://shop.test/{max}"));
    assert_eq!((report.verdict, report.url.as_str()), (Verdict::Right, "http://www.shop.test/0"));
    assert_eq!(codes(&web.check(&format!("http://shop.test/{}", max + 1))), ["redirects"]);
}

#[test]
fn a_page_that_leads_to_itself_is_left() {
    let web = Web::new(|_, _, stream| leads_on(stream, "?again"));
    assert_eq!(codes(&web.check("http://shop.test/")), ["redirects"]);
    assert_eq!(web.times_asked(), limits::CHECKED_PAGE_REDIRECTS_MAX + 1);
}

#[test]
fn a_redirect_to_a_host_of_no_site_is_told_and_not_followed() {
    for location in [
        "http://other.test/",
        "//other.test",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://[::ffff:169.254.169.254]/",
        "http://localhost/",
        "http://shop.test.evil.test/",
        "http://shop.test.",
        "\\\\other.test/",
        "http:\\\\other.test\\@shop.test/",
        "http://other.test#@shop.test/",
        "http://other.test?@shop.test/",
    ] {
        let web = Web::new(|_, _, stream| leads_on(stream, location));
        let report = web.check("http://shop.test/");
        assert_eq!((report.verdict, codes(&report)), (Verdict::Wrong, vec!["elsewhere"]), "{location}");
        assert_eq!(web.times_asked(), 1, "{location}");
    }
    for location in ["file:///etc/passwd", "ftp://shop.test/", "http://a:b@shop.test/"] {
        let web = Web::new(|_, _, stream| leads_on(stream, location));
        assert_eq!(codes(&web.check("http://shop.test/")), ["elsewhere"], "{location}");
        assert_eq!(web.times_asked(), 1, "{location}");
    }
}

#[test]
fn a_private_address_answers_as_where_nothing_is_and_is_never_connected_to() {
    let gone = closed();
    let web = Web::of(HTML, TAG);
    let empty = Reach::new(move |_, _| Ok(vec![gone]), |_| true);
    let nothing = checked(&empty, DOMAIN, "http://shop.test/");
    assert_eq!((nothing.verdict, codes(&nothing)), (Verdict::Unfetched, vec!["unreachable"]));
    for host in ["inner.shop.test", "mixed.shop.test"] {
        let report = web.check(&format!("http://{host}/"));
        assert_eq!((report.verdict, &report.findings), (nothing.verdict, &nothing.findings), "{host}");
    }
    assert_eq!(web.times_asked(), 0, "one private address spoils the name");
}

#[test]
fn a_redirect_to_a_private_address_is_refused() {
    let web = Web::new(|_, _, stream| leads_on(stream, "http://inner.shop.test/"));
    assert_eq!(codes(&web.check("http://shop.test/")), ["unreachable"]);
    assert_eq!(web.times_asked(), 1);
}

#[test]
fn the_program_s_own_reach_has_no_loopback_in_it() {
    let web = Web::of(HTML, TAG);
    for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
        // With ports of the web as well: there is a server on neither, and the answer is the same.
        for port in [web.port, 80, 443] {
            let domain = url::Url::parse(&format!("http://{host}")).unwrap();
            let report =
                checked(&Reach::public(), domain.host_str().unwrap(), &format!("http://{host}:{port}/"));
            assert_eq!(codes(&report), ["unreachable"], "{host}:{port}");
        }
    }
    assert_eq!(web.times_asked(), 0);
}

#[test]
fn a_name_is_looked_up_once_for_each_request() {
    let web = Web::of(HTML, TAG);
    let (looked, here) = (Arc::new(AtomicUsize::new(0)), SocketAddr::from((Ipv4Addr::LOCALHOST, web.port)));
    let counter = looked.clone();
    // A second look would find a private address.
    let lookup = move |_: &str, port: u16| {
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(vec![if first { here } else { SocketAddr::from((PRIVATE, port)) }])
    };
    let reach = Reach::new(lookup, |_| true);
    assert_eq!(checked(&reach, DOMAIN, "http://shop.test/").verdict, Verdict::Right);
    assert_eq!((looked.load(Ordering::SeqCst), web.times_asked()), (1, 1));
}

#[test]
fn only_pages_of_the_site_can_be_asked_for() {
    let web = Web::of(HTML, TAG);
    let server = Server::new("https://stats.test", None, None).unwrap();
    for url in [
        "http://other.test/",
        "http://shop.test@other.test/",
        "http://user@shop.test/",
        "http://user:secret@shop.test/",
        "ftp://shop.test/",
        "file:///etc/passwd",
        "http://notshop.test/",
        "http:///",
        "",
    ] {
        let asked = check(&web.reach(), Ask { domain: DOMAIN, url: Some(url), server: &server });
        assert!(asked.is_err(), "{url}");
    }
    assert_eq!(web.times_asked(), 0);
}

#[test]
fn a_body_without_end_is_left_at_the_limit() {
    let web = Web::new(|_, _, stream| {
        let _ = write!(stream, "HTTP/1.1 {HTML}\r\n\r\n");
        while stream.write_all(&[b' '; 8_192]).is_ok() {}
    });
    assert_eq!(codes(&web.check("http://shop.test/")), ["no-script", "too-big"]);
    web.done.recv().expect("the connection was closed");
}

#[test]
fn a_tag_within_the_limit_counts_and_one_past_it_does_not() {
    let page = |before: usize| [vec![b' '; before], TAG.as_bytes().to_vec()].concat();
    let last = limits::CHECKED_PAGE_BYTES_MAX - TAG.len();
    assert_eq!(Web::of(HTML, page(last)).check("http://shop.test/").verdict, Verdict::Right);
    let report = Web::of(HTML, page(limits::CHECKED_PAGE_BYTES_MAX)).check("http://shop.test/");
    assert_eq!(codes(&report), ["no-script", "too-big"]);
}

#[test]
fn a_small_body_that_unfolds_to_a_large_one_is_left_at_the_limit() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 64 * limits::CHECKED_PAGE_BYTES_MAX]).unwrap();
    let web =
        Web::of("200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip", encoder.finish().unwrap());
    assert_eq!(codes(&web.check("http://shop.test/")), ["no-script", "too-big"]);
}

#[test]
fn headers_without_end_are_left() {
    let web = Web::new(|_, _, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x-more: and more and more\r\n").is_ok() {}
    });
    assert_eq!(web.check("http://shop.test/").verdict, Verdict::Unfetched);
    web.done.recv().expect("the connection was closed");
}

#[test]
fn interim_answers_without_end_are_left() {
    let web = Web::new(|_, _, stream| while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {});
    let report = checked(&web.reach().within(MOMENT), DOMAIN, "http://shop.test/");
    assert_eq!(report.verdict, Verdict::Unfetched);
    web.done.recv().expect("the connection was closed");
}

const MOMENT: Duration = Duration::from_millis(300);

/// Writes `text` again each time that the other side has said nothing for a moment, until it goes or `times` are over.
fn trickle(stream: &mut TcpStream, text: &[u8], times: usize) {
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    for _ in 0..times {
        if stream.write_all(text).is_err() || matches!(stream.read(&mut [0]), Ok(0)) {
            break;
        }
    }
}

#[test]
fn what_trickles_is_left_when_its_time_is_over() {
    let beginnings = [
        ("silence", String::new(), ""),
        ("a head", format!("HTTP/1.1 {HTML}\r\n"), "x: y\r\n"),
        ("a line of a head", format!("HTTP/1.1 {HTML}\r\nx: "), "y"),
        ("a body", format!("HTTP/1.1 {HTML}\r\n\r\n"), " "),
        ("chunks", format!("HTTP/1.1 {HTML}\r\ntransfer-encoding: chunked\r\n\r\n"), "1\r\n \r\n"),
        ("an error", "HTTP/1.1 500 No\r\n".to_owned(), "x: y\r\n"),
    ];
    for (what, beginning, text) in beginnings {
        let web = Web::new(move |_, _, stream| {
            let _ = stream.write_all(beginning.as_bytes());
            trickle(stream, text.as_bytes(), usize::MAX);
        });
        let report = checked(&web.reach().within(MOMENT), DOMAIN, "http://shop.test/");
        assert_eq!((report.verdict, codes(&report)), (Verdict::Unfetched, vec!["slow"]), "{what}");
        web.done.recv().expect("the connection was closed");
    }
}

#[test]
fn all_redirects_together_have_the_time_of_one_page() {
    let web = Web::new(|_, _, stream| {
        let _ = write!(stream, "HTTP/1.1 302 Found\r\nlocation: /\r\nconnection: close\r\n");
        // A third of the time: the limit of redirects would be reached after twice of it.
        trickle(stream, b"x: y\r\n", 20);
        let _ = write!(stream, "content-length: 0\r\n\r\n");
    });
    assert_eq!(codes(&checked(&web.reach().within(MOMENT), DOMAIN, "http://shop.test/")), ["slow"]);
}

const PROXIES: [&str; 6] =
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// Runs itself with a proxy in its environment, which a client would read when it starts.
#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    let name = "a_proxy_of_the_environment_is_not_asked";
    if std::env::var_os(PROXIES[0]).is_some_and(|proxy| proxy == "http://127.0.0.1:1/") {
        let web = Web::of(HTML, TAG);
        let (here, gone) = (SocketAddr::from((Ipv4Addr::LOCALHOST, web.port)), closed());
        let reach = Reach::new(move |host, _| Ok(vec![if host == DOMAIN { here } else { gone }]), |_| true);
        assert_eq!(checked(&reach, DOMAIN, "http://shop.test/").verdict, Verdict::Right);
        return;
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", name]).env_remove("no_proxy").env_remove("NO_PROXY");
    again.envs(PROXIES.map(|proxy| (proxy, "http://127.0.0.1:1/")));
    let ran = again.output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"), "{ran:?}");
}
