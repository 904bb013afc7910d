use url::Url;
use weir_event::{Referrer, limits};

use super::page::{bare_host, is_name};
use super::percent::{cut, readable};
use super::plain::plain;

/// Where the browser says that the visitor came from. What can't be read counts as nothing: then the
/// visit is direct. Besides web pages it may be an app (`android-app://com.example/`).
pub(crate) fn referrer(text: &str) -> Option<Referrer> {
    if text.is_empty() {
        return None;
    }
    if let Some(url) = plain(text) {
        return of(bare_host(url.host).to_owned(), url.path);
    }
    let url = Url::parse(text).ok()?;
    of(bare_host(url.host_str()?).to_ascii_lowercase(), url.path())
}

fn of(host: String, path: &str) -> Option<Referrer> {
    if !is_name(&host) {
        return None;
    }
    let mut path = readable(path, "/?#\\");
    if path.is_empty() {
        path.push('/');
    }
    cut(&mut path, limits::PATH_BYTES_MAX);
    Some(Referrer { host, path })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_referrer(text: &str, expected: Option<(&str, &str)>) {
        let found = referrer(text);
        assert_eq!(found.as_ref().map(|r| (r.host.as_str(), r.path.as_str())), expected, "{text}");
    }

    #[test]
    fn only_host_and_path_are_kept() {
        check_referrer("https://www.Google.com/", Some(("google.com", "/")));
        check_referrer("https://me:pw@news.example:8080/a%C3%A9?q=secret#x", Some(("news.example", "/aé")));
        check_referrer("android-app://com.Google.android.gm", Some(("com.google.android.gm", "/")));
    }

    #[test]
    fn what_can_not_be_read_is_no_referrer() {
        for text in ["", "null", "about:blank", "/relative", "https://", "mailto:a@b.example"] {
            check_referrer(text, None);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*|[a-z-]{1,9}://\\PC{0,60}") {
            let _ = referrer(&text);
        }
    }
}
