//! What we know: the pure core of the screen.
