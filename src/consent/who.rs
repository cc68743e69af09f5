//! The person who consented, and the evidence for it.

use serde::{Deserialize, Serialize};

use super::{Symbol, Untrusted, UserId};

/// The evidence for the person who consented, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Evidence {
    /// A consent grant among the targets names the user.
    GrantDetail = 1,
    /// The event's actor is a user.
    Actor = 2,
    /// A target of type `User`.
    UserTarget = 3,
    /// Inferred: exactly one user acted in the same session or transaction.
    Session = 4,
    /// Okta's grants API confirms the grant for that user.
    GrantApi = 5,
    /// An admin acted, so no person consented.
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

    /// Returns the evidence with this word of the JSON form, or [`Evidence::Unknown`] for any other word.
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|evidence| evidence.word() == word).unwrap_or(Self::Unknown)
    }

    /// Returns a clause for people.
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

    /// Returns whether the person was found after the event came, and is not named in it.
    pub fn is_found_out(self) -> bool {
        matches!(self, Self::Session | Self::GrantApi)
    }

    /// Returns the number that the journal stores.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the evidence of a stored number, or [`Evidence::Unknown`] for an unlisted one.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|evidence| evidence.code() == code).unwrap_or(Self::Unknown)
    }
}

/// A person as an event names them. Each part may be missing.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Person {
    /// `00u…`
    pub id: Option<UserId>,
    /// Usually the login, which usually looks like an email address.
    pub alternate_id: Option<Untrusted>,
    /// The name for people.
    pub display_name: Option<Untrusted>,
}

impl Person {
    /// Returns the person from an interned text of id, alternate id and display name. An empty field is missing.
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

    /// Returns the fields of its interned text. Unknown fields are empty.
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

    /// Returns the best name among three fields, not yet made visible: the alternate id if it looks like an email
    /// address, else the display name, else the id, else the alternate id. An empty field is missing, as in an interned
    /// text.
    pub fn shown<'a>(id: &'a str, alternate_id: &'a str, display_name: &'a str) -> Option<&'a str> {
        if looks_like_mail(alternate_id) {
            return Some(alternate_id);
        }
        [display_name, id, alternate_id].into_iter().find(|text| !text.trim().is_empty())
    }
}

/// Returns whether a text has a single `@` with text on both sides and no white space. Logins need not be addresses.
fn looks_like_mail(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'))
        && !text.contains(char::is_whitespace)
}

/// The person whose consent it is, with the evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Who {
    /// The person, empty if the evidence is [`Evidence::NotApplicable`] or [`Evidence::Unknown`].
    pub person: Person,
    /// The evidence for the person.
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
