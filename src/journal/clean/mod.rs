//! Removes secrets from journals that an earlier version wrote without hiding them. The work runs in the
//! background, in small steps. Each step is one transaction, so a killed process resumes where it stopped.
//!
//! The order of the work:
//!
//! 1. Train a dictionary on cleaned events, because the old one contains pieces of uncleaned events.
//! 2. Rewrite every row, text, side event and unreadable record without its secrets.
//! 3. Delete the old dictionaries.
//! 4. Rewrite the file, because deleted data stays in its unused pages.
//!
//! Until only the last part is left, readers hide secrets themselves.

mod progress;
mod secrets;
mod shrink;
mod steps;
#[cfg(test)]
mod tests;

pub(super) use progress::{Cleaning, Pace, is_clean};
pub(super) use secrets::{envelope, shown, side, symbol};
