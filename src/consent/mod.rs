//! The nouns: what a consent is, who gave it, how it came. Knows nothing of Okta's wire, of disks or of screens.

mod bookmark;
mod code;
mod id;
mod kind;
mod record;
mod reject;
mod row;
mod text;
mod who;

pub use bookmark::Bookmark;
pub use code::{Outcome, Severity};
pub use id::{ClientId, EventId, GrantId, Rev, Seq, ServerId, UserId};
pub use kind::Kind;
pub use record::{
    Actor, Client, Consent, Delivery, EventKey, Origin, OutcomeOf, ScopeGrant, Server, Stored, Via,
};
pub use reject::Reject;
pub use row::{Page, Row, Sym, Symbol, Symbols};
pub use text::{Untrusted, is_hidden_alone, visible};
pub use who::{Evidence, Person, Who};
