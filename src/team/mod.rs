//! What a team's server holds: the names of its streams, and the form of its messages.
//!
//! One collector for each org publishes what it stores to NATS JetStream. Watchers and other collectors store it in
//! journals of their own. This module has no socket.
//!
//! # Streams
//!
//! Each org has its own streams, so that rights can be given by org. `<org>` is the org's key, escaped by [`escape`].
//!
//! | stream | subjects | holds |
//! |---|---|---|
//! | `CW_EV_<org>` | `cw.ev.<org>.<journal>` | pages of rows and side events, until their age |
//! | `CW_STATE_<org>` | `cw.state.<org>` | the last state of the collector: coverage, bookmark, board |
//! | `CW_LABEL_<org>` | `cw.label.<org>.<thing>.<id>` | the last name of each id |
//! | `CW_NOTES_<org>` | `cw.notes.<org>.<event>` | the last note on each marked event |
//! | `CW_LAG_<org>` | `cw.lag.<org>.<watcher>` | how far each watcher has read |
//! | `CW_LEASE` | `cw.lease.<org>` | which collector polls the org, for 15 seconds |
//!
//! Verdicts get a stream `CW_VD_<org>` of their own, and alerts need none.
//!
//! A page holds many rows, because the server keeps every subject in memory: one subject for each event would take 420
//! bytes each (`docs/scale.md`). A page may come twice, for example after a collector was killed; the key of a row keeps
//! a journal from storing it twice.

mod address;
mod message;
mod names;
mod note;
mod page;
mod server_config;
mod state;

pub use address::{AddressError, ServerAddress, ServerLogin};
pub use message::{
    BODY_MAX, JOURNAL_HEADER, MessageError, SCHEMA, SCHEMA_HEADER, SMALL_BODY_MAX, check_schema, pack,
    unpack, unpack_small,
};
pub use names::{LEASE_STREAM, Stream, escape, lease_subject, unescape};
pub use note::{Merged, NoteOnServer, merge};
pub use page::{TeamPage, TeamRow, TeamSide, Through};
pub use server_config::{OrgAccount, ServerConfig, ServerTls, server_config};
pub use state::{Lag, Lease, State, TeamBookmark, TeamListening, TeamPoll, TeamProgress};
