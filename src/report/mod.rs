//! The status reports of the program's parts.

mod answer;
mod coverage;
mod hook;
mod readiness;
mod status;
mod traffic;

pub use answer::Answer;
pub use coverage::{Coverage, Gap, Unreadable};
pub use hook::{HookDelay, HookHealth, HookProof, HookRefused};
pub use readiness::{
    Confidence, Overall, Readiness, ReadinessChange, ReadinessDetail, ReadinessEvidence, ReadinessItem,
    SERVER, SERVERS,
};
pub use status::{Board, BoardNotes, Fault, Part, Persons, Pulse, TeamHealth, process};
pub use traffic::Traffic;
