//! Dispatches each message and each command to its function in [`super::act`].

use super::act::{
    arrivals, choices, columns, copy, detail, histogram, marks, mouse, movement, pages, prompt_input, save,
    search, session, sorting,
};
use super::data::shape::Change;
use super::derived::widths::{self, Before, By};
use super::{Ask, Chord, Command, Effect, Model, Msg};

/// Applies one message to the model and returns the effects to perform.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let before = Before::of(model, who_changes(&msg));
    let effects = take(model, msg);
    widths::after(model, &before);
    effects
}

/// Returns the cause of a message, which decides whether columns may change their widths.
fn who_changes(msg: &Msg) -> By {
    match msg {
        Msg::Key(_)
        | Msg::Click(..)
        | Msg::Wheel { .. }
        | Msg::Paste(_)
        | Msg::Resize(..)
        | Msg::Place(_) => By::Person,
        Msg::Changed(_) => By::Names,
        _ => By::Arrival,
    }
}

fn take(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(chord) => key(model, chord),
        Msg::Click(column, row) => mouse::click(model, column, row),
        Msg::Wheel { down } => mouse::wheel(model, down),
        Msg::Paste(text) => prompt_input::paste(model, &text),
        Msg::Resize(width, height) => detail::resize(model, width, height),
        Msg::Orgs(orgs) => arrivals::orgs(model, orgs),
        Msg::Committed(page) => arrivals::grew(model, &page, true),
        Msg::Older { page, left } => arrivals::older(model, &page, left),
        Msg::FromFiles(page, loading) => arrivals::read_files(model, &page, loading),
        Msg::Offline(offline) => arrivals::offline(model, *offline),
        Msg::Changed(page) => arrivals::changed(model, &page),
        Msg::Cut { after, to, kept } => arrivals::cut(model, after, to, &kept),
        Msg::OrgsInUse(orgs) => quietly(|| model.sources.set_orgs(orgs)),
        Msg::Board(org, board) => arrivals::board(model, org, *board),
        Msg::Coverage(org, coverage) => arrivals::coverage(model, org, coverage),
        Msg::Record(seq, consent) => detail::record(model, seq, consent),
        Msg::LookedUp { number, found, looked, trouble } => {
            arrivals::looked_up(model, number, &found, looked, trouble)
        }
        Msg::Beside(seq, found) => detail::beside(model, seq, found),
        Msg::RecordFailed(seq, why) => detail::record_failed(model, seq, why),
        Msg::Minute(now) => arrivals::minute(model, now),
        Msg::Sent(bytes) => quietly(|| model.sent = bytes),
        Msg::Notice(notice) => quietly(|| model.notice = Some(notice)),
        Msg::Place(place) => session::restore(model, &place),
        Msg::Saving(done, all) => quietly(|| model.saving = Some((done, all))),
        Msg::Saved(outcome) => save::done(model, outcome),
        Msg::NotCopied(copied) => copy::failed(model, copied),
        Msg::Marks(marks) => marks::take(model, *marks),
        Msg::Marked(seq, mark) => marks::put(model, seq, mark),
        Msg::Work => arrivals::work(model),
    }
}

fn quietly(change: impl FnOnce()) -> Vec<Effect> {
    change();
    Vec::new()
}

fn key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    model.notice = None;
    if model.prompt.is_some() {
        let (mut effects, chosen) = prompt_input::key(model, chord);
        effects.extend(chosen.into_iter().flat_map(|command| obey(model, command)));
        return effects;
    }
    if std::mem::take(&mut model.workspace.is_copying)
        && let Some(effects) = copy::key(model, chord)
    {
        return effects;
    }
    match model.workspace.keymap.command(model.mode(), chord) {
        Some(command) => obey(model, command),
        None => Vec::new(),
    }
}

fn obey(model: &mut Model, command: Command) -> Vec<Effect> {
    if command.moves() {
        // The user moved, so the row to restore from the last session no longer matters.
        model.workspace.wanted = None;
    }
    model.workspace.has_paged |= command.turns_page();
    let page = model.page_height() as isize;
    match command {
        Command::Down => movement::step(model, 1),
        Command::Up => movement::step(model, -1),
        Command::PageDown => movement::step(model, page.max(1)),
        Command::PageUp => movement::step(model, -page.max(1)),
        Command::HalfDown => movement::step(model, (page / 2).max(1)),
        Command::HalfUp => movement::step(model, -(page / 2).max(1)),
        Command::First => movement::jump(model, false),
        Command::Last => movement::jump(model, true),
        Command::Follow => movement::follow(model),
        Command::Open => detail::open(model),
        Command::SwitchPane => detail::switch(model),
        Command::Back => pages::back(model),
        Command::Fold => detail::fold(model, true),
        Command::Unfold => detail::fold(model, false),
        Command::Filter => prompt_input::filter(model),
        Command::Search => model.open_prompt(Ask::Search, ""),
        Command::SearchNext => search::step_or_ask(model, false),
        Command::SearchBack => search::step_or_ask(model, true),
        Command::GoToTime => model.open_prompt(Ask::Time, ""),
        Command::Order => sorting::turn(model),
        Command::SortColumn => sorting::sort_next(model),
        Command::Consents
        | Command::Clients
        | Command::People
        | Command::Scopes
        | Command::Help
        | Command::Readiness
        | Command::Sources
        | Command::Marks
        | Command::SavedFilters
        | Command::Columns
        | Command::SaveAs => pages::show_of(model, command),
        Command::Zone => quietly(|| model.zone.turn()),
        Command::Strip => histogram::turn(model),
        Command::ZoomIn => histogram::zoom(model, true),
        Command::ZoomOut => histogram::zoom(model, false),
        Command::BucketNext => histogram::jump(model, false),
        Command::BucketBack => histogram::jump(model, true),
        Command::Mask => detail::mask(model),
        Command::FetchSession => detail::fetch_session(model),
        Command::Mark => marks::toggle(model),
        Command::Note => marks::note(model),
        Command::NextMark => marks::next(model, false),
        Command::MarkBefore => marks::next(model, true),
        Command::Choose => choices::choose(model),
        Command::Palette => prompt_input::command(model),
        Command::FindKey => prompt_input::find_key(model),
        Command::Hints => quietly(|| model.workspace.hides_hints = !model.workspace.hides_hints),
        Command::ColumnLeft => columns::change(model, Change::Left),
        Command::ColumnRight => columns::change(model, Change::Right),
        Command::Wider => columns::change(model, Change::Wider),
        Command::Narrower => columns::change(model, Change::Narrower),
        Command::ColumnsReset => columns::reset(model),
        Command::FreeWidth => columns::change(model, Change::Free),
        Command::Copy => copy::ask(model),
        Command::Save => save::quick(model),
        Command::Extent => save::turn(model),
        Command::PollNow => arrivals::poll_now(model),
        Command::Record => vec![Effect::Record],
        Command::Redraw => vec![Effect::Redraw],
        Command::Suspend => vec![Effect::Suspend],
        Command::Quit => save::quit(model),
        Command::Interrupt => vec![Effect::Interrupt],
    }
}
