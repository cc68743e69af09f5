//! The flags of `export`.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::config::When;
use crate::consent::ExportFormat;

/// Flags of `export`.
#[derive(Args, Debug)]
pub struct Export {
    /// The format [default: by the ending of the file's name, else jsonl]
    #[arg(long)]
    pub format: Option<ExportFormat>,
    /// The local copy of what a team's collector published, as watch --from and tail --from keep it
    #[arg(long, value_name = "URL|@FILE")]
    pub from: Option<String>,
    /// Only rows published from this time on
    #[arg(long, value_name = "DUR|TIME")]
    pub since: Option<When>,
    /// Only rows published before this time
    #[arg(long, value_name = "DUR|TIME")]
    pub until: Option<When>,
    /// Only rows that match
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Only marked rows
    #[arg(long)]
    pub marked: bool,
    /// A new file; standard output if omitted or -
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Begins CSV with a byte order mark, so that Excel on Windows reads it as UTF-8
    #[arg(long)]
    pub csv_bom: bool,
}

/// The formats of `export`. [`ExportFormat::CsvMarked`] has no word of its own and is chosen by `--csv-bom`.
impl ValueEnum for ExportFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Jsonl,
            Self::Snapshot,
            Self::Csv,
            Self::Markdown,
            Self::Html,
            Self::Card,
            Self::Raw,
            Self::Ecs,
            Self::Ocsf,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (word, help) = match self {
            Self::Jsonl => ("jsonl", "consentwatch.consent/1, one per line"),
            Self::Snapshot => ("json", "A snapshot: coverage, digest, every consent complete"),
            Self::Csv => {
                ("csv", "For spreadsheets: commas, CR LF line endings; --csv-bom for Excel on Windows")
            }
            Self::CsvMarked => return None,
            Self::Markdown => ("md", "A case file for people"),
            Self::Html => ("html", "A case file for people, with a chart of the activity"),
            Self::Card => ("card", "The event card of Okta Workflows, one per line"),
            Self::Raw => ("raw", "The LogEvents as Okta sent them, one per line"),
            Self::Ecs => ("ecs", "Elastic Common Schema 9.3, one per line"),
            Self::Ocsf => {
                ("ocsf", "OCSF 1.8: User Access Management, and other classes for other events, one per line")
            }
        };
        Some(PossibleValue::new(word).help(help))
    }
}
