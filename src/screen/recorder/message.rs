//! Messages in the form that a recording holds.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::consent::{
    Beside, Consent, Delivery, Doubt, EventId, EventKey, Evidence, KnownOrg, Label, OrgId, Orgs, Person, Rev,
    RowPage, Seq, SideEvent, Stored, Untrusted, Via,
};
use crate::model::{Chord, Copied, Loading, Mark, Marks, Msg, Notice, Offline};
use crate::okta;
use crate::report::{Board, Coverage};

/// Columns or lines of the largest terminal that is replayed.
const SIDE: u16 = 1000;

/// A [`Msg`] whose rows are named by their numbers.
#[derive(Serialize, Deserialize, Debug)]
pub(super) enum Recorded {
    /// A key that was a command.
    Key(Chord),
    /// A key that went into a line that was typed.
    Typed(Chord),
    Click(u16, u16),
    Wheel {
        down: bool,
    },
    Paste(String),
    Resize(u16, u16),
    Orgs(Orgs),
    Committed(Range),
    Older {
        rows: Range,
        left: u64,
    },
    FromFiles(Range, Loading),
    Offline(Box<Offline>),
    Changed(Range),
    Cut {
        after: Seq,
        to: Seq,
        kept: Vec<Range>,
    },
    OrgsInUse(Vec<(OrgId, KnownOrg)>),
    Board(OrgId, Box<Board>),
    Coverage(OrgId, Coverage),
    Record(Seq, Option<Box<RecordedConsent>>),
    RecordFailed(Seq, String),
    Beside(Seq, Vec<RecordedSide>, Vec<Seq>),
    LookedUp {
        number: u64,
        found: Vec<(Seq, u64)>,
        looked: usize,
        trouble: Option<String>,
    },
    Minute(Timestamp),
    Sent(u64),
    Notice(Notice),
    Saving(usize, usize),
    Saved(Notice),
    NotCopied(Copied),
    Place(Vec<(String, String)>),
    Marks(Box<Marks>),
    Marked(Seq, Option<Mark>),
    Work,
    /// One that was too large to keep.
    LeftOut,
}

/// Rows by number, from the first to the last. The default names none.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct Range {
    pub(super) first: Seq,
    pub(super) last: Seq,
}

/// What the journal keeps of a consent; it is parsed again when a recording is replayed.
#[derive(Serialize, Deserialize, Debug)]
pub(super) struct RecordedConsent {
    seq: Seq,
    published_ms: i64,
    /// `None` where the event's key is a digest of its bytes.
    pub(super) uuid: Option<[u8; 16]>,
    part: u8,
    received: Timestamp,
    via: Via,
    doubt: Option<Doubt>,
    evidence: Evidence,
    person: Person,
    hook: Option<Delivery>,
    pub(super) hook_copy: Option<String>,
    labels: Vec<Label>,
    pub(super) raw: String,
}

/// An event beside a consent.
#[derive(Serialize, Deserialize, Debug)]
pub(super) struct RecordedSide {
    pub(super) uuid: Option<[u8; 16]>,
    published: Option<Timestamp>,
    received: Timestamp,
    event_type: Untrusted,
    transaction_id: Option<Untrusted>,
    session_id: Option<Untrusted>,
    pub(super) raw: String,
}

impl Range {
    pub(super) const NONE: Self = Self { first: Seq(1), last: Seq(0) };

    /// Returns the range of a page, whose rows ascend by number.
    fn of(page: &RowPage) -> Self {
        let numbers = || page.rows.iter().map(|row| row.seq);
        match (numbers().min(), numbers().max()) {
            (Some(first), Some(last)) => Self { first, last },
            _ => Self::NONE,
        }
    }

    /// Returns the runs of successive numbers in numbers that ascend.
    fn runs(numbers: &[Seq]) -> Vec<Self> {
        let runs = numbers.chunk_by(|one, next| one.0.checked_add(1) == Some(next.0));
        runs.filter_map(|run| Some(Self { first: *run.first()?, last: *run.last()? })).collect()
    }
}

impl Recorded {
    /// Returns the form of a message. `is_typing` tells whether a line was being typed when it came.
    pub(super) fn of(msg: &Msg, is_typing: bool) -> Self {
        match msg {
            Msg::Key(chord) if is_typing => Self::Typed(*chord),
            Msg::Key(chord) => Self::Key(*chord),
            Msg::Click(column, row) => Self::Click(*column, *row),
            Msg::Wheel { down } => Self::Wheel { down: *down },
            Msg::Paste(text) => Self::Paste(text.clone()),
            Msg::Resize(width, height) => Self::Resize(*width, *height),
            Msg::Orgs(orgs) => Self::Orgs(orgs.clone()),
            Msg::Committed(page) => Self::Committed(Range::of(page)),
            Msg::Older { page, left } => Self::Older { rows: Range::of(page), left: *left },
            Msg::FromFiles(page, loading) => Self::FromFiles(Range::of(page), *loading),
            Msg::Offline(offline) => Self::Offline(offline.clone()),
            Msg::Changed(page) => Self::Changed(Range::of(page)),
            Msg::Cut { after, to, kept } => Self::Cut { after: *after, to: *to, kept: Range::runs(kept) },
            Msg::OrgsInUse(orgs) => Self::OrgsInUse(orgs.clone()),
            Msg::Board(org, board) => Self::Board(*org, board.clone()),
            Msg::Coverage(org, coverage) => Self::Coverage(*org, coverage.clone()),
            Msg::Record(seq, consent) => {
                let recorded = |consent: &Consent| Box::new(RecordedConsent::of(*seq, consent));
                Self::Record(*seq, consent.as_deref().map(recorded))
            }
            Msg::RecordFailed(seq, why) => Self::RecordFailed(*seq, why.clone()),
            Msg::Beside(seq, Beside { sides, consents }) => {
                Self::Beside(*seq, sides.iter().map(RecordedSide::of).collect(), consents.clone())
            }
            Msg::LookedUp { number, found, looked, trouble } => Self::LookedUp {
                number: *number,
                found: found.clone(),
                looked: *looked,
                trouble: trouble.clone(),
            },
            Msg::Minute(now) => Self::Minute(*now),
            Msg::Sent(bytes) => Self::Sent(*bytes),
            Msg::Notice(notice) => Self::Notice(notice.clone()),
            Msg::Saving(done, all) => Self::Saving(*done, *all),
            Msg::Saved(outcome) => Self::Saved(outcome.clone()),
            Msg::NotCopied(copied) => Self::NotCopied(copied.clone()),
            Msg::Place(place) => Self::Place(place.clone()),
            Msg::Marks(marks) => Self::Marks(marks.clone()),
            Msg::Marked(seq, mark) => Self::Marked(*seq, mark.clone()),
            Msg::Work => Self::Work,
        }
    }

    /// Whether replaying the message takes no more than a terminal's worth of memory.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Resize(columns, lines) => is_sound_size((*columns, *lines)),
            _ => true,
        }
    }

    /// Returns the message, with its rows as `page` gives them and the numbers that `present` gives of a range, or `None`
    /// if it was left out.
    pub(super) fn msg(
        self,
        mut page: impl FnMut(Range) -> RowPage,
        present: impl Fn(Range) -> Vec<Seq>,
    ) -> Option<Msg> {
        Some(match self {
            Self::Key(chord) | Self::Typed(chord) => Msg::Key(chord),
            Self::Click(column, row) => Msg::Click(column, row),
            Self::Wheel { down } => Msg::Wheel { down },
            Self::Paste(text) => Msg::Paste(text),
            Self::Resize(width, height) => Msg::Resize(width, height),
            Self::Orgs(orgs) => Msg::Orgs(orgs),
            Self::Committed(rows) => Msg::Committed(page(rows)),
            Self::Older { rows, left } => Msg::Older { page: page(rows), left },
            Self::FromFiles(rows, loading) => Msg::FromFiles(page(rows), loading),
            Self::Offline(offline) => Msg::Offline(offline),
            Self::Changed(rows) => Msg::Changed(page(rows)),
            Self::Cut { after, to, kept } => {
                // Ranges that overlap would give a row many times.
                let mut past = Seq(i64::MIN);
                let mut kept = kept;
                kept.retain(|range| {
                    let is_next = past < range.first && range.first <= range.last;
                    past = if is_next { range.last } else { past };
                    is_next
                });
                Msg::Cut { after, to, kept: kept.into_iter().flat_map(present).collect() }
            }
            Self::OrgsInUse(orgs) => Msg::OrgsInUse(orgs),
            Self::Board(org, board) => Msg::Board(org, board),
            Self::Coverage(org, coverage) => Msg::Coverage(org, coverage),
            Self::Record(seq, consent) => {
                Msg::Record(seq, consent.map(|consent| Box::new(consent.restore())))
            }
            Self::RecordFailed(seq, why) => Msg::RecordFailed(seq, why),
            Self::Beside(seq, sides, consents) => {
                let sides = sides.into_iter().map(RecordedSide::restore).collect();
                Msg::Beside(seq, Beside { sides, consents })
            }
            Self::LookedUp { number, found, looked, trouble } => {
                Msg::LookedUp { number, found, looked, trouble }
            }
            Self::Minute(now) => Msg::Minute(now),
            Self::Sent(bytes) => Msg::Sent(bytes),
            Self::Notice(notice) => Msg::Notice(notice),
            Self::Saving(done, all) => Msg::Saving(done, all),
            Self::Saved(outcome) => Msg::Saved(outcome),
            Self::NotCopied(copied) => Msg::NotCopied(copied),
            Self::Place(place) => Msg::Place(place),
            Self::Marks(marks) => Msg::Marks(marks),
            Self::Marked(seq, mark) => Msg::Marked(seq, mark),
            Self::Work => Msg::Work,
            Self::LeftOut => return None,
        })
    }
}

/// Whether a terminal can have so many columns and lines. A larger one would only fill the memory.
pub(super) fn is_sound_size((columns, lines): (u16, u16)) -> bool {
    columns <= SIDE && lines <= SIDE
}

/// Returns the uuid of an event. A digest is not recorded: short secrets could be guessed from it.
fn uuid_of(id: EventId) -> Option<[u8; 16]> {
    match id {
        EventId::Uuid(bytes) => Some(bytes),
        EventId::Digest(_) => None,
    }
}

fn id_of(uuid: Option<[u8; 16]>) -> EventId {
    uuid.map_or(EventId::Digest([0; 32]), EventId::Uuid)
}

impl RecordedConsent {
    fn of(seq: Seq, consent: &Consent) -> Self {
        Self {
            seq,
            published_ms: consent.key.published_ms,
            uuid: uuid_of(consent.key.id),
            part: consent.key.part,
            received: consent.received,
            via: consent.via,
            doubt: consent.doubt,
            evidence: consent.who.evidence,
            person: consent.who.person.clone(),
            hook: consent.hook.clone(),
            hook_copy: consent.hook_copy.as_ref().map(|copy| copy.raw.to_string()),
            labels: consent.labels.clone(),
            raw: consent.raw.to_string(),
        }
    }

    /// Parses the event again.
    pub(super) fn restore(&self) -> Consent {
        okta::restore(&Stored {
            seq: self.seq,
            rev: Rev(0),
            key: EventKey { published_ms: self.published_ms, id: id_of(self.uuid), part: self.part },
            org: OrgId::default(),
            received: self.received,
            via: self.via,
            doubt: self.doubt,
            evidence: self.evidence,
            person: self.person.clone(),
            hook: self.hook.clone(),
            hook_copy: self.hook_copy.as_deref().map(Arc::from),
            labels: self.labels.clone(),
            raw: self.raw.as_str().into(),
        })
    }
}

impl RecordedSide {
    fn of(side: &SideEvent) -> Self {
        Self {
            uuid: uuid_of(side.id),
            published: side.published,
            received: side.received,
            event_type: side.event_type.clone(),
            transaction_id: side.transaction_id.clone(),
            session_id: side.session_id.clone(),
            raw: side.raw.to_string(),
        }
    }

    fn restore(self) -> SideEvent {
        SideEvent {
            id: id_of(self.uuid),
            published: self.published,
            received: self.received,
            event_type: self.event_type,
            transaction_id: self.transaction_id,
            session_id: self.session_id,
            raw: self.raw.into(),
        }
    }
}
