//! The processor between a real queue and a real store, on files in a folder of its own: that the
//! statistics are what the definitions say, however the events came, and that nothing is lost,
//! counted twice or changed unseen.

mod world;

mod naive_model;

mod histories;

mod equals_naive_model;

mod beside;

mod once;

mod resent;

mod swapped_files;

mod swapped_files_model;

mod verdicts;

mod asked;

mod dead;

mod retiring;

mod resting;

mod rules;

mod sums;

mod late;
mod trouble;

mod proofs;

mod views;
