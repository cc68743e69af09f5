//! The time zone of the screen.

use jiff::tz::TimeZone;

/// The time zone of the screen, and the one to switch to.
#[derive(Clone, PartialEq, Debug)]
pub struct Zone {
    /// The zone in use.
    pub shown: TimeZone,
    /// The name of the zone in use, for the title line.
    pub name: String,
    /// The zone that the zone key switches to.
    pub other: TimeZone,
    /// The name of that zone.
    pub other_name: String,
}

impl Default for Zone {
    fn default() -> Self {
        Self { shown: TimeZone::UTC, name: "UTC".into(), other: TimeZone::UTC, other_name: "UTC".into() }
    }
}

impl Zone {
    /// Switches to the other zone.
    pub(in crate::model) fn turn(&mut self) {
        std::mem::swap(&mut self.shown, &mut self.other);
        std::mem::swap(&mut self.name, &mut self.other_name);
    }
}
