//! Network I/O in the other direction: what the journal has goes out to others.

pub mod team;
