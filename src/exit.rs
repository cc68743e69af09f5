//! Why the program ends.
