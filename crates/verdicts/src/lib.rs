//! Was it counted, and if not, why: for whoever asks about events just sent from their own browser.
//!
//! Promises: while nobody asks, events cost one look at an atomic; what is known of an event is told
//! to those who watch its sender, and to whoever knows its id; what is told is what became of it on
//! disk, never a guess. Refuses to know: HTTP, files, how an event is judged.
//!
//! Invariants: nothing in here is written anywhere. Of an event that is followed an id and a verdict
//! are held, for [`weir_event::limits::FOLLOWED_MS_MAX`]; of who sent it a hash under a key that this
//! process alone has, as long as somebody watches. Everything is bounded, and what is forgotten is
//! only ever an answer to a question, never an event.

mod told;

mod words;

mod followed;

mod verdicts;

pub use told::{Asked, BotRule, Fate, Sighting, Told};
pub use verdicts::{Seen, TooManyWatches, Verdicts, Watch, Who};
