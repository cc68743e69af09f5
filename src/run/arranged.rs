//! Checks what the configuration says of keys, filters and columns, and arranges a screen by it.

use jiff::tz::TimeZone;

use crate::config::{Config, ConfigError};
use crate::model::{Keymap, Model, Query, Saved, Shape};

/// What of the configuration the screen is arranged by.
#[derive(Debug, Default)]
pub struct Arranged {
    /// The keys.
    pub keymap: Keymap,
    /// Saved filters, by name.
    pub saved: Vec<Saved>,
    /// The columns of the list, if they are named.
    pub columns: Option<Shape>,
}

/// Checks `[keys]`, `[filters]` and the columns of `[ui]`.
///
/// # Errors
/// Names file, line and key of what cannot be.
pub fn arranged(config: &Config) -> Result<Arranged, ConfigError> {
    let changes = config.keys.iter().map(|(name, said)| (name.as_str(), said.value.as_slice()));
    let keymap = Keymap::changed(changes).map_err(|error| {
        let line = config.keys.get(&error.command).map(|said| said.line);
        config.bad(line, &format!("keys.{}", error.command), &error.why)
    })?;
    let mut saved = Vec::new();
    for (name, said) in &config.filters {
        // Only what it means hangs on the time, not whether it means something.
        Query::parse(&said.value, 0, &TimeZone::UTC)
            .map_err(|error| config.bad(Some(said.line), &format!("filters.{name}"), &error.to_string()))?;
        saved.push(Saved { name: name.clone(), query: said.value.clone() });
    }
    let columns = config.ui.columns.as_deref().map(Shape::of_names).transpose();
    let columns = columns.map_err(|why| config.bad(None, "ui.columns", &why))?;
    Ok(Arranged { keymap, saved, columns })
}

impl Arranged {
    /// Arranges a screen by it.
    pub fn apply(self, model: &mut Model) {
        model.workspace.keymap = self.keymap;
        model.workspace.saved = self.saved;
        if let Some(columns) = self.columns {
            model.shape = columns;
        }
        model.workspace.columns_from.clone_from(&model.shape);
    }
}
