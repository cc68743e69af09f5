//! Formats of times on the pages.

use jiff::Timestamp;

use crate::model::Model;

/// Formats a time to the second, in the zone of the screen.
pub(super) fn second(model: &Model, at: Timestamp) -> String {
    at.to_zoned(model.zone.shown.clone()).strftime("%d %b %H:%M:%S").to_string()
}

/// Formats a time to the minute, in the zone of the screen.
pub(super) fn moment(model: &Model, at: Timestamp) -> String {
    at.to_zoned(model.zone.shown.clone()).strftime("%d %b %H:%M").to_string()
}
