//! A small false Okta: a real HTTP server on loopback that plays an org with a story. It writes its answers from what
//! Okta publishes and shares no type with the rooms that read them, so that parser and simulator cannot agree on a
//! mistake.

mod answer;
mod cast;
mod dice;
mod event;
mod fault;
mod filter;
mod log;
mod names;
mod org;
mod query;
mod resources;
mod server;
mod story;
#[cfg(test)]
mod tests;

pub use cast::Variant;
pub use fault::Fault;
pub use org::{Plan, STORIES, SimError, SimOrg};
