//! The program's entry point. All code is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(consentwatch::start(std::env::args_os()).code())
}
