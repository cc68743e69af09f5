//! The truth on disk.
