/// Whether the text has characters that nobody types: NUL, line breaks, escapes.
pub(crate) fn has_control(text: &str) -> bool {
    has_ascii_control(text) || !text.is_ascii() && text.chars().any(char::is_control)
}

/// Looks at every byte without stopping at the first: so the compiler can look at many at once, and
/// nearly every text has none.
pub(crate) fn has_ascii_control(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | byte.is_ascii_control())
}
