//! Okta's wire, without a socket.

mod auth;
mod backoff;
mod budget;
mod correlate;
mod error;
mod headers;
mod history;
pub mod hook;
pub mod hooks;
mod key;
mod lookup;
mod mending;
mod next_link;
mod oauth;
mod pace;
mod poller;
mod read;
mod readiness;
mod split;
mod url;
mod wire;

pub use self::url::{OrgUrl, OrgUrlError};
pub use auth::{Access, Credentials, CredentialsError, Token};
pub use budget::{Budget, Usage};
pub use correlate::{CorrelationStep, Correlations, Found, only_actor};
pub use error::{Meaning, Refusal, SendError};
pub use headers::{Headers, Link, Rate};
pub use history::{Fetched, History, HistoryPlan};
pub use hook::delivery;
pub use key::{KeyError, SigningKey};
pub use lookup::{LookupStep, Lookups};
pub use mending::{Lost, MendStep, Mending};
pub use oauth::{Dpop, Learned, ServiceApp, Session, TokenRequest};
pub use poller::{PollPlan, Poller, Reply, Request, Step, Taken};
pub use read::{ReadError, ReadPage, event, page, restore};
pub use readiness::{ProbeStep, Prober, ReadinessBudgets, ReadinessPlan, Rights};
