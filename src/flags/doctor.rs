//! The flags of `doctor`.

use clap::{Args, ValueEnum};

/// Flags of `doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// The format of the report
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: DoctorFormat,
    /// Checks every stored row for damage instead of probing the org; exits with 1 if there is damage
    #[arg(long)]
    pub check: bool,
}

/// Formats of `doctor`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum DoctorFormat {
    /// Every check with its meaning, what to do, and the evidence
    Text,
    /// consentwatch.doctor/1, one object
    Json,
}
