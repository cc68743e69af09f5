//! The state of the screen that a recording begins with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::hide;
use super::message::{Range, is_sound_size};
use crate::consent::{Orgs, RowPage};
use crate::model::{
    Command, Keymap, Loading, Marks, Mask, Model, Msg, Offline, Origin, Pane, Query, Saved, Shape, Sources,
    Zone, update,
};

/// A state of the screen, as far as it can be restored without a journal: exactly at the start of the screen, later
/// but for scroll positions and what is typed or open.
#[derive(Clone, Serialize, Deserialize, Debug)]
pub(super) struct Start {
    size: (u16, u16),
    origin: Origin,
    now: Timestamp,
    zone: (String, String),
    has_clock: bool,
    is_masked: bool,
    /// Keys of the configuration, by command.
    keys: BTreeMap<String, Vec<String>>,
    /// Filters of the configuration.
    saved: Vec<(String, String)>,
    /// Filters that were used.
    history: Vec<String>,
    /// Why marks are not kept.
    fault: Option<String>,
    /// The orgs of the rows.
    #[serde(default)]
    orgs: Orgs,
    columns: String,
    configured_columns: String,
    filter: Option<String>,
    sources: Sources,
    offline: Option<Offline>,
    loading: Loading,
    marks: Marks,
    sent: u64,
    /// The rows that were there.
    pub(super) rows: Range,
    /// Where the screen was; empty at its start.
    place: Vec<(String, String)>,
}

impl Start {
    pub(super) fn of(model: &Model) -> Self {
        let workspace = &model.workspace;
        let rows = model.rows.first_and_last();
        let place = if rows.is_some() { model.place() } else { Vec::new() };
        Self {
            size: model.size,
            origin: model.origin.clone(),
            now: model.now,
            zone: (model.zone.name.clone(), model.zone.other_name.clone()),
            has_clock: model.has_clock,
            is_masked: model.mask.is_on(),
            keys: changed_keys(&workspace.keymap),
            saved: workspace.saved.iter().map(|saved| (saved.name.clone(), saved.query.clone())).collect(),
            history: workspace.history.clone(),
            fault: workspace.fault.clone(),
            orgs: model.rows.orgs().clone(),
            columns: model.shape.words(),
            configured_columns: workspace.columns_from.words(),
            filter: model.filter.as_ref().map(|filter| filter.query().text().to_owned()),
            sources: model.sources.clone(),
            offline: model.offline.clone(),
            loading: model.loading,
            marks: model.rows.marks().clone(),
            sent: model.sent,
            rows: rows.map_or(Range::NONE, |(first, last)| Range { first, last }),
            place: place.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }
    }

    /// Returns the start without what looks like a secret, and if `mask` is on without people and without what somebody
    /// wrote. Returns `None` if that cannot be done.
    pub(super) fn hidden(&self, mask: &Mask) -> Option<Self> {
        let mut start = self.clone();
        if mask.is_on() {
            start.marks = hide::all_without_words(&start.marks);
            (start.history, start.saved, start.filter) = (Vec::new(), Vec::new(), None);
            start.place.retain(|(name, _)| name != "filter");
        }
        // A host is no person, the title shows it, and a name is what the configuration calls an org. What files call
        // their org may be any text.
        let orgs = std::mem::take(&mut start.orgs);
        let host = start.offline.is_none().then(|| hide::clean(&start.origin.org));
        let mut hidden = hide::texts(&start, &|text| mask.text(&hide::clean(text)).into_owned())?;
        if let Some(host) = host {
            hidden.origin.org = host;
            hidden.sources.name_as(&start.sources);
        }
        Some(Self { orgs, ..hidden })
    }

    /// Returns whether the size of the terminal is one that a terminal can have.
    pub(super) fn has_sound_size(&self) -> bool {
        is_sound_size(self.size)
    }

    /// Whether nothing is typed, open or said that a start does not hold.
    pub(super) fn is_exact(model: &Model) -> bool {
        model.prompt.is_none()
            && model.over.is_none()
            && model.opened.is_none()
            && model.search.is_none()
            && model.came_from.is_empty()
            && model.notice.is_none()
            && model.pane == Pane::List
            && model.list.is_following()
    }

    /// Makes a model of this state. `page` gives the rows that were there.
    pub(super) fn model(self, page: impl FnOnce(Range) -> RowPage) -> Model {
        let mut model = Model::new(self.origin, zone(self.zone), self.size, self.now);
        model.mask = Mask::of_pseudonyms(self.is_masked);
        model.has_clock = self.has_clock;
        let keys = self.keys.iter().map(|(name, keys)| (name.as_str(), keys.as_slice()));
        model.workspace.keymap = Keymap::changed(keys).unwrap_or_default();
        model.workspace.saved = self.saved.into_iter().map(|(name, query)| Saved { name, query }).collect();
        model.workspace.history = self.history;
        model.workspace.fault = self.fault;
        model.workspace.columns_from = Shape::read(&self.configured_columns).unwrap_or_default();
        model.shape = Shape::read(&self.columns).unwrap_or_default();
        update(&mut model, Msg::Orgs(self.orgs));
        if self.rows == Range::NONE
            && let Some(text) = &self.filter
            && let Ok(query) = Query::parse(text, self.now.as_millisecond(), &model.zone.shown)
        {
            model.filter_by(query);
        }
        if self.rows != Range::NONE {
            // What the model asks for is in the messages that follow.
            update(&mut model, Msg::Committed(page(self.rows)));
            update(&mut model, Msg::Marks(Box::new(self.marks)));
            update(&mut model, Msg::Place(self.place));
            update(&mut model, Msg::Work);
        }
        model.sources = self.sources;
        model.offline = self.offline;
        model.loading = self.loading;
        model.sent = self.sent;
        model
    }
}

/// Returns the keys that are not those of the table, by command.
fn changed_keys(keymap: &Keymap) -> BTreeMap<String, Vec<String>> {
    let default = Keymap::default();
    let lines = keymap.lines().iter().zip(default.lines());
    let changed = lines.filter(|(line, default)| line.chords != default.chords);
    let keys = changed.map(|(line, _)| {
        (Command::name(line.command), line.chords.iter().map(ToString::to_string).collect())
    });
    keys.collect()
}

/// Returns the zones of two names. A zone that this machine does not know is UTC.
fn zone((name, other_name): (String, String)) -> Zone {
    let find = |name: &str| TimeZone::get(name).unwrap_or(TimeZone::UTC);
    Zone { shown: find(&name), other: find(&other_name), name, other_name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{KnownOrg, OrgId};
    use crate::model::Chord;

    #[test]
    fn the_host_in_the_title_stays_unless_a_file_says_it() {
        let origin = Origin { org: "127.0.0.1:8080".to_owned(), tag: String::new() };
        let mut model = Model::new(origin, Zone::default(), (80, 24), Timestamp::UNIX_EPOCH);
        update(&mut model, Msg::Key(Chord::char('p')));
        assert!(model.mask.is_on());
        let org = |model: &Model| Start::of(model).hidden(&model.mask).map(|start| start.origin.org);
        assert_eq!(org(&model).as_deref(), Some("127.0.0.1:8080"));
        model.offline = Some(Offline::default());
        let hidden = org(&model).expect("a start");
        assert!(hidden.starts_with("addr-"), "{hidden}");
    }

    #[test]
    fn orgs_stay_what_they_are() {
        let mut model = Model::new(Origin::default(), Zone::default(), (80, 24), Timestamp::UNIX_EPOCH);
        update(&mut model, Msg::Key(Chord::char('p')));
        let orgs = ["127.0.0.1:8080", "example-of-a-long-name-1.okta.com"].map(KnownOrg::unnamed);
        update(&mut model, Msg::OrgsInUse((0..).map(OrgId).zip(orgs.clone()).collect()));
        let hidden = Start::of(&model).hidden(&model.mask).expect("a start");
        assert_eq!(hidden.sources.iter().map(|sources| sources.known.clone()).collect::<Vec<_>>(), orgs);
    }
}
