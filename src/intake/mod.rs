//! The doors in: sockets that bring consents to the journal.

pub mod backfill;
pub mod hook;
pub mod http;
pub mod names;
pub mod poll;
pub mod probe;

pub use http::{Client, ClientError};
