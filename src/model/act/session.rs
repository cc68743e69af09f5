//! The place of a session, as strings that the next session restores: page, filter, row, order, columns and more.

use super::pages;
use crate::consent::Seq;
use crate::model::{Column, Effect, Histogram, Known, Model, Order, Page, Shape};

impl Model {
    /// Returns the place as pairs of name and value. The next session gets it as [`crate::model::Msg::Place`].
    pub fn place(&self) -> Vec<(&'static str, String)> {
        let page = self.page.word();
        let filter = self.filter.as_ref().map_or("", |filter| filter.query().text());
        // No row is stored while the list follows, so the next session starts at the newest row.
        let row = match (self.workspace.wanted, self.list.cursor()) {
            // This session has not found the row of the last one yet, so that row stays the place.
            (Some((seq, ms)), _) if ms != 0 => format!("{} {ms}", seq.0),
            (_, Some(at)) if !self.list.is_following() => {
                let row = self.rows.get(at);
                format!("{} {}", row.seq.0, row.published_ms)
            }
            _ => String::new(),
        };
        let over = self.over.map_or("", Page::word);
        let flag = |is: bool| if is { "yes" } else { "" }.to_owned();
        vec![
            ("page", page.to_owned()),
            ("filter", filter.to_owned()),
            ("row", row),
            ("order", self.order.as_ref().map_or("", |order| order.column().name()).to_owned()),
            ("turned", flag(self.list.is_newest_first())),
            ("zone", self.zone.name.clone()),
            ("over", over.to_owned()),
            ("columns", self.shape.words()),
            ("columns_from", self.workspace.columns_from.words()),
            ("masked", flag(self.mask.is_on())),
            ("strip", flag(self.histogram.is_some())),
            ("detail", flag(self.opened.is_some())),
            ("hints_hidden", flag(self.workspace.hides_hints)),
        ]
    }
}

/// The names of the settings in a place. They are kept when the rest of the place is forgotten.
pub const ARRANGED: [&str; 4] = ["columns", "columns_from", "masked", "hints_hidden"];

/// Restores a place. Ignores invalid values, which may come from another version.
pub(in crate::model) fn restore(model: &mut Model, place: &[(String, String)]) -> Vec<Effect> {
    let value =
        |name: &str| place.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.as_str());
    let mut effects = Vec::new();
    // If the configured columns changed since, the configuration wins. The org is added to them when there are several.
    let configured = model.workspace.columns_from.clone().with_org();
    let is_theirs = Shape::read(value("columns_from")).is_some_and(|from| from.with_org() == configured);
    if let Some(shape) = Shape::read(value("columns")).filter(|_| is_theirs) {
        model.shape = shape;
        model.place_org();
    }
    // A restart must not turn the privacy mask off.
    if value("masked") == "yes" && !model.mask.is_on() {
        model.mask.turn();
    }
    if value("zone") == model.zone.other_name && value("zone") != model.zone.name {
        model.zone.turn();
    }
    if let Some(page) = Page::named(value("over")).filter(|page| page.lies_over()) {
        model.over = Some(page);
    }
    if value("turned") == "yes" && !model.list.is_newest_first() {
        model.list.turn(&model.rows);
    }
    if value("strip") == "yes" {
        model.histogram = Some(Histogram::default());
    }
    model.workspace.hides_hints = value("hints_hidden") == "yes";
    model.workspace.opens = value("detail") == "yes";
    // A filter from the command line takes precedence.
    if model.filter.is_none()
        && let Ok(query) = model.parse(value("filter"))
        && !query.is_empty()
    {
        effects.extend(model.set_filter(Some(query.into())));
    }
    if let Some(column) = Column::named(value("order")).filter(|column| *column != Column::Time) {
        let known = Known { rows: &model.rows, ledger: &model.ledger };
        model.order = Some(Order::new(column, &known));
        effects.push(Effect::Work);
    }
    if let Some(page) = Page::named(value("page")).filter(|page| page.subject().is_some()) {
        effects.extend(pages::show(model, page));
    }
    let row =
        value("row").split_once(' ').and_then(|(seq, ms)| Some((Seq(seq.parse().ok()?), ms.parse().ok()?)));
    if let Some(row) = row {
        model.list.hold();
        model.workspace.wanted = Some(row);
    }
    effects
}
