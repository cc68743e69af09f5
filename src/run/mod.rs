//! The shell, where the parts meet.
