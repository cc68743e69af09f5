//! The doors in: sockets that bring consents to the journal.

pub mod http;
pub mod poll;

pub use http::{Client, ClientError};
