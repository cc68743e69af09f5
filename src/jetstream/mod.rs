//! The connection to a team's server, NATS JetStream, on the crate `async-nats`.
//!
//! Readers use no consumer. They ask for messages by number (direct get, ADR-31 of NATS), which costs the server no memory
//! for each reader, needs exact rights for one stream, and gives nobody a way to publish.

mod error;
mod link;
mod requests;

pub use error::{LinkFault, RequestError};
pub use link::{Dial, LinkState, TeamLink, dial};
pub use requests::{FetchedMessages, Retention, StoredMessage, StreamFacts};
