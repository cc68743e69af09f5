//! The detail pane: the tree of the open consent.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme, text};
use crate::model::{Model, Node, Pane, Search, Weight};

pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let Some(opened) = model.opened.as_ref().filter(|_| !area.is_empty()) else { return };
    let has_keys = model.pane == Pane::Detail;
    let edge = if has_keys { Role::Title } else { Role::Border };
    let rule = if theme.ascii { "-" } else { "─" };
    let mut pen = Pen::new(buffer, theme, area);
    let head = match &opened.consent {
        Some(consent) => format!(
            "{rule} detail of {} ",
            consent
                .uuid
                .as_ref()
                .map_or("an event without uuid".into(), |u| model.mask.text(&u.visible()).into_owned())
        ),
        None => format!("{rule} detail "),
    };
    pen.put(0, &head, edge);
    while pen.room() > 0 {
        pen.put(0, rule, edge);
    }
    let body = Rect::new(area.x + 1, area.y + 1, area.width.saturating_sub(1), area.height.saturating_sub(1));
    if area.x > 0 {
        for y in area.y + 1..area.bottom() {
            Pen::new(buffer, theme, Rect::new(area.x, y, 1, 1)).put(
                0,
                if theme.ascii { "|" } else { "│" },
                edge,
            );
        }
    }
    if let Some(why) = &opened.failure {
        for (line, words) in (0..).zip(text::wrap(why, body.width)) {
            Pen::new(buffer, theme, body).put(line, words, Role::Bad);
        }
        return;
    }
    let Some(tree) = &opened.tree else { return };
    let height = usize::from(body.height);
    // While the next consent is being read, the old tree is dimmed, because it belongs to another row.
    let stale = opened.consent.is_none();
    // The line under the cursor shows its whole value, on as many lines as it needs.
    let extra = tree
        .visible()
        .nth(tree.cursor())
        .map_or(0, |node| whole(node, &theme.shown(&node.value), body.width).len() - 1)
        .min(height.saturating_sub(1));
    let mut top = tree.top(height);
    if tree.cursor() + extra >= top + height {
        top = (tree.cursor() + extra + 1).saturating_sub(height);
    }
    let mut line = 0;
    for (index, node) in tree.visible().enumerate().skip(top) {
        if line >= body.height {
            break;
        }
        let is_cursor = index == tree.cursor();
        let value = theme.shown(&node.value);
        let lines = if is_cursor { whole(node, &value, body.width) } else { vec![&*value] };
        let rows = (lines.len() as u16).min(body.height - line);
        let mut pen = Pen::new(buffer, theme, Rect::new(body.x, body.y + line, body.width, rows));
        line += rows;
        if is_cursor {
            pen = pen.over(if has_keys { Role::Selected } else { Role::SelectedDim });
        }
        let sign = match (node.has_children, tree.is_open(node), theme.ascii) {
            (false, ..) => "  ",
            (true, true, false) => "▾ ",
            (true, false, false) => "▸ ",
            (true, true, true) => "- ",
            (true, false, true) => "+ ",
        };
        pen.go(node.depth * 2);
        pen.put(0, sign, Role::Dim);
        let label_role = if node.weight == Weight::Heading { Role::Header } else { Role::Dim };
        let pattern = model.search.as_ref().map(Search::pattern);
        pen.put_found(0, &node.label, if stale { Role::Dim } else { label_role }, u16::MAX, pattern);
        let role = match node.weight {
            _ if stale => Role::Dim,
            Weight::Absent => Role::Dim,
            Weight::Value | Weight::Heading => Role::Text,
        };
        for (at, words) in (0..).zip(lines) {
            pen.go(value_at(node, body.width));
            pen.put_found(at, words, role, u16::MAX, pattern);
        }
    }
}

/// Returns the column at which a node's value begins.
fn value_at(node: &Node, width: u16) -> u16 {
    let indent = node.depth * 2 + 2;
    let label = text::width(&node.label) + 2;
    (indent + label.max((width / 3).clamp(8, 24))).min(width)
}

/// Returns all lines of a node's value, at least one. `value` is the text as the terminal can show it.
fn whole<'a>(node: &Node, value: &'a str, width: u16) -> Vec<&'a str> {
    let lines = text::wrap(value, width.saturating_sub(value_at(node, width)));
    if lines.is_empty() { vec![value] } else { lines }
}
