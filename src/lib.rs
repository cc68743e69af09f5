//! Watches OAuth 2.0 consent in an Okta org, live, in a terminal.

pub mod cli;
pub mod clock;
pub mod config;
pub mod consent;
pub mod exit;
pub mod export;
pub mod intake;
pub mod journal;
pub mod log;
pub mod model;
pub mod okta;
pub mod report;
pub mod run;
pub mod secret;
pub mod sim;
pub mod tasks;
pub mod tui;
pub mod view;
