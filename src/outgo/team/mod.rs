//! Publishes the rows of an org to the team's server, and decides which collector polls the org.
//!
//! Everything that the journal did not get from the server is published, whoever polls: a row that a hook brought to a
//! collector that stands by is not lost. Only who has the lease polls Okta and tells the state.

mod lease;
mod page;
mod publish;

pub use publish::{PublishDoors, publish};
