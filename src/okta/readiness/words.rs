//! Builds the items of a report, and the texts for calls without a usable answer.

use super::answers::{Answer, Why};
use super::calls::Ask;
use crate::report::{Confidence, ReadinessDetail, ReadinessEvidence, ReadinessItem};

/// An item under construction.
#[derive(Debug)]
pub(super) struct Draft(ReadinessItem);

impl Draft {
    /// Returns an item of which nothing is known.
    pub(super) fn new(id: &str, name: &str) -> Self {
        Self(ReadinessItem {
            id: id.to_owned(),
            name: name.to_owned(),
            state: "unknown".to_owned(),
            confidence: Confidence::CannotTell,
            evidence: Vec::new(),
            meaning: String::new(),
            remedy: String::new(),
            blocking: false,
            details: Vec::new(),
        })
    }

    /// Sets the state and how confident it is.
    #[must_use]
    pub(super) fn is(mut self, state: impl Into<String>, confidence: Confidence) -> Self {
        (self.0.state, self.0.confidence) = (state.into(), confidence);
        self
    }

    /// Adds evidence.
    #[must_use]
    pub(super) fn by(mut self, answer: Option<&Answer>) -> Self {
        self.0.evidence.extend(answer.map(|answer| answer.evidence.clone()));
        self
    }

    /// Adds evidence.
    #[must_use]
    pub(super) fn by_all(mut self, evidence: impl IntoIterator<Item = ReadinessEvidence>) -> Self {
        self.0.evidence.extend(evidence);
        self
    }

    /// Sets the meaning.
    #[must_use]
    pub(super) fn means(mut self, words: impl Into<String>) -> Self {
        self.0.meaning = words.into();
        self
    }

    /// Adds a sentence to the meaning.
    #[must_use]
    pub(super) fn also(mut self, words: &str) -> Self {
        if !self.0.meaning.is_empty() && !words.is_empty() {
            self.0.meaning.push(' ');
        }
        self.0.meaning.push_str(words);
        self
    }

    /// Sets what an admin can do.
    #[must_use]
    pub(super) fn remedy(mut self, words: impl Into<String>) -> Self {
        self.0.remedy = words.into();
        self
    }

    /// Marks the item as blocking: while it is so, no consent is possible.
    #[must_use]
    pub(super) fn blocks(mut self) -> Self {
        self.0.blocking = true;
        self
    }

    /// Adds a row of details.
    pub(super) fn detail(&mut self, name: impl Into<String>, state: impl Into<String>) {
        self.0.details.push(ReadinessDetail { name: name.into(), state: state.into() });
    }

    /// Sets the texts for a call without a usable answer: why there is none, and what remains unknown.
    #[must_use]
    pub(super) fn unanswered(self, ask: &Ask, answer: Option<&Answer>, hides: &str) -> Self {
        let draft = self.by(answer);
        let Some(Answer { result: Err(why), evidence }) = answer else {
            return draft
                .is("unknown", Confidence::CannotTell)
                .means(format!("It was not checked in this round. Not known: {hides}."));
        };
        let (confidence, reason) = match why {
            Why::NotPermitted(missing) => {
                (Confidence::NotPermitted, format!("The credentials lack a right: {missing}"))
            }
            Why::NoCredentials => (Confidence::NotPermitted, "There are no credentials".to_owned()),
            Why::Dead => (Confidence::CannotTell, "Okta does not accept the credentials".to_owned()),
            Why::FeatureOff => {
                (Confidence::CannotTell, "Okta says that the feature behind this call is off".to_owned())
            }
            Why::NotFound => (Confidence::CannotTell, "Okta answered with not found".to_owned()),
            Why::Passing { is_rate: true } => {
                (Confidence::CannotTell, "Okta asked us to wait (429)".to_owned())
            }
            Why::Passing { is_rate: false } => {
                (Confidence::CannotTell, "Okta could not answer now".to_owned())
            }
            Why::Other(_) => {
                (Confidence::CannotTell, format!("There is no usable answer: {}", evidence.said))
            }
        };
        let remedy = match why {
            Why::NotPermitted(_) | Why::NoCredentials => permit(ask),
            Why::Dead => "Configure a valid token or key.".to_owned(),
            Why::Passing { .. } => "Nothing: the next round tries again.".to_owned(),
            _ => String::new(),
        };
        draft
            .is("unknown", confidence)
            .means(format!("{}. Not known: {hides}.", reason.trim_end_matches('.')))
            .remedy(remedy)
    }

    /// Returns the item.
    pub(super) fn done(self) -> ReadinessItem {
        self.0
    }
}

/// Returns which scope and role a call needs.
fn permit(ask: &Ask) -> String {
    let scope = ask.scope().unwrap_or_default();
    let role = match ask {
        Ask::Hooks => "Super Administrator, or a custom role with okta.eventhooks.read",
        Ask::Apps => "Read-only or App Administrator",
        _ => "Read-only Administrator",
    };
    format!(
        "Grant the scope {scope} to the service app (an API token needs none), and give the owner of the credentials a \
         role such as {role}."
    )
}
