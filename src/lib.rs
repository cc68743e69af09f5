//! Watches OAuth 2.0 consent in Okta orgs, live, in a terminal.
//!
//! # Code map
//!
//! A consent is received by [`intake`], parsed by [`okta`], stored by [`journal`], read from there by [`run`], put into
//! the state of the screen by [`model`] and drawn by [`view`]. [`screen`] is the event loop that connects them, and
//! `commands` has one file per command. The journal is the queue: pollers write only to it, and every output (the
//! screen, the linear interface, `tail`, `export`) reads from it. So start-up, the live feed and catching up use the
//! same path. `open` and `tail --input` read [`files`] instead. A collector of a [`team`] publishes what its journal gets
//! (`outgo`), and a watcher stores that in a journal of its own, over the connection in `jetstream`.
//!
//! ```text
//! floor  module            may name
//! 7      main.rs           lib
//! 6      lib.rs            commands
//! 6      commands/         everything below
//! 5      screen/           run, tui, view, model, okta, export, exit, consent, report, secret, clock, tasks, safe_file, json_scan
//! 5      run/              everything below except sim, flags
//! 4      tui/              view, model, clock
//! 3      view/             model, consent, report
//! 3      files/            okta, export, consent, report, safe_file, json_scan
//! 3      intake/           okta, journal, jetstream, team, consent, report, clock, tasks, secret, safe_file
//! 3      outgo/            journal, jetstream, team, consent, report, clock, tasks
//! 2      model/            consent, report
//! 2      okta/             consent, report, secret, json_scan
//! 2      journal/          consent, report, clock, safe_file
//! 2      export/           consent, report, json_scan
//! 2      jetstream/        team, consent, report, clock
//! 2      team/             consent, report, secret
//! 2      flags.rs          config, consent
//! 2      exit.rs           config
//! 2      config/           secret, consent, safe_file
//! 2      sim/              clock, tasks
//! 1      log.rs            consent, safe_file
//! 1      consent/          json_scan
//! 1      secret.rs         safe_file
//! 0      report/ clock.rs tasks.rs safe_file.rs json_scan.rs
//! ```
//!
//! `tests/layers.rs` has the same table and fails if a module breaks it.
//!
//! # Rules
//!
//! * [`model`] and [`view`] do no I/O and read no clock, so a test is a list of messages.
//! * [`okta`] has no socket. Requests and answers are values.
//! * [`sim`] does not use [`okta`]. It writes its JSON by hand, so that parser and simulator cannot have the same
//!   mistake.
//! * Text from outside is [`consent::Untrusted`] and has no `Display`.
//! * Only [`clock`] reads the time, and only [`safe_file`] opens files by name.
//! * Only [`tasks`] spawns tasks. The few files that start threads or processes are listed in `tests/layers.rs`.

pub mod clock;
mod commands;
pub mod config;
pub mod consent;
pub mod exit;
pub mod export;
pub mod files;
pub mod flags;
pub mod intake;
#[cfg(feature = "team")]
pub mod jetstream;
pub mod journal;
mod json_scan;
pub mod log;
pub mod model;
pub mod okta;
#[cfg(feature = "team")]
pub mod outgo;
pub mod report;
pub mod run;
pub mod safe_file;
pub mod screen;
pub mod secret;
pub mod sim;
pub mod tasks;
pub mod team;
pub mod tui;
pub mod view;

pub use commands::start;
