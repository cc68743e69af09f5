//! What the parts of the program say of themselves.

mod coverage;
mod hook;
mod pulse;
mod traffic;

pub use coverage::{Coverage, Gap};
pub use hook::{HookDelay, HookHealth, HookProof, HookRefused};
pub use pulse::{Board, Fault, Notes, Part, Pulse};
pub use traffic::Traffic;
