//! Shares marks and notes with a team.
//!
//! The file of notes on this machine stays the place where screens write and read. This task compares it with the server's
//! stream, in both directions, whenever one of them changes. Events without a uuid have another key in each journal, so
//! their notes stay here.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::consent::{EventId, EventKey, KnownOrg, Marked, visible};
use crate::jetstream::{LinkState, RequestError, TeamLink};
use crate::journal::{Notes, NotesError, SharedNote};
use crate::report::Answer;
use crate::team::{Merged, NoteOnServer, Stream, check_schema, escape, merge, unescape};

/// Everything that sharing the notes of an org needs.
pub(super) struct NotesDoors {
    /// The folder of the journal.
    pub(super) dir: PathBuf,
    pub(super) org: KnownOrg,
    pub(super) link: watch::Receiver<LinkState>,
    pub(super) clock: Clock,
    /// Where people are told of a conflict.
    pub(super) answers: mpsc::Sender<Answer>,
    /// What this process calls itself.
    pub(super) name: String,
}

/// How often to look whether a screen has written.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often to look at the server without being told.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// The most messages that are asked for at a time, and the most bytes.
const MESSAGES: usize = 500;
const BYTES: usize = 500_000;

/// Why a round failed.
enum Failed {
    Request(RequestError),
    Notes(NotesError),
}

impl From<RequestError> for Failed {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<NotesError> for Failed {
    fn from(error: NotesError) -> Self {
        Self::Notes(error)
    }
}

/// Shares the notes of an org until nobody connects any more.
pub(super) async fn share(doors: NotesDoors) {
    let NotesDoors { dir, org, mut link, clock, answers, name } = doors;
    let mut told = String::new();
    loop {
        let state = link.borrow_and_update().clone();
        if let LinkState::Up(up) = state {
            let mut sharing = Sharing {
                dir: &dir,
                org: &org,
                answers: &answers,
                name: &name,
                notes: None,
                taken: 0,
                is_unsent: true,
            };
            let ended = sharing.with(&up, &mut link, &clock).await;
            let why = match ended {
                // The collector has not made the stream yet, or the connection broke.
                Ok(()) | Err(Failed::Request(RequestError::NoStream(_) | RequestError::Timeout)) => {
                    String::new()
                }
                Err(Failed::Request(error)) => format!("Notes are not shared with the team: {error}."),
                Err(Failed::Notes(error)) => error.fault().to_string(),
            };
            if !why.is_empty() && why != told {
                tracing::warn!(org = org.label(), "{why}");
            }
            told = why;
            drop(clock.sleep(LOOK_EVERY).await);
            continue;
        }
        if link.changed().await.is_err() {
            return;
        }
    }
}

struct Sharing<'a> {
    dir: &'a std::path::Path,
    org: &'a KnownOrg,
    answers: &'a mpsc::Sender<Answer>,
    name: &'a str,
    /// The file, once there is something to write or to read.
    notes: Option<Notes>,
    /// The last message that was taken on this connection. Taking one again changes nothing.
    taken: u64,
    /// Whether something here is not sent although no screen has written.
    is_unsent: bool,
}

impl Sharing<'_> {
    async fn with(
        &mut self,
        link: &TeamLink,
        changed: &mut watch::Receiver<LinkState>,
        clock: &Clock,
    ) -> Result<(), Failed> {
        let key = &self.org.key;
        let facts = link.stream_facts(&Stream::Notes.name(key)).await?;
        let mut theirs = link.listen(Stream::Notes.subjects(key)).await?;
        let shared = self.shared()?;
        if shared.values().any(|note| note.number > facts.last) {
            // The stream was made anew. What is here is sent again.
            tracing::warn!(
                org = self.org.label(),
                "The team's notes were lost on the server; those of this machine are sent."
            );
            self.notes()?.forget_shared(key)?;
        }
        let mut asked = None;
        loop {
            if changed.borrow().link().is_none() {
                return Ok(());
            }
            let up = clock.uptime();
            if asked.is_none_or(|at| at + ASK_EVERY <= up) {
                self.take_theirs(link, clock.now()).await?;
                asked = Some(up);
            }
            if self.has_ours()? {
                self.send_ours(link, clock.now()).await?;
            }
            tokio::select! {
                note = theirs.next() => {
                    if note.is_none() { return Ok(()) }
                    asked = None;
                }
                _ = clock.sleep(LOOK_EVERY) => {}
                state = changed.changed() => if state.is_err() { return Ok(()) },
            }
        }
    }

    /// Returns the file, which is made if it is missing.
    fn notes(&mut self) -> Result<&mut Notes, NotesError> {
        if self.notes.is_none() {
            self.notes = Some(Notes::open(self.dir)?);
        }
        // It was just put there.
        self.notes.as_mut().ok_or(NotesError::Full)
    }

    /// Returns whether there may be something to send.
    fn has_ours(&mut self) -> Result<bool, NotesError> {
        match &mut self.notes {
            // This task writes through the same connection, which does not count as another's change.
            Some(notes) => Ok(notes.is_moved()? || std::mem::take(&mut self.is_unsent)),
            // A screen may have made it by now.
            None if Notes::look(self.dir)?.is_some() => self.notes().map(|_| true),
            None => Ok(false),
        }
    }

    /// Returns what the server had last of each event.
    fn shared(&mut self) -> Result<HashMap<EventKey, SharedNote>, NotesError> {
        if self.notes.is_none() && Notes::look(self.dir)?.is_none() {
            return Ok(HashMap::new());
        }
        let key = self.org.key.clone();
        let shared = self.notes()?.shared(&key)?;
        Ok(shared.into_iter().map(|note| (note.key, note)).collect())
    }

    /// Returns the marks of the org on this machine.
    fn ours(&mut self) -> Result<HashMap<EventKey, Marked>, NotesError> {
        let key = self.org.key.clone();
        let marks = self.notes()?.marks()?;
        Ok(marks.into_iter().filter(|mark| mark.org == key).map(|mark| (mark.key, mark)).collect())
    }

    /// Takes what others have written.
    async fn take_theirs(&mut self, link: &TeamLink, now: Timestamp) -> Result<(), Failed> {
        let stream = Stream::Notes.name(&self.org.key);
        let prefix = format!("{}.", Stream::Notes.subject(&self.org.key));
        let mut shared = self.shared()?;
        loop {
            let found = link.fetch(&stream, self.taken + 1, MESSAGES, BYTES).await?;
            let Some(last) = found.messages.last() else { return Ok(()) };
            let last = last.seq;
            let ours = self.ours()?;
            for message in &found.messages {
                let word = message.subject.strip_prefix(&prefix).and_then(unescape);
                let key = word.and_then(|word| EventKey::from_word(&word));
                let body = check_schema(message.schema.as_deref())
                    .and_then(|()| NoteOnServer::of_body(&message.body));
                match (key, body) {
                    // Another journal has another key for an event without a uuid.
                    (Some(EventKey { id: EventId::Digest(_), .. }), _) => {}
                    (Some(key), Ok(note)) => {
                        let base = shared.get(&key).and_then(|shared| shared.text.clone());
                        let ours = ours.get(&key).map(|mark| mark.note.to_string());
                        let taken = self.take(key, (base, ours), &note, message.seq, now)?;
                        shared.insert(key, taken);
                    }
                    (_, body) => tracing::warn!(
                        seq = message.seq,
                        error = body.err().map(|error| error.to_string()),
                        "A note of the team cannot be read."
                    ),
                }
            }
            self.taken = last;
            if found.pending == 0 {
                return Ok(());
            }
        }
    }

    /// Takes one note of the server. Returns what is noted of it.
    fn take(
        &mut self,
        key: EventKey,
        (base, mut ours): (Option<String>, Option<String>),
        theirs: &NoteOnServer,
        number: u64,
        now: Timestamp,
    ) -> Result<SharedNote, Failed> {
        let org = self.org.key.clone();
        let cut = |text: &String| text.chars().take(Notes::NOTE_MAX).collect::<String>();
        let shared = SharedNote { key, number, text: theirs.text.as_ref().map(cut) };
        let mark = |note: &str, at| Marked { org: org.clone(), key, at, note: note.into() };
        loop {
            let text = shared.text.as_deref();
            let merged = merge(base.as_deref(), ours.as_deref(), text, Notes::NOTE_MAX);
            let new = match &merged {
                Merged::Same | Merged::SendOurs => {
                    self.notes()?.put_shared(&org, &shared)?;
                    return Ok(shared);
                }
                Merged::TakeTheirs => text.map(|text| mark(text, theirs.at)),
                Merged::Conflict(joined) => Some(mark(joined, now)),
            };
            let is_replaced = match self.notes()?.replace(&org, ours.as_deref(), new.as_ref(), &shared) {
                // There are too many marks here for this one.
                Err(NotesError::Full) => {
                    tracing::warn!("A note of the team is left out, because there are too many marks.");
                    return Ok(shared);
                }
                is_replaced => is_replaced?,
            };
            if is_replaced {
                if let Merged::Conflict(joined) = merged {
                    // What is joined is sent next.
                    self.is_unsent = true;
                    let words = format!(
                        "{} changed a note at the same time as you; it has both texts now: {}",
                        visible(&theirs.by),
                        visible(&joined)
                    );
                    self.answers.try_send(Answer::new(words, true)).ok();
                }
                return Ok(shared);
            }
            // A screen has written meanwhile.
            ours = self.ours()?.remove(&key).map(|mark| mark.note.to_string());
        }
    }

    /// Sends what this machine has written. Of what another was faster with, takes theirs first.
    async fn send_ours(&mut self, link: &TeamLink, now: Timestamp) -> Result<(), Failed> {
        let org = self.org.key.clone();
        for _ in 0..3 {
            let shared = self.shared()?;
            let ours = self.ours()?;
            let is_shareable = |key: &EventKey| matches!(key.id, EventId::Uuid(_));
            let text = |key: &EventKey| ours.get(key).map(|mark| mark.note.to_string());
            let base = |key: &EventKey| shared.get(key).and_then(|note| note.text.clone());
            let keys: Vec<EventKey> = ours
                .keys()
                .chain(shared.keys().filter(|key| !ours.contains_key(key)))
                .filter(|key| is_shareable(key) && text(key) != base(key))
                .copied()
                .collect();
            let mut is_overtaken = false;
            for key in keys {
                let at = ours.get(&key).map_or(now, |mark| mark.at);
                let note = NoteOnServer { text: text(&key), at, by: self.name.to_owned() };
                let subject = format!("{}.{}", Stream::Notes.subject(&org), escape(&key.to_word()));
                let body = note.to_body().map_err(|error| RequestError::Other(error.to_string()))?;
                let expected = shared.get(&key).map_or(0, |note| note.number);
                match link.publish(subject, None, body, Some(expected)).await {
                    Ok(number) => {
                        self.notes()?.put_shared(&org, &SharedNote { key, number, text: note.text })?;
                    }
                    Err(RequestError::Overtaken) => is_overtaken = true,
                    Err(error) => return Err(error.into()),
                }
            }
            if !is_overtaken {
                return Ok(());
            }
            self.take_theirs(link, now).await?;
        }
        self.is_unsent = true;
        Ok(())
    }
}
