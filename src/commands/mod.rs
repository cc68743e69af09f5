//! Runs the commands, from their arguments to the exit code. Each command has its own file.

mod backfill;
mod collect;
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
mod team;
mod watch;

pub use start::start;
