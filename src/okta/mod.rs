//! Okta's wire, without a socket.

mod auth;
mod backoff;
mod error;
mod headers;
mod poller;
mod read;
mod split;
mod url;
mod wire;

pub use self::url::{OrgUrl, OrgUrlError};
pub use auth::{Credentials, CredentialsError, Token};
pub use error::{Meaning, Refusal, SendError};
pub use headers::{Headers, Link, Rate};
pub use poller::{PollPlan, Poller, Reply, Request, Step, Taken};
pub use read::{ReadError, ReadPage, event, page, restore};
