use std::sync::Arc;

use rustc_hash::FxHashSet;
use weir_event::limits::SHARED_TEXTS_MAX;

/// One allocation for each of the texts that come up again and again: "Chrome", "Google", "Direct".
pub(super) struct Texts {
    empty: Arc<str>,
    shared: FxHashSet<Arc<str>>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { empty: Arc::from(""), shared: FxHashSet::default() }
    }
}

impl Texts {
    pub(super) fn empty(&self) -> Arc<str> {
        Arc::clone(&self.empty)
    }

    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        if text.is_empty() {
            return self.empty();
        }
        if let Some(known) = self.shared.get(text) {
            return Arc::clone(known);
        }
        let made = Arc::<str>::from(text);
        // What senders can invent must not stay for ever: past the limit a text lives as long as its user.
        if self.shared.len() < SHARED_TEXTS_MAX {
            self.shared.insert(Arc::clone(&made));
        }
        made
    }
}

/// The longest beginning of `text` that has at most `bytes_max` bytes.
pub(super) fn bounded(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_their_allocation_up_to_the_limit() {
        let mut texts = Texts::default();
        for n in 0..SHARED_TEXTS_MAX {
            texts.share(&format!("text {n}"));
        }
        assert!(Arc::ptr_eq(&texts.share("text 0"), &texts.share("text 0")));
        let (one, other) = (texts.share("one too many"), texts.share("one too many"));
        assert_eq!(one, other);
        assert!(!Arc::ptr_eq(&one, &other), "past the limit nothing is kept");
        assert_eq!(texts.shared.len(), SHARED_TEXTS_MAX);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(bounded("abc", 3), "abc");
        assert_eq!(bounded("abcd", 3), "abc");
        assert_eq!(bounded("ab\u{1F600}", 5), "ab");
    }
}
