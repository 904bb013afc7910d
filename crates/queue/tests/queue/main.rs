//! The queue against what `docs/specs/queue.md` says of it: what always holds, what happens when
//! something fails, and the whole against a naive model. All on real files.

mod fixture;

mod invariants;

mod known_errors;
mod trouble;

mod model;
