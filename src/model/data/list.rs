//! The list: the listed rows, the cursor and the window. Positions are stored as rows, not as indexes, so that the
//! cursor stays on its row wherever new rows are inserted.

use std::collections::VecDeque;

use super::anchor::Anchor;
use super::{RowRef, Rows};

/// The listed rows and the cursor.
#[derive(Debug)]
pub struct List {
    /// The listed rows, sorted by time or by a column, or `None` while every row is listed by time.
    shown: Option<VecDeque<RowRef>>,
    /// A buffer of an earlier list, kept to reuse its memory.
    room: VecDeque<RowRef>,
    /// Whether the rows are sorted by a column.
    is_sorted: bool,
    /// The row under the cursor.
    cursor: Option<RowRef>,
    /// The scroll position of the window.
    anchor: Anchor,
    /// Whether the list follows the newest row.
    follow: bool,
    /// The number of rows that came since the list stopped following.
    unseen: usize,
    /// Whether the newest row is on top.
    newest_first: bool,
}

/// The rows in the window, and the line of the cursor.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Window {
    /// The rows from top to bottom.
    pub rows: Vec<RowRef>,
    /// The line of the cursor, if it is in the window.
    pub cursor: Option<usize>,
    /// The display position of the first row in the window.
    pub first: usize,
    /// The number of listed rows.
    pub total: usize,
}

impl Default for List {
    fn default() -> Self {
        Self {
            shown: None,
            room: VecDeque::new(),
            is_sorted: false,
            cursor: None,
            anchor: Anchor::TOP,
            follow: true,
            unseen: 0,
            newest_first: false,
        }
    }
}

impl List {
    /// Returns whether the list follows the newest row.
    pub fn is_following(&self) -> bool {
        self.follow
    }

    /// Returns whether the newest row is on top.
    pub fn is_newest_first(&self) -> bool {
        self.newest_first
    }

    /// Returns the number of rows that came since the list stopped following.
    pub fn unseen(&self) -> usize {
        self.unseen
    }

    /// Returns the row under the cursor, if there is one. While no row is listed, it may be a row that is not listed.
    pub fn cursor(&self) -> Option<RowRef> {
        self.cursor
    }

    /// Returns the listed rows in their order, or `None` while every row is listed by time.
    pub fn shown(&self) -> Option<&VecDeque<RowRef>> {
        self.shown.as_ref()
    }

    /// Returns the number of listed rows.
    pub fn len(&self, rows: &Rows) -> usize {
        self.ids(rows).len()
    }

    /// Returns whether no row is listed.
    pub fn is_empty(&self, rows: &Rows) -> bool {
        self.len(rows) == 0
    }

    /// Adds rows to a list sorted by time. `shown` are the new rows that pass the filter. `live` is `false` for older
    /// rows, which do not count as unseen.
    pub fn grew(&mut self, rows: &Rows, shown: &[RowRef], live: bool) {
        if let (Some(list), false) = (&mut self.shown, self.is_sorted) {
            for at in shown {
                let key = rows.key(*at);
                let place = match list.back() {
                    Some(last) if rows.key(*last) > key => {
                        list.partition_point(|other| rows.key(*other) < key)
                    }
                    _ => list.len(),
                };
                list.insert(place, *at);
            }
        }
        if self.follow {
            self.go_to_end(rows);
        } else if live {
            self.unseen += shown.len();
        }
        self.find_cursor(rows);
    }

    /// Sets the cursor if it is missing, or moves it to the nearest row in time if its row is not listed.
    fn find_cursor(&mut self, rows: &Rows) {
        match self.cursor {
            None => self.go_to_end(rows),
            Some(cursor) if self.position_of(rows, cursor).is_none() => {
                self.cursor = self.nearest(rows, rows.key(cursor)).or(Some(cursor));
            }
            Some(_) => {}
        }
    }

    /// Inserts rows that pass the filter into a list sorted by a column. `place` returns the index for a row.
    pub fn grew_sorted(
        &mut self,
        rows: &Rows,
        shown: &[RowRef],
        live: bool,
        place: impl Fn(&[RowRef], RowRef) -> usize,
    ) {
        if let Some(list) = &mut self.shown {
            for at in shown {
                let place = place(list.make_contiguous(), *at);
                list.insert(place, *at);
            }
        }
        self.unseen += if live { shown.len() } else { 0 };
        self.find_cursor(rows);
    }

    /// Lists rows sorted by a column. The cursor stays on its row.
    pub fn show_sorted(&mut self, rows: &Rows, ids: VecDeque<RowRef>) {
        self.follow = false;
        self.is_sorted = true;
        self.show(rows, Some(ids));
    }

    /// Lists rows by time again.
    pub fn show_by_time(&mut self, rows: &Rows, ids: Option<VecDeque<RowRef>>) {
        self.is_sorted = false;
        self.show(rows, ids);
    }

    /// Returns whether the rows are sorted by a column.
    pub fn is_sorted(&self) -> bool {
        self.is_sorted
    }

    /// Lists these rows in their order, or every row by time if `ids` is `None`. The cursor stays on its row or moves
    /// to the nearest one in time.
    pub fn show(&mut self, rows: &Rows, ids: Option<VecDeque<RowRef>>) {
        match ids {
            Some(ids) => self.shown = Some(ids),
            None => self.room = self.take_room(),
        }
        if self.follow {
            self.go_to_end(rows);
            return;
        }
        let Some(cursor) = self.cursor else { return self.go_to_end(rows) };
        if !self.is_empty(rows) && self.position_of(rows, cursor).is_none() {
            self.cursor = self.nearest(rows, rows.key(cursor));
        }
    }

    /// Takes the listed rows for a caller that narrows them and then calls [`List::show`]. Returns `None` if a pass
    /// over all rows is faster.
    pub(in crate::model) fn take_shown(&mut self, rows: &Rows) -> Option<VecDeque<RowRef>> {
        let (is_sorted, all) = (self.is_sorted, rows.len());
        self.shown.take_if(|shown| is_sorted || shown.len() < all / 4 || shown.len() == all)
    }

    /// Takes the buffer of the list for a caller that refills it and then calls [`List::show`].
    pub(in crate::model) fn take_room(&mut self) -> VecDeque<RowRef> {
        self.shown.take().unwrap_or_else(|| std::mem::take(&mut self.room))
    }

    /// Removes rows that were cut. `stood` is the key of the cursor's row. The cursor stays there or moves to the
    /// nearest row in time.
    pub fn cut(&mut self, rows: &Rows, stood: Option<(i64, u32)>) {
        if let Some(list) = &mut self.shown {
            list.retain(|at| rows.is_there(*at));
        }
        self.unseen = self.unseen.min(self.len(rows));
        if self.follow {
            self.go_to_end(rows);
        } else if !self.cursor.is_some_and(|at| rows.is_there(at)) {
            self.cursor = stood.and_then(|key| self.nearest(rows, key));
        }
    }

    /// Returns the listed row nearest in time, or `None` if no row is listed.
    fn nearest(&self, rows: &Rows, key: (i64, u32)) -> Option<RowRef> {
        let ids = self.ids(rows);
        if self.is_sorted {
            // The rows are not sorted by time, so each is examined.
            return ids.iter().min_by_key(|at| rows.key(**at).0.abs_diff(key.0)).copied();
        }
        let place = ids.partition_point(|other| rows.key(*other) < key);
        let near = |place: usize| ids.get(place).map(|id| (rows.key(*id).0.abs_diff(key.0), *id));
        let best = [near(place), place.checked_sub(1).and_then(near)]
            .into_iter()
            .flatten()
            .min_by_key(|(gap, _)| *gap);
        best.map(|(_, at)| at)
    }

    /// Moves the cursor by lines. A positive number moves down. Leaving the newest row stops following, and reaching it
    /// starts following again.
    pub fn step(&mut self, rows: &Rows, lines: isize, height: usize) {
        let total = self.len(rows);
        let Some(here) = self.position(rows) else { return self.go_to_end(rows) };
        let there = here.saturating_add_signed(lines).min(total.saturating_sub(1));
        let moved = there as isize - here as isize;
        self.cursor = self.at(rows, there);
        self.anchor.step(here, there, height, total);
        if moved != 0 || lines == 0 {
            self.follow = false;
        }
        if !self.is_sorted && Some(there) == self.end(total) {
            self.resume(rows);
        }
    }

    /// Moves to the first or the last line of the display.
    pub fn jump(&mut self, rows: &Rows, last: bool) {
        let total = self.len(rows);
        if total == 0 {
            return;
        }
        if last != self.newest_first && !self.is_sorted {
            self.resume(rows);
            return;
        }
        let there = if last { total - 1 } else { 0 };
        self.cursor = self.at(rows, there);
        self.anchor = if last { Anchor::BOTTOM } else { Anchor::TOP };
        self.follow = !self.is_sorted && Some(there) == self.end(total);
    }

    /// Moves to a row, or to the nearest row in time if it is not listed, and stops following.
    pub(in crate::model) fn go_to(&mut self, rows: &Rows, at: RowRef) {
        self.follow = false;
        self.cursor = Some(at);
        if self.position_of(rows, at).is_none() {
            self.cursor = self.nearest(rows, rows.key(at));
        }
    }

    /// Moves to the listed row nearest to a time in milliseconds since 1970.
    pub(in crate::model) fn go_to_time(&mut self, rows: &Rows, ms: i64) {
        if let Some(at) = self.nearest(rows, (ms, 0)) {
            self.go_to(rows, at);
        }
    }

    /// Moves to the next or previous row that `is` accepts, and wraps around at the end. Returns whether there is such
    /// a row.
    pub(in crate::model) fn seek(
        &mut self,
        rows: &Rows,
        back: bool,
        height: usize,
        is: impl Fn(RowRef) -> bool,
    ) -> bool {
        let total = self.len(rows);
        let Some(here) = self.position(rows) else { return false };
        let is = |place: &usize| self.at(rows, *place).is_some_and(&is);
        let there = if back {
            (0..here).rev().chain((here..total).rev()).find(is)
        } else {
            (here + 1..total).chain(0..=here).find(is)
        };
        let Some(there) = there else { return false };
        self.follow = false;
        self.cursor = self.at(rows, there);
        self.anchor.step(here, there, height, total);
        true
    }

    /// Returns the rank of the cursor's row among the rows that `is` accepts, counted from 1 at the top, or `None` if
    /// `is` does not accept it.
    pub(in crate::model) fn rank(&self, rows: &Rows, is: impl Fn(RowRef) -> bool) -> Option<usize> {
        let here = self.position(rows)?;
        let place = (0..=here).filter(|place| self.at(rows, *place).is_some_and(&is)).count();
        self.cursor.is_some_and(&is).then_some(place)
    }

    /// Starts following the newest row.
    pub fn resume(&mut self, rows: &Rows) {
        self.follow = true;
        self.unseen = 0;
        self.go_to_end(rows);
    }

    /// Stops following.
    pub fn hold(&mut self) {
        self.follow = false;
    }

    /// Reverses the order of the display. The cursor stays on its row.
    pub fn turn(&mut self, rows: &Rows) {
        self.newest_first = !self.newest_first;
        if self.follow {
            self.go_to_end(rows);
        }
    }

    /// Returns the rows in a window of `height` lines.
    ///
    /// Takes O(log n + `height`) while the list is sorted by time, and O(n) otherwise.
    pub fn window(&self, rows: &Rows, height: usize) -> Window {
        let total = self.len(rows);
        let Some(here) = self.position(rows) else { return Window { total, ..Window::default() } };
        let above = self.anchor.line(here, height, total);
        let first = here - above;
        let shown = (first..total.min(first + height)).filter_map(|place| self.at(rows, place)).collect();
        Window { rows: shown, cursor: (height > 0).then_some(above), first, total }
    }

    fn ids<'a>(&'a self, rows: &'a Rows) -> &'a VecDeque<RowRef> {
        self.shown.as_ref().unwrap_or_else(|| rows.order())
    }

    /// Returns the display position of the newest row.
    fn end(&self, total: usize) -> Option<usize> {
        if self.newest_first { (total > 0).then_some(0) } else { total.checked_sub(1) }
    }

    fn at(&self, rows: &Rows, place: usize) -> Option<RowRef> {
        let ids = self.ids(rows);
        let index = if self.newest_first { ids.len().checked_sub(place + 1)? } else { place };
        ids.get(index).copied()
    }

    /// Returns the display position of the cursor's row, or of the row now in its place.
    fn position(&self, rows: &Rows) -> Option<usize> {
        let cursor = self.cursor?;
        if let Some(place) = self.position_of(rows, cursor) {
            return Some(place);
        }
        let (ids, key) = (self.ids(rows), rows.key(cursor));
        let place = if self.is_sorted { 0 } else { ids.partition_point(|at| rows.key(*at) < key) };
        Some(self.turned(place.min(ids.len().checked_sub(1)?), ids.len()))
    }

    /// Returns the display position of a row, if it is listed.
    fn position_of(&self, rows: &Rows, at: RowRef) -> Option<usize> {
        let ids = self.ids(rows);
        let index = if self.is_sorted {
            ids.iter().position(|other| *other == at)?
        } else {
            let key = rows.key(at);
            let index = ids.partition_point(|other| rows.key(*other) < key);
            ids.get(index).filter(|other| **other == at).map(|_| index)?
        };
        Some(self.turned(index, ids.len()))
    }

    fn turned(&self, index: usize, total: usize) -> usize {
        if self.newest_first { total - 1 - index } else { index }
    }

    fn go_to_end(&mut self, rows: &Rows) {
        self.cursor = self.ids(rows).back().copied();
        self.anchor = if self.newest_first { Anchor::TOP } else { Anchor::BOTTOM };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::data::rows::tests::row;

    fn filled(n: i64) -> (Rows, List) {
        let (mut rows, mut list) = (Rows::default(), List::default());
        for seq in 1..=n {
            push(&mut rows, &mut list, seq, seq * 10);
        }
        (rows, list)
    }

    fn push(rows: &mut Rows, list: &mut List, seq: i64, time: i64) {
        let (at, _) = rows.put(&row(seq, time), &[]);
        list.grew(rows, &[at], true);
    }

    fn seen(rows: &Rows, list: &List, height: usize) -> (Vec<i64>, Option<usize>) {
        let window = list.window(rows, height);
        (window.rows.iter().map(|at| rows.get(*at).seq.0).collect(), window.cursor)
    }

    #[test]
    fn following_shows_the_newest() {
        let (mut rows, mut list) = filled(10);
        assert_eq!(seen(&rows, &list, 3), (vec![8, 9, 10], Some(2)));
        push(&mut rows, &mut list, 11, 110);
        assert_eq!(seen(&rows, &list, 3), (vec![9, 10, 11], Some(2)));
    }

    #[test]
    fn a_held_row_never_moves() {
        let (mut rows, mut list) = filled(10);
        list.step(&rows, -1, 3);
        let before = seen(&rows, &list, 3);
        assert_eq!(before, (vec![8, 9, 10], Some(1)));
        push(&mut rows, &mut list, 11, 110);
        assert_eq!(seen(&rows, &list, 3), before);
        assert_eq!(list.unseen(), 1);
        // An older row is inserted above the window, which keeps its lines.
        push(&mut rows, &mut list, 12, 15);
        assert_eq!(seen(&rows, &list, 3), before);
        // An older row just above the cursor pushes the lines above it up.
        push(&mut rows, &mut list, 13, 85);
        assert_eq!(seen(&rows, &list, 3), (vec![13, 9, 10], Some(1)));
    }

    #[test]
    fn reaching_the_end_follows_again() {
        let (rows, mut list) = filled(10);
        list.step(&rows, -4, 3);
        assert!(!list.is_following());
        assert_eq!(seen(&rows, &list, 3), (vec![6, 7, 8], Some(0)));
        list.step(&rows, 2, 3);
        assert_eq!(seen(&rows, &list, 3), (vec![6, 7, 8], Some(2)));
        list.step(&rows, 100, 3);
        assert!(list.is_following());
    }

    #[test]
    fn newest_first_mirrors_it() {
        let (mut rows, mut list) = filled(5);
        list.turn(&rows);
        assert_eq!(seen(&rows, &list, 3), (vec![5, 4, 3], Some(0)));
        list.step(&rows, 1, 3);
        push(&mut rows, &mut list, 6, 60);
        assert_eq!(seen(&rows, &list, 3), (vec![5, 4, 3], Some(1)));
        list.jump(&rows, false);
        assert!(list.is_following());
        assert_eq!(seen(&rows, &list, 3), (vec![6, 5, 4], Some(0)));
    }

    #[test]
    fn a_filter_keeps_the_row_or_the_nearest_in_time() {
        let (rows, mut list) = filled(10);
        list.step(&rows, -4, 5);
        assert_eq!(rows.get(list.cursor().expect("a row")).seq.0, 6);
        list.show(&rows, Some([1, 4, 8].map(RowRef).into()));
        assert_eq!(rows.get(list.cursor().expect("a row")).seq.0, 5);
        list.show(&rows, None);
        assert_eq!(rows.get(list.cursor().expect("a row")).seq.0, 5);
    }

    #[test]
    fn a_cut_keeps_the_row_or_the_nearest_in_time() {
        use crate::consent::Seq;
        let (mut rows, mut list) = filled(10);
        list.step(&rows, -4, 5);
        let mut cut = |list: &mut List, to: i64| {
            let stood = list.cursor().map(|at| rows.key(at));
            assert!(!rows.cut(Seq(0), Seq(to), &[]).is_empty());
            list.cut(&rows, stood);
            seen(&rows, list, 20)
        };
        assert_eq!(cut(&mut list, 3), (vec![4, 5, 6, 7, 8, 9, 10], Some(2)));
        assert_eq!(cut(&mut list, 7), (vec![8, 9, 10], Some(0)));
        assert!(!list.is_following());
        assert_eq!(cut(&mut list, 10), (vec![], None));
        list.step(&rows, 1, 5);
        push(&mut rows, &mut list, 11, 110);
        assert_eq!(seen(&rows, &list, 5), (vec![11], Some(0)));
    }

    #[test]
    fn a_cut_reaches_what_a_filter_lists() {
        use crate::consent::Seq;
        let (mut rows, mut list) = filled(10);
        list.show(&rows, Some([1, 4, 8].map(RowRef).into()));
        rows.cut(Seq(0), Seq(5), &[]);
        list.cut(&rows, None);
        assert_eq!(seen(&rows, &list, 5), (vec![9], Some(0)));
        rows.cut(Seq(0), Seq(9), &[]);
        list.cut(&rows, None);
        assert_eq!((list.len(&rows), list.cursor()), (0, None));
    }

    #[test]
    fn who_stood_on_what_a_filter_hid_stands_on_the_first_row_that_passes() {
        let (mut rows, mut list) = filled(10);
        list.step(&rows, -4, 5);
        list.show(&rows, Some(VecDeque::new()));
        push(&mut rows, &mut list, 11, 55);
        assert_eq!(seen(&rows, &list, 5), (vec![11], Some(0)));
        assert_eq!(rows.get(list.cursor().expect("a row")).seq.0, 11);
    }

    #[test]
    fn nothing_listed_is_no_trouble() {
        let (rows, mut list) = (Rows::default(), List::default());
        list.step(&rows, 5, 10);
        list.jump(&rows, true);
        list.turn(&rows);
        assert_eq!(list.window(&rows, 10), Window::default());
        let (rows, mut list) = filled(3);
        list.show(&rows, Some(VecDeque::new()));
        list.step(&rows, -1, 0);
        assert_eq!(list.window(&rows, 0).total, 0);
    }

    #[test]
    fn a_short_list_stands_at_the_top() {
        let (rows, list) = filled(2);
        assert_eq!(seen(&rows, &list, 10), (vec![1, 2], Some(1)));
        assert_eq!(seen(&rows, &list, 1), (vec![2], Some(0)));
    }
}
