//! Stores in the journal what a team's collector publishes.

mod decode;
mod fetch;
mod follow;

pub use follow::{TeamDoors, follow};
