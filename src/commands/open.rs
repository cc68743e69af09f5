//! `open`: the screen on files.

use std::io::IsTerminal as _;

use super::common::{
    Ended, is_dumb, judged, load_for_files, on_runtime, query, query_for_files, record_to, reopen_log,
    screen_options, start_log, usage,
};
use crate::exit::Exit;
use crate::flags::{self, Cli};
use crate::run::{self, Archive, FileInput, LinearOptions};
use crate::screen::{self, WatchOptions};

/// Shows the events in files. Fails before the screen starts if one of them cannot be read.
pub(super) fn open(cli: &Cli, flags: &flags::Open) -> Result<Exit, Ended> {
    let record_to = record_to(flags.record.as_ref())?;
    let config = load_for_files(cli)?;
    let zone = screen::zone(&config.ui.time_zone).map_err(usage)?;
    let arranged = run::arranged(&config).map_err(|error| usage(error.to_string()))?;
    let inputs: Vec<FileInput> = flags.files.iter().map(|name| FileInput::of(name)).collect();
    if inputs.iter().filter(|input| **input == FileInput::Stdin).count() > 1 {
        return Err(usage(
            "- is named twice, but standard input can be read only once. Nothing was started.",
        ));
    }
    if inputs.contains(&FileInput::Stdin) && std::io::stdin().is_terminal() {
        return Err(usage(
            "- is standard input, which is the terminal. Nothing was started. Pipe a file into it.",
        ));
    }
    let is_linear = flags.linear || is_dumb();
    if is_linear && inputs.contains(&FileInput::Stdin) {
        return Err(usage(
            "- is standard input, which commands are read from. Nothing was started. \
             tail --input - --format text prints what is piped into it.",
        ));
    }
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let filter = if is_linear {
            query_for_files(flags.filter.as_ref(), now)?
        } else {
            query(flags.filter.as_ref(), now)?
        };
        run::probe_all(&inputs).map_err(|words| (Exit::Failed, format!("{words} Nothing was started.")))?;
        if !is_linear {
            screen::need_terminal(inputs.contains(&FileInput::Stdin))
                .map_err(|words| (Exit::Failed, words))?;
        }
        start_log(cli, None, !is_linear);
        reopen_log(&tasks);
        let org = match inputs.as_slice() {
            [one] => one.name(),
            all => format!("{} files", all.len()),
        };
        if is_linear {
            let options = LinearOptions { org, filter, stop_after: None, ends_with_commands: true };
            let mut book = run::FileBook::open(inputs, now).map_err(|words| (Exit::Failed, words))?;
            let exit =
                run::linear(options, &mut book, &clock).await.map_err(|words| (Exit::Failed, words))?;
            return judged(exit, book.troubles());
        }
        let archive = Archive::open(inputs, now).map_err(|words| (Exit::Failed, words))?;
        let troubles = archive.troubles();
        let options = WatchOptions { record_to, ..screen_options(cli, &config, org, arranged, zone, filter) };
        let exit = Box::pin(screen::watch(options, None, archive, &clock, &tasks))
            .await
            .map_err(|words| (Exit::Failed, words))?;
        let troubles = troubles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        judged(exit, &troubles)
    })
}
