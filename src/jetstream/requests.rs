//! What is asked of the server.

use std::time::Duration;

use async_nats::header::{HeaderMap, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use async_nats::{Message, StatusCode, Subscriber};
use futures_util::StreamExt as _;
use serde_json::json;

use super::error::RequestError;
use super::link::{ANSWER_WITHIN, TeamLink};
use crate::team::{JOURNAL_HEADER, SCHEMA, SCHEMA_HEADER};

/// How often a request that waits looks whether the server refused a right.
const REFUSALS_EVERY: Duration = Duration::from_millis(200);

/// A message of a stream.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Its number in the stream.
    pub seq: u64,
    /// Its subject.
    pub subject: String,
    /// The version that it says it has.
    pub schema: Option<String>,
    /// The journal that it says it comes from.
    pub journal: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The answer to a request for several messages.
#[derive(Clone, Debug, Default)]
pub struct FetchedMessages {
    /// The messages, in the order of their numbers.
    pub messages: Vec<StoredMessage>,
    /// How many more there were.
    pub pending: u64,
}

/// The state of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamFacts {
    /// When the server made it, as a number that another stream of the same name does not have.
    pub born: Box<str>,
    /// The number of its first message.
    pub first: u64,
    /// The number of its last message, or of the last that it had.
    pub last: u64,
    /// How many messages it has.
    pub messages: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// How long messages are kept; zero for ever.
    pub max_age: Duration,
}

/// How a stream keeps its messages.
#[derive(Clone, Debug)]
pub struct Retention {
    /// The name of the stream.
    pub name: String,
    /// The subjects that it takes.
    pub subjects: String,
    /// How long a message is kept; zero for ever.
    pub max_age: Duration,
    /// Whether only the last message of a subject is kept.
    pub is_last_only: bool,
    /// Whether the server keeps the messages in memory, because they are soon sent again.
    pub is_in_memory: bool,
    /// The most bytes of a message, or -1 for what the server takes.
    pub largest: i32,
    /// The most messages, or -1 for any number.
    pub most: i64,
}

impl TeamLink {
    /// Makes a stream if it is missing. With `may_change`, also changes how long the one that is there keeps its messages.
    ///
    /// # Errors
    /// The server refuses it, or has a stream of that name for other subjects.
    pub async fn make_stream(&self, wanted: &Retention, may_change: bool) -> Result<(), RequestError> {
        let before = self.refused.count();
        let found = match self.context.get_stream(&wanted.name).await {
            Ok(stream) => Some(stream.cached_info().config.clone()),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    None
                }
                _ => return Err(self.failed(before, &error.to_string())),
            },
        };
        let config = Config {
            name: wanted.name.clone(),
            subjects: vec![wanted.subjects.clone()],
            max_age: wanted.max_age,
            max_messages_per_subject: if wanted.is_last_only { 1 } else { -1 },
            max_messages: wanted.most,
            max_message_size: wanted.largest,
            max_bytes: -1,
            discard: DiscardPolicy::Old,
            storage: if wanted.is_in_memory { StorageType::Memory } else { StorageType::File },
            allow_direct: true,
            description: Some("consentwatch".to_owned()),
            ..Config::default()
        };
        match found {
            None => {
                let made = self.context.create_stream(config).await;
                made.map(drop).map_err(|error| self.failed(before, &error.to_string()))
            }
            Some(found) if found.subjects != config.subjects => Err(RequestError::Other(format!(
                "the stream {} takes {}, and {} is needed",
                wanted.name,
                found.subjects.join(", "),
                wanted.subjects
            ))),
            // An administrator may have given it replicas or a limit of bytes, which stay.
            Some(found) if may_change && (found.max_age != config.max_age || !found.allow_direct) => {
                let changed = Config { max_age: config.max_age, allow_direct: true, ..found };
                let changed = self.context.update_stream(changed).await;
                changed.map(drop).map_err(|error| self.failed(before, &error.to_string()))
            }
            Some(_) => Ok(()),
        }
    }

    /// Returns the state of a stream.
    ///
    /// # Errors
    /// It does not exist, or this user may not ask.
    pub async fn stream_facts(&self, name: &str) -> Result<StreamFacts, RequestError> {
        let before = self.refused.count();
        let stream = self.context.get_stream(name).await.map_err(|error| match error.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                RequestError::NoStream(name.to_owned())
            }
            _ => self.failed(before, &error.to_string()),
        })?;
        let info = stream.cached_info();
        Ok(StreamFacts {
            born: info.created.unix_timestamp_nanos().to_string().into(),
            first: info.state.first_sequence,
            last: info.state.last_sequence,
            messages: info.state.messages,
            bytes: info.state.bytes,
            max_age: info.config.max_age,
        })
    }

    /// Publishes a message to a stream and returns its number once the server has stored it. With `expected`, the server
    /// refuses it unless the last message of the subject has that number; 0 stands for none.
    ///
    /// # Errors
    /// See [`RequestError`]. After a timeout the message may be stored all the same.
    pub async fn publish(
        &self,
        subject: String,
        journal: Option<&str>,
        body: Vec<u8>,
        expected: Option<u64>,
    ) -> Result<u64, RequestError> {
        let before = self.refused.count();
        let mut headers = HeaderMap::new();
        headers.insert(SCHEMA_HEADER, SCHEMA.to_string());
        if let Some(journal) = journal {
            headers.insert(JOURNAL_HEADER, journal);
        }
        if let Some(expected) = expected {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        }
        let name = subject.clone();
        let sent = self.context.publish_with_headers(subject, headers, body.into()).await;
        let ack = match sent {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        };
        ack.map(|ack| ack.sequence).map_err(|error| match error.kind() {
            PublishErrorKind::WrongLastSequence => RequestError::Overtaken,
            PublishErrorKind::MaxPayloadExceeded => RequestError::TooLarge,
            PublishErrorKind::StreamNotFound => RequestError::NoStream(format!("for {name}")),
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
                self.refused.since(before).map_or(RequestError::Timeout, RequestError::Refused)
            }
            _ => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                RequestError::NotStored(
                    crate::consent::visible(&source.unwrap_or_else(|| error.to_string())).into_owned(),
                )
            }
        })
    }

    /// Sends a message that is not stored.
    pub async fn send(&self, subject: String, body: Vec<u8>) {
        if let Err(error) = self.client.publish(subject, body.into()).await {
            tracing::debug!(%error, "A message was not sent.");
        }
    }

    /// Returns the largest message that the server takes, in bytes.
    pub fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    /// Returns the messages from a number on, at most `most` and about `bytes`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn fetch(
        &self,
        stream: &str,
        from: u64,
        most: usize,
        bytes: usize,
    ) -> Result<FetchedMessages, RequestError> {
        let request = json!({ "seq": from.max(1), "batch": most, "max_bytes": bytes });
        self.direct(format!("$JS.API.DIRECT.GET.{stream}"), request.to_string(), stream, most).await
    }

    /// Returns the last message of a subject, or `None` if there is none.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn last_of(&self, stream: &str, subject: &str) -> Result<Option<StoredMessage>, RequestError> {
        let found =
            self.direct(format!("$JS.API.DIRECT.GET.{stream}.{subject}"), String::new(), stream, 1).await?;
        Ok(found.messages.into_iter().next())
    }

    /// Asks for messages by number and takes the answers until the server says that it was the last one.
    async fn direct(
        &self,
        to: String,
        request: String,
        stream: &str,
        most: usize,
    ) -> Result<FetchedMessages, RequestError> {
        let before = self.refused.count();
        let failed = |error: &dyn std::fmt::Display| self.failed(before, &error.to_string());
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|error| failed(&error))?;
        let is_one = request.is_empty();
        let sent = self.client.publish_with_reply(to, inbox, request.into()).await;
        sent.map_err(|error| failed(&error))?;
        let mut found = FetchedMessages::default();
        loop {
            let answer = self.next_answer(&mut answers, before).await?;
            match answer.status.map(|status| status.as_u16()) {
                Some(204 | 404) => {
                    found.pending = number(&answer, "Nats-Num-Pending").unwrap_or(0);
                    return Ok(found);
                }
                Some(503) => return Err(RequestError::NoStream(stream.to_owned())),
                Some(code) if answer.status != Some(StatusCode::OK) => {
                    let what = answer.description.unwrap_or_default();
                    return Err(RequestError::Other(format!("{code} {}", crate::consent::visible(&what))));
                }
                _ => {
                    let Some(message) = stored(answer) else { continue };
                    // Nobody asked for more, and the numbers of a stream rise.
                    let is_next = found.messages.last().is_none_or(|last| last.seq < message.seq);
                    if found.messages.len() >= most || !is_next {
                        return Err(RequestError::Other("messages that nobody asked for".to_owned()));
                    }
                    found.messages.push(message);
                }
            }
            if is_one {
                return Ok(found);
            }
        }
    }

    async fn next_answer(&self, answers: &mut Subscriber, before: u64) -> Result<Message, RequestError> {
        let waited = tokio::time::timeout(ANSWER_WITHIN, answers.next());
        let refused = async {
            loop {
                drop(self.clock.sleep(REFUSALS_EVERY).await);
                if let Some(what) = self.refused.since(before) {
                    return what;
                }
            }
        };
        tokio::select! {
            answer = waited => match answer {
                Ok(Some(answer)) => Ok(answer),
                Ok(None) | Err(_) => Err(self.failed(before, "")),
            },
            what = refused => Err(RequestError::Refused(what)),
        }
    }

    /// Returns a channel that wakes up with every message of a subject.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn listen(&self, subject: String) -> Result<Subscriber, RequestError> {
        self.client.subscribe(subject).await.map_err(|error| RequestError::Other(error.to_string()))
    }

    /// Returns why a request failed that has no better reason.
    fn failed(&self, before: u64, error: &str) -> RequestError {
        match self.refused.since(before) {
            Some(what) => RequestError::Refused(what),
            None if error.is_empty() || error.contains("timed out") || error.contains("timeout") => {
                RequestError::Timeout
            }
            None => RequestError::Other(crate::consent::visible(error).into_owned()),
        }
    }
}

fn number(message: &Message, header: &str) -> Option<u64> {
    message.headers.as_ref()?.get(header)?.as_str().parse().ok()
}

/// Reads an answer as a message of a stream, or returns `None` if the server did not say which it is.
fn stored(answer: Message) -> Option<StoredMessage> {
    let headers = answer.headers?;
    let text = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
    Some(StoredMessage {
        seq: text("Nats-Sequence")?.parse().ok()?,
        subject: text("Nats-Subject")?,
        schema: text(SCHEMA_HEADER),
        journal: text(JOURNAL_HEADER),
        body: answer.payload.to_vec(),
    })
}
