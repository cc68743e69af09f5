//! Who consented, and how we know.

use serde::{Deserialize, Serialize};

use super::{Symbol, Untrusted, UserId};

/// What the answer to "who consented?" rests on, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Evidence {
    /// A consent grant among the targets names the user.
    GrantDetail = 1,
    /// The event's actor is a user.
    Actor = 2,
    /// A target of type `User`.
    UserTarget = 3,
    /// Exactly one user acted in the same session or transaction: inferred.
    Session = 4,
    /// Okta's grants API knows the grant for that user.
    GrantApi = 5,
    /// Nobody consents in an admin's act.
    NotApplicable = 6,
    /// The event does not say.
    Unknown = 0,
}

impl Evidence {
    /// Every form of evidence.
    pub const ALL: [Self; 7] = [
        Self::GrantDetail,
        Self::Actor,
        Self::UserTarget,
        Self::Session,
        Self::GrantApi,
        Self::NotApplicable,
        Self::Unknown,
    ];

    /// Returns the word of the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            Self::GrantDetail => "grant_detail",
            Self::Actor => "actor",
            Self::UserTarget => "user_target",
            Self::Session => "session",
            Self::GrantApi => "grant_api",
            Self::NotApplicable => "not_applicable",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the evidence that a word of the JSON form names; any other proves nothing.
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|evidence| evidence.word() == word).unwrap_or(Self::Unknown)
    }

    /// Returns a sentence for a person.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::GrantDetail => "the consent grant itself names this user",
            Self::Actor => "this user is the event's actor",
            Self::UserTarget => "this user is a target of the event",
            Self::Session => "inferred: the only user who acted in the same session",
            Self::GrantApi => "Okta's grants API confirms the grant for this user",
            Self::NotApplicable => "an admin's act: no person consents",
            Self::Unknown => "the event does not say",
        }
    }

    /// Whether the person was found out after the event came, and is not named in it.
    pub fn is_found_out(self) -> bool {
        matches!(self, Self::Session | Self::GrantApi)
    }

    /// Returns the number that the journal keeps.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the evidence of a kept number; an unlisted one proves nothing.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|evidence| evidence.code() == code).unwrap_or(Self::Unknown)
    }
}

/// One person as an event names them; each part may be missing.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Person {
    /// `00u…`
    pub id: Option<UserId>,
    /// Mostly the login, which mostly looks like an e-mail address.
    pub alternate_id: Option<Untrusted>,
    /// The name for people.
    pub display_name: Option<Untrusted>,
}

impl Person {
    /// Returns the person whom an interned text of id, alternate id and display name names; an empty field is missing.
    pub fn of(symbol: &Symbol) -> Self {
        let mut fields = symbol.fields();
        let mut next = || fields.next().filter(|field| !field.is_empty());
        Self {
            id: next().map(UserId::new),
            alternate_id: next().map(Untrusted::new),
            display_name: next().map(Untrusted::new),
        }
    }

    /// Returns the interned text of this person: id, alternate id and display name.
    pub fn symbol(&self) -> Symbol {
        Symbol::of(&self.fields())
    }

    /// Returns the fields of its interned text; empty where nothing is known.
    pub fn fields(&self) -> [&str; 3] {
        [
            self.id.as_ref().map_or("", UserId::exact),
            self.alternate_id.as_ref().map_or("", Untrusted::exact),
            self.display_name.as_ref().map_or("", Untrusted::exact),
        ]
    }

    /// Returns the name that a list shows, not yet made visible, or `None` if nothing is known.
    pub fn name(&self) -> Option<&str> {
        let [id, alternate_id, display_name] = self.fields();
        Self::shown(id, alternate_id, display_name)
    }

    /// Returns which of three fields names somebody best, not yet made visible: the alternate id where it looks like an
    /// e-mail address, else the display name, else the id, else whatever the alternate id is. An empty field is one
    /// that is missing, as in an interned text.
    pub fn shown<'a>(id: &'a str, alternate_id: &'a str, display_name: &'a str) -> Option<&'a str> {
        if looks_like_mail(alternate_id) {
            return Some(alternate_id);
        }
        [display_name, id, alternate_id].into_iter().find(|text| !text.trim().is_empty())
    }
}

/// Whether something stands on both sides of a single `@`, without white space. Logins need not be addresses.
fn looks_like_mail(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'))
        && !text.contains(char::is_whitespace)
}

/// The person whose consent it is, with the evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Who {
    /// Empty where the evidence is [`Evidence::NotApplicable`] or [`Evidence::Unknown`].
    pub person: Person,
    /// What the answer rests on.
    pub evidence: Evidence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_comes_back_from_an_interned_text() {
        let person = Person {
            id: Some(UserId::new("00u1")),
            alternate_id: None,
            display_name: Some(Untrusted::new("Mira")),
        };
        assert_eq!(Person::of(&Symbol::of(&["00u1", "", "Mira"])), person);
        assert_eq!(Person::of(&Symbol::of(&["", "", ""])), Person::default());
    }

    #[test]
    fn an_address_names_best_then_the_name_then_the_id() {
        let name = Person::shown;
        assert_eq!(name("00u1", "mira@example.test", "Mira"), Some("mira@example.test"));
        assert_eq!(name("00u1", "mira", "Mira"), Some("Mira"));
        assert_eq!(name("00u1", "mira @example.test", "Mira"), Some("Mira"));
        assert_eq!(name("00u1", "a@b@example.test", "Mira"), Some("Mira"));
        assert_eq!(name("00u1", "@example.test", " "), Some("00u1"));
        assert_eq!(name("", "mira", ""), Some("mira"));
        assert_eq!(name("", "", ""), None);
        assert_eq!(Person::default().name(), None);
    }
}
