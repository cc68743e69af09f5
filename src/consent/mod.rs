//! The data types of the program: consents, who gave them and how they came. This module does no I/O and depends on
//! neither Okta's wire formats nor storage nor the screen.

mod bookmark;
mod claims;
mod code;
mod content;
mod doubt;
mod export_format;
mod history;
mod id;
mod kind;
mod label;
mod marked;
mod org;
mod record;
pub mod redact;
mod reject;
mod row;
mod side;
mod symbol;
mod text;
mod unicode;
mod via;
mod who;

pub use bookmark::Bookmark;
pub use claims::{Claims, Difference, Fact};
pub use code::{Outcome, Severity};
pub use doubt::Doubt;
pub use export_format::ExportFormat;
pub use history::HistoryMark;
pub use id::{ClientId, EventId, GrantId, Rev, Seq, ServerId, UserId, mark};
pub use kind::{Kind, Reach};
pub use label::{Attribution, Label, Thing};
pub use marked::Marked;
pub use org::{KnownOrg, OrgId, OrgName, OrgNameError, Orgs, is_org_host, org_label};
pub use record::{
    Actor, Client, Consent, Delivery, EventKey, OutcomeOf, RequestOrigin, ScopeGrant, Server, Stored,
};
pub use reject::Reject;
pub use row::{GrantMarks, Row, RowPage};
pub use side::{Beside, SideEvent, Topic};
pub use symbol::{Sym, Symbol, Symbols};
pub use text::{Untrusted, in_ascii, replace_hidden, visible};
pub use via::Via;
pub use who::{Evidence, Person, Who};
