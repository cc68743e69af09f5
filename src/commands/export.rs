//! `export`: the journal as a file.

use super::common::{Ended, announce_target, load, marked, query_for_lines, target, usage};
use crate::clock::Clock;
use crate::consent::ExportFormat;
use crate::exit::Exit;
use crate::flags::{self, Cli};
use crate::run::{self, ExportOptions, FileLayout};

pub(super) fn export(cli: &Cli, flags: &flags::Export) -> Result<Exit, Ended> {
    let format = file_format(flags)?;
    let config = load(cli)?;
    let target = target(cli, &config, flags.from.as_ref())?;
    announce_target(&target);
    let now = Clock::system().now();
    let filter = query_for_lines(flags.filter.as_ref(), now)?;
    let marked = marked(target.dir(), flags.marked, filter.as_ref())?;
    run::export(&ExportOptions {
        orgs: target.known_orgs(),
        only_these_orgs: target.only_these_orgs(),
        dir: target.dir().to_owned(),
        marked_only: flags.marked,
        marked,
        layout: FileLayout::of(format),
        since: flags.since.map(|since| since.at(now)),
        until: flags.until.map(|until| until.at(now)),
        filter,
        output: flags.output.clone().filter(|path| path.as_os_str() != "-"),
        now,
    })
}

/// Returns the format that was asked for, or the one that the file's name ends with.
fn file_format(flags: &flags::Export) -> Result<ExportFormat, Ended> {
    let ending = flags.output.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    let by_name = match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("json") => ExportFormat::Snapshot,
        Some("csv") => ExportFormat::Csv,
        Some("md" | "markdown") => ExportFormat::Markdown,
        Some("html" | "htm") => ExportFormat::Html,
        _ => ExportFormat::Jsonl,
    };
    match (flags.format.unwrap_or(by_name), flags.csv_bom) {
        (ExportFormat::Csv, true) => Ok(ExportFormat::CsvMarked),
        (format, false) => Ok(format),
        (_, true) => Err(usage(
            "--csv-bom is for CSV, and the output has another format. Nothing was written. Add --format csv, or leave \
             --csv-bom out.",
        )),
    }
}
