//! The names of ids that were looked up at Okta.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Evidence, Person, Seq, Symbol, Untrusted};

/// The kinds of things that rows identify by id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Thing {
    /// An OAuth client, `0oa…`.
    Client = 1,
    /// A custom authorization server, `aus…`.
    Server = 2,
    /// A person, `00u…`.
    Person = 3,
}

impl Thing {
    /// Every kind of thing.
    pub const ALL: [Self; 3] = [Self::Client, Self::Server, Self::Person];

    /// Returns the number that the journal stores.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the thing of a stored number, or `None` if it is unknown.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|thing| thing.code() == code)
    }

    /// Returns the thing and its id if an interned text of a person, a client or a server has an id and no name.
    pub fn unnamed_in(text: &str) -> Option<(Self, &str)> {
        let mut fields = text.split(Symbol::SEPARATOR);
        let id = fields.next()?;
        // A list of scopes or an address has another number of fields, or has no empty ones.
        let thing = match (fields.next(), fields.next(), fields.next(), fields.next()) {
            (Some(""), None, None, None) if id.starts_with("0oa") => Self::Client,
            (Some(""), None, None, None) if id.starts_with("aus") => Self::Server,
            (Some(""), Some(""), _, None) if id.starts_with("00u") => Self::Person,
            _ => return None,
        };
        Some((thing, id))
    }

    /// Returns the word of the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "authorization_server",
            Self::Person => "person",
        }
    }

    /// Returns the plural for people.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Client => "clients",
            Self::Server => "authorization servers",
            Self::Person => "people",
        }
    }
}

/// The answer to one look-up at its time. Labels change later, and things are deleted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Label {
    /// The kind of thing.
    pub thing: Thing,
    /// Its id.
    pub id: Untrusted,
    /// Its name for people, or `None` if it has none or is gone.
    pub name: Option<Untrusted>,
    /// A person's login.
    pub login: Option<Untrusted>,
    /// Whether Okta does not know the id, because the thing was deleted.
    pub is_gone: bool,
    /// When Okta was asked.
    pub asked: Timestamp,
}

impl Label {
    /// Returns an interned text with the names filled in, or `None` if the text has another id or there is no name.
    pub fn fill(&self, text: &str) -> Option<Symbol> {
        let (thing, id) = Thing::unnamed_in(text)?;
        let name = self.name.as_ref().map_or("", Untrusted::exact);
        let login = self.login.as_ref().map_or("", Untrusted::exact);
        if (thing, id) != (self.thing, self.id.exact()) || (name.is_empty() && login.is_empty()) {
            return None;
        }
        let mut fields = vec![id];
        match thing {
            Thing::Client | Thing::Server => fields.push(name),
            Thing::Person => {
                fields.extend([login, name]);
                // An actor's type follows them.
                fields.extend(text.split(Symbol::SEPARATOR).skip(3));
            }
        }
        Some(Symbol::of(&fields))
    }
}

/// The person of a row, found after the row was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribution {
    /// The row.
    pub seq: Seq,
    /// The person whose consent it is.
    pub person: Person,
    /// The evidence for the person.
    pub evidence: Evidence,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(thing: Thing, id: &str, name: &str, login: &str) -> Label {
        let text = |text: &str| (!text.is_empty()).then(|| Untrusted::new(text));
        Label {
            thing,
            id: Untrusted::new(id),
            name: text(name),
            login: text(login),
            is_gone: name.is_empty(),
            asked: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_name_goes_where_only_an_id_is() {
        let figma = label(Thing::Client, "0oa1", "Fig\x1fma", "");
        assert_eq!(figma.fill("0oa1\x1f").unwrap(), Symbol::of(&["0oa1", "Fig\x1fma"]));
        let server = label(Thing::Server, "aus1", "default", "");
        assert_eq!(server.fill("aus1\x1f").unwrap().as_str(), "aus1\x1fdefault");
        let ada = label(Thing::Person, "00u1", "Ada", "ada@example.test");
        assert_eq!(ada.fill("00u1\x1f\x1f").unwrap().as_str(), "00u1\x1fada@example.test\x1fAda");
        assert_eq!(
            ada.fill("00u1\x1f\x1f\x1fUser").unwrap().as_str(),
            "00u1\x1fada@example.test\x1fAda\x1fUser"
        );
    }

    #[test]
    fn nothing_else_is_touched() {
        let figma = label(Thing::Client, "0oa1", "Figma", "");
        for other in ["", "0oa1", "0oa2\x1f", "0oa1\x1fSlack", "0oa1\x1f\x1f", "0oa1\x1f\x1f\x1f\x1f\x1f"] {
            assert_eq!(figma.fill(other), None, "{other:?}");
        }
        let gone = label(Thing::Client, "0oa1", "", "");
        assert_eq!(gone.fill("0oa1\x1f"), None);
        assert_eq!(Thing::unnamed_in("00u1\x1f\x1fAda"), None);
        assert_eq!(Thing::unnamed_in("00u1\x1f\x1f\x1f\x1f"), None);
    }
}
