//! Fetches messages and reads them.

use super::decode::{Decoded, decode};
use crate::consent::{Consent, EventKey, Evidence, Person, SideEvent};
use crate::jetstream::{RequestError, StoredMessage, TeamLink};
use crate::journal::{Batch, StreamPosition, TeamBatch};

/// About how many bytes of messages are fetched at a time, and stored in one transaction.
pub(super) const BYTES: usize = 1_000_000;

/// Older messages that were fetched and read.
pub(super) struct Older {
    /// The first of them.
    pub(super) from: u64,
    /// The message that comes after the last of them.
    pub(super) below: u64,
    /// How many bytes they had on the way.
    pub(super) bytes: usize,
    pub(super) decoded: Decoded,
}

/// Fetches and reads the messages from a number on and below another.
pub(super) async fn fetch_older(
    link: TeamLink,
    stream: String,
    own: Option<String>,
    (from, below): (u64, u64),
) -> Result<Older, RequestError> {
    let mut from = from;
    let messages = loop {
        let found = link.fetch(&stream, from, (below - from) as usize, BYTES).await?;
        let last = found.messages.last().map_or(below, |message| message.seq);
        if last + 1 >= below || below - from <= 1 {
            break found.messages;
        }
        // They are larger than those before them. What is next to the stored ones comes first.
        from += (below - from).div_ceil(2);
    };
    let bytes = messages.iter().map(|message| message.body.len()).sum();
    Ok(Older { from, below, bytes, decoded: decoded(messages, own).await })
}

/// Reads messages on a thread of its own, because many take long.
pub(super) async fn decoded(messages: Vec<StoredMessage>, own: Option<String>) -> Decoded {
    let (count, last) = (messages.len() as u64, messages.last().map_or(0, |message| message.seq));
    let read = tokio::task::spawn_blocking(move || decode(&messages, own.as_deref()));
    read.await.unwrap_or_else(|_| Decoded {
        last,
        unread: count,
        why: Some("reading them failed".to_owned()),
        ..Decoded::default()
    })
}

/// Returns the batch that stores what messages hold, and how far they are stored.
pub(super) fn batch_of(
    consents: Vec<Consent>,
    sides: Vec<SideEvent>,
    persons: Vec<(EventKey, Person, Evidence)>,
    position: &StreamPosition,
    is_backlog: bool,
) -> Batch {
    let team = TeamBatch { streams: vec![position.clone()], persons, is_backlog, ..TeamBatch::default() };
    Batch { consents, sides, team: Some(Box::new(team)), ..Batch::default() }
}
