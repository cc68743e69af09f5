//! Writes text into a rectangle, truncated to fit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use regex::Regex;

use super::{Role, Theme, text};

/// A line of a page: parts of text, each with its role.
pub(super) type Line = Vec<(String, Role)>;

/// Writes text into the lines of a rectangle, left to right.
pub(super) struct Pen<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    area: Rect,
    x: u16,
    over: Option<Role>,
}

impl<'a> Pen<'a> {
    /// Creates a pen at the left edge.
    pub(super) fn new(buffer: &'a mut Buffer, theme: &'a Theme, area: Rect) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, theme, area, x: 0, over: None }
    }

    /// Uses a role, such as the selection, as the background of everything written from now on.
    pub(super) fn over(mut self, role: Role) -> Self {
        self.over = Some(role);
        self.buffer.set_style(self.area, self.theme.style(role));
        self
    }

    /// Writes text at the pen's position and moves the pen. The text must have been made visible.
    pub(super) fn put(&mut self, line: u16, words: &str, role: Role) {
        self.put_within(line, words, role, u16::MAX);
    }

    /// Writes at most `width` columns of text, and moves the pen to the end of them.
    pub(super) fn put_within(&mut self, line: u16, words: &str, role: Role, width: u16) {
        if line >= self.area.height {
            return;
        }
        let room = self.area.width.saturating_sub(self.x).min(width);
        let words = self.theme.shown(words);
        let words = self.theme.cut(&words, room);
        let style = match self.over {
            Some(ground) => self.theme.over(ground, role),
            None => self.theme.style(role),
        };
        let (x, y) = (self.area.x + self.x, self.area.y + line);
        let (end, _) = self.buffer.set_stringn(x, y, &words, usize::from(room), style);
        self.x = end - self.area.x;
    }

    /// Writes like [`Pen::put_within`], and highlights matches of `pattern`.
    pub(super) fn put_found(
        &mut self,
        line: u16,
        words: &str,
        role: Role,
        width: u16,
        pattern: Option<&Regex>,
    ) {
        let start = self.x;
        let theme = self.theme;
        let words = &*theme.shown(words);
        self.put_within(line, words, role, width);
        let Some(pattern) = pattern.filter(|_| line < self.area.height) else { return };
        for found in pattern.find_iter(words).filter(|found| !found.is_empty()) {
            let column = |byte: usize| start.saturating_add(text::width(words.get(..byte).unwrap_or("")));
            let (from, to) = (column(found.start()).min(self.x), column(found.end()).min(self.x));
            let cells = Rect::new(self.area.x + from, self.area.y + line, to - from, 1);
            self.buffer.set_style(cells, self.theme.style(Role::Match));
        }
    }

    /// Moves to a column.
    pub(super) fn go(&mut self, x: u16) {
        self.x = x.min(self.area.width);
    }

    /// Returns the number of columns left in the line.
    pub(super) fn room(&self) -> u16 {
        self.area.width.saturating_sub(self.x)
    }

    /// Writes at the right edge, if that leaves a space after what the pen wrote.
    pub(super) fn put_right(&mut self, line: u16, parts: &[(String, Role)]) {
        let width: u16 = parts.iter().map(|(words, _)| text::width(words)).sum();
        if width + 1 > self.room() {
            return;
        }
        self.go(self.area.width - width);
        for (words, role) in parts {
            self.put(line, words, *role);
        }
    }
}

/// Formats a number with commas between thousands.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1204, 1_000_000].map(grouped), ["0", "999", "1,204", "1,000,000"]);
    }
}
