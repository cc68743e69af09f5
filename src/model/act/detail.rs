//! Opens a consent, takes in what was read of it, and folds its tree.

use super::pages;
use crate::consent::{Beside, Consent, Seq, Untrusted};
use crate::model::{Effect, Model, Notice, Opened, Page, Pane};

/// Said of a consent that is open and was removed.
pub(in crate::model) const GONE: &str = "This consent is no longer in the journal.";

/// Opens the row under the cursor: a consent, or the consents behind a row of a page of counts.
pub(in crate::model) fn open(model: &mut Model) -> Vec<Effect> {
    if model.page == Page::Consents { model.open_row() } else { pages::enter(model) }
}

/// Shows the consent that was read, or says that its row is gone.
pub(in crate::model) fn record(model: &mut Model, seq: Seq, consent: Option<Box<Consent>>) -> Vec<Effect> {
    let Some(opened) = model.opened.as_mut().filter(|opened| opened.seq == seq) else { return Vec::new() };
    let Some(consent) = consent else {
        opened.failure = Some(GONE.to_owned());
        return Vec::new();
    };
    opened.consent = Some(consent);
    opened.failure = None;
    opened.around.clear();
    model.grow_tree(true);
    read_beside(model)
}

/// Shows why a consent could not be read.
pub(in crate::model) fn record_failed(model: &mut Model, seq: Seq, why: String) -> Vec<Effect> {
    if let Some(opened) = model.opened.as_mut().filter(|opened| opened.seq == seq) {
        opened.failure = Some(why);
    }
    Vec::new()
}

/// Asks for what there is of the open consent's session.
pub(in crate::model) fn read_beside(model: &Model) -> Vec<Effect> {
    let Some(Opened { seq, consent: Some(consent), .. }) = &model.opened else { return Vec::new() };
    let exact = |text: &Option<Untrusted>| text.as_ref().map(|text| text.exact().to_owned());
    let (session, transaction) = (exact(&consent.session_id), exact(&consent.transaction_id));
    vec![Effect::ReadBeside { seq: *seq, session, transaction }]
}

/// Takes in what the journal has of the session and transaction of a consent.
pub(in crate::model) fn beside(model: &mut Model, seq: Seq, beside: Beside) -> Vec<Effect> {
    if let Some(opened) = model.opened.as_mut().filter(|opened| opened.seq == seq) {
        opened.beside = Some(beside);
        model.grow_tree(false);
    }
    Vec::new()
}

/// Asks for what Okta has of the open consent's session.
pub(in crate::model) fn fetch_session(model: &mut Model) -> Vec<Effect> {
    let Some(opened) = model.opened.as_ref().filter(|opened| opened.consent.is_some()) else {
        model.notice = Some(Notice { text: "Open a consent first: Enter.".to_owned(), is_bad: false });
        return Vec::new();
    };
    let seq = opened.seq;
    model.notice =
        Some(Notice { text: "Asking Okta for the events of this session.".to_owned(), is_bad: false });
    vec![Effect::FetchSession(seq)]
}

/// Gives the keys to the other pane; opens the detail if it is not there.
pub(in crate::model) fn switch(model: &mut Model) -> Vec<Effect> {
    match model.pane {
        Pane::Detail => {
            model.pane = Pane::List;
            Vec::new()
        }
        Pane::List => open(model),
    }
}

/// Folds the line of the tree under the cursor, or unfolds it.
pub(in crate::model) fn fold(model: &mut Model, fold: bool) -> Vec<Effect> {
    if let Some(tree) = model.opened.as_mut().and_then(|opened| opened.tree.as_mut()) {
        if fold { tree.fold() } else { tree.unfold() }
    }
    Vec::new()
}

/// Takes the terminal's new size in: a window that shrinks keeps the reader's line inside it.
pub(in crate::model) fn resize(model: &mut Model, width: u16, height: u16) -> Vec<Effect> {
    model.size = (width, height);
    let height = model.page_height();
    if let Some(tree) = model.opened.as_mut().and_then(|opened| opened.tree.as_mut()) {
        tree.step(0, height);
    }
    Vec::new()
}

/// Hides people, or shows them.
pub(in crate::model) fn mask(model: &mut Model) -> Vec<Effect> {
    model.mask.turn();
    model.grow_tree(true);
    Vec::new()
}
