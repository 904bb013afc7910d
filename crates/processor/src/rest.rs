//! What a processor does while nothing comes.

use crate::Processor;

impl Processor {
    /// Until a row comes, the wait is ended, or the time is up.
    pub(crate) fn wait(&mut self) {
        if !self.queue.wait_appended(self.place.unwrap_or_default(), self.options.interval) {
            self.rest();
        }
    }

    /// Gives back what is held for events that do not come. What was made of known user agents and
    /// referrers stays, so that a visitor now and then costs no reading of the lists.
    pub fn rest(&mut self) {
        self.enricher.rest();
        self.store.rest();
    }
}
