//! Opens a consent, shows its fields as they are read, and folds its tree.

use super::pages;
use crate::consent::{Beside, Consent, Seq, Untrusted};
use crate::model::derived::timeline;
use crate::model::{Detail, DetailPlace, Effect, Model, Notice, OpenConsent, Page, Pane};

/// The message for an open consent that was removed from the journal.
pub(in crate::model) const GONE: &str = "This consent is no longer in the journal.";

impl Model {
    /// Opens the consent under the cursor. If a consent is open already, moves the focus to the detail pane.
    pub(in crate::model) fn open_row(&mut self) -> Vec<Effect> {
        if self.opened.is_some() {
            self.pane = Pane::Detail;
            return Vec::new();
        }
        let Some(at) = self.list.cursor() else { return Vec::new() };
        let seq = self.rows.get(at).seq;
        self.opened = Some(OpenConsent {
            seq,
            consent: None,
            beside: None,
            around: Vec::new(),
            tree: None,
            failure: None,
        });
        // If there is no room for both panes, the detail gets the keys. Otherwise the list keeps them.
        if self.detail_place() == DetailPlace::Alone {
            self.pane = Pane::Detail;
        }
        vec![Effect::Read(seq)]
    }

    /// Shows the row under the cursor in the detail, if the detail is open and shows a different row.
    pub(in crate::model) fn open_cursor(&mut self) -> Vec<Effect> {
        let (Some(opened), Some(at)) = (&mut self.opened, self.list.cursor()) else { return Vec::new() };
        let seq = self.rows.get(at).seq;
        if opened.seq == seq {
            return Vec::new();
        }
        opened.seq = seq;
        opened.consent = None;
        opened.beside = None;
        opened.failure = None;
        vec![Effect::Read(seq)]
    }

    /// Rebuilds the tree of the open consent if its timeline changed, or in any case if `anyway` is set.
    pub(in crate::model) fn grow_tree(&mut self, anyway: bool) {
        let Some(at) = self.opened.as_ref().and_then(|opened| self.rows.find(opened.seq)) else { return };
        let beside = self.opened.as_mut().and_then(|opened| opened.beside.take());
        let around = timeline::told(self, at, beside.as_ref());
        let height = self.page_height();
        let Some(opened) = &mut self.opened else { return };
        opened.beside = beside;
        if let Some(consent) = &opened.consent
            && (anyway || opened.around != around)
        {
            let mark = self.rows.marks().get(opened.seq);
            let mut tree = Detail::new(consent, mark, &around, &self.mask, opened.tree.as_ref());
            tree.step(0, height);
            opened.tree = Some(tree);
            opened.around = around;
        }
    }
}

/// Opens the consent under the cursor, or lists the consents of the pivot row under the cursor.
pub(in crate::model) fn open(model: &mut Model) -> Vec<Effect> {
    if model.page == Page::Consents { model.open_row() } else { pages::enter(model) }
}

/// Shows the consent that was read, or a message that its row was removed.
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

/// Reads the events of the open consent's session and transaction from the journal.
pub(in crate::model) fn read_beside(model: &Model) -> Vec<Effect> {
    let Some(OpenConsent { seq, consent: Some(consent), .. }) = &model.opened else { return Vec::new() };
    let exact = |text: &Option<Untrusted>| text.as_ref().map(|text| text.exact().to_owned());
    let (session, transaction) = (exact(&consent.session_id), exact(&consent.transaction_id));
    vec![Effect::ReadBeside { seq: *seq, session, transaction }]
}

/// Adds the events of a consent's session and transaction to its tree.
pub(in crate::model) fn beside(model: &mut Model, seq: Seq, beside: Beside) -> Vec<Effect> {
    if let Some(opened) = model.opened.as_mut().filter(|opened| opened.seq == seq) {
        opened.beside = Some(beside);
        model.grow_tree(false);
    }
    Vec::new()
}

/// Fetches the events of the open consent's session from Okta.
pub(in crate::model) fn fetch_session(model: &mut Model) -> Vec<Effect> {
    let Some(opened) = model.opened.as_ref().filter(|opened| opened.consent.is_some()) else {
        model.notice = Some(Notice::plain("Open a consent first: Enter."));
        return Vec::new();
    };
    let seq = opened.seq;
    let Some(at) = model.rows.find(seq) else {
        model.notice = Some(Notice::plain(GONE));
        return Vec::new();
    };
    model.notice = Some(Notice::plain("Asking Okta for the events of this session."));
    vec![Effect::FetchSession(model.rows.get(at).org, seq)]
}

/// Moves the focus to the other pane. Opens the detail if it is closed.
pub(in crate::model) fn switch(model: &mut Model) -> Vec<Effect> {
    match model.pane {
        Pane::Detail => {
            model.pane = Pane::List;
            Vec::new()
        }
        Pane::List => open(model),
    }
}

/// Folds or unfolds the line of the tree under the cursor.
pub(in crate::model) fn fold(model: &mut Model, fold: bool) -> Vec<Effect> {
    if let Some(tree) = model.opened.as_mut().and_then(|opened| opened.tree.as_mut()) {
        if fold { tree.fold() } else { tree.unfold() }
    }
    Vec::new()
}

/// Sets the size of the terminal, and keeps the cursor of the detail visible.
pub(in crate::model) fn resize(model: &mut Model, width: u16, height: u16) -> Vec<Effect> {
    model.size = (width, height);
    let height = model.page_height();
    if let Some(tree) = model.opened.as_mut().and_then(|opened| opened.tree.as_mut()) {
        tree.step(0, height);
    }
    Vec::new()
}

/// Turns the privacy mask on or off.
pub(in crate::model) fn mask(model: &mut Model) -> Vec<Effect> {
    model.mask.turn();
    model.grow_tree(true);
    Vec::new()
}
