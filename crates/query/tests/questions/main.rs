//! Questions put to a real store, folded by the real fold.

mod world;

mod answers;

mod agreement;

mod published_examples;
