use std::fmt::Write;

/// Decodes percent escapes once where the result stays readable and unambiguous. Spaces, control
/// characters, `%`, bytes that are no UTF-8 and the `delimiters` stay escaped: decoding the result
/// again changes nothing, and a decoded `%2F` does not become a folder.
pub(super) fn readable(encoded: &str, delimiters: &str) -> String {
    if !encoded.contains('%') {
        return encoded.to_owned();
    }
    let mut out = String::with_capacity(encoded.len());
    let mut escaped: Vec<u8> = Vec::new();
    let mut rest = encoded;
    while let Some(next) = rest.chars().next() {
        if let Some(byte) = escape_at(rest) {
            escaped.push(byte);
            rest = &rest[3..];
            continue;
        }
        push_decoded(&mut out, &escaped, delimiters);
        escaped.clear();
        // A lone percent sign could form an escape with what is decoded behind it.
        if next == '%' {
            out.push_str("%25")
        } else {
            out.push(next)
        }
        rest = &rest[next.len_utf8()..];
    }
    push_decoded(&mut out, &escaped, delimiters);
    out
}

/// Escapes in plain text what [`readable`] would leave escaped.
pub(super) fn push_escaped(out: &mut String, text: &str, delimiters: &str) {
    for c in text.chars() {
        if c.is_control() || matches!(c, ' ' | '%') || delimiters.contains(c) {
            let mut utf8 = [0; 4];
            push_bytes(out, c.encode_utf8(&mut utf8).as_bytes());
        } else {
            out.push(c);
        }
    }
}

/// Cuts at `bytes_max` or a little before, so that no character and no escape is torn.
pub(super) fn cut(text: &mut String, bytes_max: usize) {
    if text.len() <= bytes_max {
        return;
    }
    let mut end = text.floor_char_boundary(bytes_max);
    let tail = end.saturating_sub(2);
    if let Some(at) = text.as_bytes()[tail..end].iter().position(|byte| *byte == b'%') {
        end = tail + at;
    }
    text.truncate(end);
}

fn escape_at(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    digits.bytes().all(|c| c.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
}

fn push_decoded(out: &mut String, bytes: &[u8], delimiters: &str) {
    for chunk in bytes.utf8_chunks() {
        push_escaped(out, chunk.valid(), delimiters);
        push_bytes(out, chunk.invalid());
    }
}

fn push_bytes(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(out, "%{byte:02X}").expect("writing to a String does not fail");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_readable(encoded: &str, expected: &str) {
        assert_eq!(readable(encoded, "/?#"), expected, "{encoded}");
    }

    #[test]
    fn escapes_are_decoded_once_and_only_where_nothing_is_lost() {
        check_readable("/caf%c3%a9/%E2%82%AC", "/café/€");
        check_readable("/%7Euser/%41", "/~user/A");
        check_readable("/a%2fb%3Fc%23d", "/a%2Fb%3Fc%23d");
        check_readable("/a%2541", "/a%2541");
        check_readable("/%%341", "/%2541");
        check_readable("/100%", "/100%25");
        check_readable("/a%20b", "/a%20b");
        check_readable("/a%00%0d%0Ab", "/a%00%0D%0Ab");
        check_readable("/%e9t%e9", "/%E9t%E9");
        check_readable("/%F0%9F%98%80", "/😀");
    }

    #[test]
    fn a_cut_tears_neither_characters_nor_escapes() {
        for (text, max, expected) in [
            ("/añ", 3, "/a"),
            ("/a%0A", 4, "/a"),
            ("/a%0A", 3, "/a"),
            ("/a%0A", 5, "/a%0A"),
            ("/abc", 3, "/ab"),
        ] {
            let mut text = text.to_owned();
            cut(&mut text, max);
            assert_eq!(text, expected);
        }
    }

    proptest! {
        #[test]
        fn decoding_twice_is_decoding_once(text in "(%[0-9a-fA-F]{2}|%|[a-f0-9/?é€]){0,40}") {
            let once = readable(&text, "/?#");
            prop_assert_eq!(readable(&once, "/?#"), once);
        }
    }
}
