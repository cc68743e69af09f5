//! `export`: the journal as a file.

use super::common::{Ended, announce, load, marked, query_for_lines, usage};
use crate::cli::{self, Cli, ExportFormat};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::export::{Lines, Report};
use crate::run::{self, ExportOptions, FileForm};

pub(super) fn export(cli: &Cli, flags: &cli::Export) -> Result<Exit, Ended> {
    let form = file_form(flags)?;
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    announce(&ready);
    let now = Clock::system().now();
    let filter = query_for_lines(flags.filter.as_ref(), now)?;
    let marked = marked(&ready.dir, flags.marked, filter.as_ref())?;
    run::export(&ExportOptions {
        org: ready.org.host().to_owned(),
        dir: ready.dir,
        marked_only: flags.marked,
        marked,
        form,
        since: flags.since.map(|since| since.at(now)),
        until: flags.until.map(|until| until.at(now)),
        filter,
        output: flags.output.clone().filter(|path| path.as_os_str() != "-"),
        now,
    })
}

/// The form that was asked for, or the one that the file's name ends with.
fn file_form(flags: &cli::Export) -> Result<FileForm, Ended> {
    let ending = flags.output.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    let by_name = match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("json") => ExportFormat::Json,
        Some("csv") => ExportFormat::Csv,
        Some("md" | "markdown") => ExportFormat::Md,
        Some("html" | "htm") => ExportFormat::Html,
        _ => ExportFormat::Jsonl,
    };
    let format = flags.format.unwrap_or(by_name);
    if flags.csv_bom && format != ExportFormat::Csv {
        return Err(usage(
            "--csv-bom is for CSV, and the output has another format. Nothing was written. Add --format csv, or leave \
             --csv-bom out.",
        ));
    }
    Ok(match format {
        ExportFormat::Jsonl => FileForm::Lines(Lines::Json),
        ExportFormat::Json => FileForm::Snapshot,
        ExportFormat::Csv if flags.csv_bom => FileForm::Lines(Lines::CsvMarked),
        ExportFormat::Csv => FileForm::Lines(Lines::Csv),
        ExportFormat::Md => FileForm::Report(Report::Markdown),
        ExportFormat::Html => FileForm::Report(Report::Html),
        ExportFormat::Card => FileForm::Lines(Lines::Card),
        ExportFormat::Raw => FileForm::Lines(Lines::Raw),
        ExportFormat::Ecs => FileForm::Lines(Lines::Ecs),
        ExportFormat::Ocsf => FileForm::Lines(Lines::Ocsf),
    })
}
