//! Times as the pages show them.

use jiff::Timestamp;

use crate::model::Model;

/// Returns a time to the second, in the zone that is shown.
pub(super) fn second(model: &Model, at: Timestamp) -> String {
    at.to_zoned(model.zone.shown.clone()).strftime("%d %b %H:%M:%S").to_string()
}

/// Returns a time to the minute, in the zone that is shown.
pub(super) fn moment(model: &Model, at: Timestamp) -> String {
    at.to_zoned(model.zone.shown.clone()).strftime("%d %b %H:%M").to_string()
}
