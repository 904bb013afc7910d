/// A browser that cuts a text in the middle of an emoji writes half of it as a lone `\ud83d`, which is
/// no Unicode and no JSON that a strict reader takes. Replaces such halves by U+FFFD, so that one cut
/// text doesn't cost a whole delivery. `None` where there is nothing to mend.
pub(crate) fn mend_surrogates(json: &[u8]) -> Option<Vec<u8>> {
    let mut mended = None;
    let mut at = 0;
    while at < json.len() {
        let rest = &json[at..];
        let step = match (rest[0], unit(rest)) {
            (b'\\', Some(0xd800..0xdc00)) if is_low(rest.get(6..)) => 12,
            (b'\\', Some(0xd800..0xe000)) => {
                let copy = mended.get_or_insert_with(|| json.to_vec());
                copy[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            (b'\\', _) => 2,
            _ => 1,
        };
        at += step;
    }
    mended
}

fn is_low(rest: Option<&[u8]>) -> bool {
    rest.and_then(unit).is_some_and(|unit| (0xdc00..0xe000).contains(&unit))
}

/// The UTF-16 unit of a `\uXXXX` at the start.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_mended(json: &str, expected: Option<&str>) {
        let mended = mend_surrogates(json.as_bytes()).map(|m| String::from_utf8(m).expect("stays UTF-8"));
        assert_eq!(mended.as_deref(), expected, "{json}");
    }

    #[test]
    fn halves_of_characters_are_replaced_and_whole_ones_stay() {
        check_mended(r#""\ud83d\ude00 \u00e9 \\ud83d""#, None);
        check_mended(r#""\ud83d""#, Some(r#""\ufffd""#));
        check_mended(r#""\ude00\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ufffd\ud83d\ude00""#));
        check_mended(r#""\ud83dx""#, Some(r#""\ufffdx""#));
    }

    proptest! {
        #[test]
        fn what_was_written_by_a_browser_can_be_read(text in "(\\\\u(d83d|de00|0041)|\\\\\\\\|[a-zé])*") {
            let json = format!("\"{text}\"").into_bytes();
            let mended = mend_surrogates(&json).unwrap_or(json);
            prop_assert!(serde_json::from_slice::<String>(&mended).is_ok());
        }
    }
}
