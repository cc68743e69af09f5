//! The zone of times on the screen.

use jiff::tz::TimeZone;

/// The zone of times on the screen.
#[derive(Clone, PartialEq, Debug)]
pub struct Zone {
    /// In force now.
    pub shown: TimeZone,
    /// Its name on the title line.
    pub name: String,
    /// What the zone key turns to.
    pub other: TimeZone,
    /// Its name.
    pub other_name: String,
}

impl Default for Zone {
    fn default() -> Self {
        Self { shown: TimeZone::UTC, name: "UTC".into(), other: TimeZone::UTC, other_name: "UTC".into() }
    }
}

impl Zone {
    /// Takes the other one.
    pub(in crate::model) fn turn(&mut self) {
        std::mem::swap(&mut self.shown, &mut self.other);
        std::mem::swap(&mut self.name, &mut self.other_name);
    }
}
