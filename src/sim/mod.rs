//! A simulated Okta org: an HTTP server on loopback with an invented story of consents. It writes its answers from
//! Okta's published documents and shares no type with the modules that read them, so that parser and simulator cannot
//! have the same mistake.

mod access;
mod answer;
mod assertion;
mod connections;
mod dice;
mod dpop;
mod entry;
mod event;
mod fault;
mod filter;
mod grants;
mod handle;
mod hook_sender;
mod hook_state;
mod json;
mod jws;
mod log;
mod memory;
mod names;
mod oauth;
mod org;
mod pages;
mod population;
mod query;
mod registry;
mod resources;
mod server;
mod shape;
mod story;
#[cfg(test)]
mod tests;
mod token;
mod window;

pub use fault::{SimFault, Spell};
pub use hook_state::{HookFault, HookTold, SimHookPlan};
pub use population::Variant;

pub use handle::SimOrg;
pub use oauth::SimServiceApp;
pub use org::{Plan, STORIES, SimError};
pub use shape::OrgShape;
pub use token::AdminRole;
