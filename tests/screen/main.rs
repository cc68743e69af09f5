//! Tests of the screen, from the log of the simulated org over real sockets to the screen's cells.

#![expect(unreachable_pub, reason = "a test crate has no reach; its modules say what they share")]

mod backends;
mod frames;
mod golden;
mod journey;
mod order;
mod orgs;
mod picture;
mod readiness;
mod recording;
mod rig;
mod scrolled;
mod snapshots;
mod sorted;
mod widths;
mod workers;
mod workspace;
