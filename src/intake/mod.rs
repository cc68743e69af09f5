//! The doors in: sockets that bring consents to the journal.

pub mod backfill;
pub mod hook;
pub mod http;
pub mod mending;
pub mod names;
pub mod poll;
pub mod probe;
pub mod state;

pub use http::{Client, ClientError};
