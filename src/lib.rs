//! Watches OAuth 2.0 consent in an Okta org, live, in a terminal.
//!
//! # Code map
//!
//! A consent comes in at [`intake`], is read by [`okta`], stored by [`journal`], pulled from there by [`run`], decided
//! on by [`model`] and shown by [`view`]. [`screen`] is the loop between them, and `commands` has one file a command. The
//! journal is the queue: pollers write to it and to nothing else, and every face (the screen, the linear one, `tail`,
//! `export`) reads from it, so that start-up, the live feed and catching up are one path. `open` and `tail --input` read
//! [`files`] in its place.
//!
//! ```text
//! floor  module            may name
//! 7      main.rs           lib
//! 6      lib.rs            commands
//! 6      commands/         everything below
//! 5      screen/           run, tui, view, model, okta, export, exit, consent, report, secret, clock, tasks, safe_file, json_scan
//! 5      run/              everything below except sim, cli
//! 4      tui/              view, model, clock
//! 3      view/             model, consent, report
//! 3      files/            okta, export, consent, report, safe_file, json_scan
//! 3      intake/           okta, journal, consent, report, clock, tasks, secret, safe_file
//! 2      model/            consent, report
//! 2      okta/             consent, report, secret, json_scan
//! 2      journal/          consent, report, clock, safe_file
//! 2      export/           consent, report, json_scan
//! 2      cli.rs            config, consent
//! 2      exit.rs           config
//! 2      config/           secret, consent, safe_file
//! 2      sim/              clock, tasks
//! 1      log.rs            consent, safe_file
//! 1      consent/          json_scan
//! 1      secret.rs         safe_file
//! 0      report/ clock.rs tasks.rs safe_file.rs json_scan.rs
//! ```
//!
//! `tests/layers.rs` holds the same table and fails when a module breaks it.
//!
//! # What is not there
//!
//! [`model`] and [`view`] do no I/O, ask no clock and know no disk: a list of messages is a test. [`okta`] has no
//! socket: requests go out as values and answers come in as values. [`sim`] knows nothing of [`okta`]: it writes its
//! JSON by hand, or parser and simulator would agree on a mistake. Text from outside is [`consent::Untrusted`] and has
//! no `Display`. Nothing but [`clock`] asks the time, and nothing but [`safe_file`] opens files by name. [`tasks`] spawns;
//! the few files that start threads or processes of their own are listed in `tests/layers.rs`.

pub mod cli;
pub mod clock;
mod commands;
pub mod config;
pub mod consent;
pub mod exit;
pub mod export;
pub mod files;
pub mod intake;
pub mod journal;
mod json_scan;
pub mod log;
pub mod model;
pub mod okta;
pub mod report;
pub mod run;
pub mod safe_file;
pub mod screen;
pub mod secret;
pub mod sim;
pub mod tasks;
pub mod tui;
pub mod view;

pub use commands::start;
