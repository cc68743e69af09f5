//! The status reports of the program's parts.

mod coverage;
mod hook;
mod pulse;
mod readiness;
mod traffic;

pub use coverage::{Coverage, Gap, Unreadable};
pub use hook::{HookDelay, HookHealth, HookProof, HookRefused};
pub use pulse::{Board, BoardNotes, Fault, Part, Persons, Pulse, process};
pub use readiness::{
    Confidence, Overall, Readiness, ReadinessChange, ReadinessDetail, ReadinessEvidence, ReadinessItem,
    SERVER, SERVERS,
};
pub use traffic::Traffic;
