//! The nouns: what a consent is, who gave it, how it came. Knows nothing of Okta's wire, of disks or of screens.

mod bookmark;
mod claims;
mod code;
mod content;
mod history;
mod id;
mod kind;
mod label;
mod marked;
mod record;
pub mod redact;
mod reject;
mod row;
mod side;
mod text;
mod unicode;
mod who;

pub use bookmark::Bookmark;
pub use claims::{Claims, Difference, Fact};
pub use code::{Outcome, Severity};
pub use history::HistoryMark;
pub use id::{ClientId, EventId, GrantId, Rev, Seq, ServerId, UserId, mark};
pub use kind::{Kind, Reach};
pub use label::{Attribution, Label, Thing};
pub use marked::Marked;
pub use record::{
    Actor, Client, Consent, Delivery, Doubt, EventKey, Origin, OutcomeOf, ScopeGrant, Server, Stored, Via,
};
pub use reject::Reject;
pub use row::{GrantMarks, Page, Row, Sym, Symbol, Symbols};
pub use side::{Beside, SideEvent, Topic};
pub use text::{Untrusted, in_ascii, replace_hidden, visible};
pub use who::{Evidence, Person, Who};
