//! Moves between the matches of the search.

use crate::consent::visible;
use crate::model::{Ask, Effect, Known, Model, Notice, Page, Pane, Subject};

/// Moves to the next or previous match, or shows a notice if there is none. Opens the prompt if there is no search.
pub(in crate::model) fn step_or_ask(model: &mut Model, back: bool) -> Vec<Effect> {
    let text = match &model.search {
        Some(search) => search.text().to_owned(),
        None => return model.open_prompt(Ask::Search, ""),
    };
    if !step(model, back) {
        model.notice = Some(Notice::plain(format!("No match for \"{}\".", visible(&text))));
    }
    model.open_cursor()
}

/// Moves to the next or previous match in the focused pane or page, wrapping around. Returns whether there is one.
pub(in crate::model) fn step(model: &mut Model, back: bool) -> bool {
    let height = model.page_height();
    let Some(search) = &mut model.search else { return false };
    if let Some(subject) = model.page.subject() {
        let known = Known { rows: &model.rows, ledger: &model.ledger };
        let pattern = search.pattern();
        let is = |number| match subject {
            Subject::Scopes => pattern.is_match(known.ledger.scopes.name(number)),
            _ => known
                .rows
                .symbols()
                .fields(subject.sym(known.ledger, number))
                .any(|field| pattern.is_match(field)),
        };
        return model.pivots[subject as usize].seek(back, height, is);
    }
    debug_assert_eq!(model.page, Page::Consents);
    if model.pane == Pane::Detail {
        let tree = model.opened.as_mut().and_then(|opened| opened.tree.as_mut());
        let pattern = search.pattern();
        return tree.is_some_and(|tree| {
            tree.seek(back, height, |node| pattern.is_match(&node.label) || pattern.is_match(&node.value))
        });
    }
    let found = model.list.seek(&model.rows, back, height, |at| search.is_hit(at));
    if found {
        search.stand_at(model.list.rank(&model.rows, |at| search.is_hit(at)));
    }
    found
}
