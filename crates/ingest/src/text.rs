/// Whether the text has characters that nobody types: NUL, line breaks, escapes.
pub(crate) fn has_control(text: &str) -> bool {
    // Nearly every text is ASCII, and bytes are quicker to look through than characters.
    text.bytes().any(|byte| byte.is_ascii_control()) || !text.is_ascii() && text.chars().any(char::is_control)
}
