//! What a processor does while nothing comes.

use weir_queue::Waited;

use crate::Processor;

impl Processor {
    /// Until a row comes, the wait is ended, or the time is up. Only then nothing comes: a rest in the
    /// middle of a busy day has its next batch read all of the day's log again.
    pub(crate) fn wait(&mut self) {
        let place = self.place.unwrap_or_default();
        if self.queue.wait_appended(place, self.options.interval) == Waited::TimedOut {
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
