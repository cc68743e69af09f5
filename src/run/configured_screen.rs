//! Checks the key bindings, filters and columns of the configuration, and applies them to the screen.

use jiff::tz::TimeZone;

use crate::config::{Config, ConfigError};
use crate::model::{Keymap, Model, Query, Saved, Shape};

/// The checked parts of the configuration that set up the screen.
#[derive(Debug, Default)]
pub struct Arranged {
    /// The key bindings.
    pub keymap: Keymap,
    /// Saved filters, by name.
    pub saved: Vec<Saved>,
    /// The columns of the list, or `None` if the configuration does not set them.
    pub columns: Option<Shape>,
}

/// Checks `[keys]`, `[filters]` and the columns of `[ui]`.
///
/// # Errors
/// Names the file, line and key of the first setting that is invalid.
pub fn arranged(config: &Config) -> Result<Arranged, ConfigError> {
    let changes = config.keys.iter().map(|(name, said)| (name.as_str(), said.value.as_slice()));
    let keymap = Keymap::changed(changes).map_err(|error| {
        let line = config.keys.get(&error.command).map(|said| said.line);
        config.bad(line, &format!("keys.{}", error.command), &error.why)
    })?;
    let mut saved = Vec::new();
    for (name, said) in &config.filters {
        // The time changes the meaning of a filter, but not whether it parses, so any time will do.
        Query::parse(&said.value, 0, &TimeZone::UTC)
            .map_err(|error| config.bad(Some(said.line), &format!("filters.{name}"), &error.to_string()))?;
        saved.push(Saved { name: name.clone(), query: said.value.clone() });
    }
    let columns = config.ui.columns.as_deref().map(Shape::of_names).transpose();
    let columns = columns.map_err(|why| config.bad(None, "ui.columns", &why))?;
    Ok(Arranged { keymap, saved, columns })
}

impl Arranged {
    /// Applies the settings to a screen.
    pub fn apply(self, model: &mut Model) {
        model.workspace.keymap = self.keymap;
        model.workspace.saved = self.saved;
        if let Some(columns) = self.columns {
            model.shape = columns;
        }
        model.workspace.columns_from.clone_from(&model.shape);
    }
}
