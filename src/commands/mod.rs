//! From arguments to an exit: one file a command, each in a few lines.

mod backfill;
mod common;
mod config;
mod demo;
mod doctor;
mod export;
mod hook;
mod open;
mod prune;
mod replay;
mod sim;
mod start;
mod tail;
mod watch;

pub use start::start;
