use axum::http::{HeaderMap, header};

/// The token that a request shows, however wrong: an empty text where it is missing or no text.
/// `None` where it shows none; other schemes are a proxy's concern.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(header::AUTHORIZATION).iter().find_map(|line| {
        let line = line.as_bytes();
        let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
        let (scheme, token) = line.split_at(end);
        let token = || std::str::from_utf8(token).unwrap_or_default().trim();
        scheme.eq_ignore_ascii_case(b"Bearer").then(token)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// (lines of the header, the token)
    fn check_token(lines: &[&[u8]], token: Option<&str>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(line).expect("a value"));
        }
        assert_eq!(bearer(&headers), token, "{lines:?}");
    }

    #[test]
    fn a_token_that_is_shown_is_never_overlooked() {
        check_token(&[b"Bearer weir_1"], Some("weir_1"));
        check_token(&[b"bEARER   weir_1 "], Some("weir_1"));
        check_token(&[b"Bearer\tweir_1"], Some("weir_1"));
        check_token(&[b"Bearer"], Some(""));
        check_token(&[b"Bearer \xff"], Some(""));
        check_token(&[b"Basic dTpw", b"Bearer weir_1"], Some("weir_1"));
        check_token(&[b"Basic dTpw"], None);
        check_token(&[b"Bearers weir_1"], None);
        check_token(&[b""], None);
        check_token(&[], None);
    }
}
