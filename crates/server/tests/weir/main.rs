//! The binary as operators and trackers meet it: real processes, real folders, real sockets on
//! loopback. Nothing here knows how it is made, but for the one test that changes a row by hand.

mod wait;

mod http;

mod folder;

mod server;

mod checkup;
mod commands;
mod settings;

mod any_bytes;
mod bad_input;
mod bad_places;

mod answers;
mod asked;
mod senders;
mod statistics;

mod bench;
mod metrics;
mod overload;

mod disk;
mod real_disk;
mod repair;
mod trouble;

mod killed;
mod stopped;
