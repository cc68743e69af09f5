//! Every listed consent in about 34 bytes, its texts interned; a million of them fit where their JSON would need
//! gigabytes.

use std::collections::VecDeque;

use hashbrown::HashSet;

use super::caseless::Caseless;
use super::chunk::{CHUNK, Chunk, GONE, texts};
use super::locations::Locations;
use super::marks::{Mark, Marks};
use super::numbered::Numbered;
use super::row_ref::RowRef;
use super::text_arena::TextArena;
use super::text_columns;
use crate::consent::{OrgId, Orgs, Row, RowPage, Seq, Sym, Symbol, Symbols};

/// Columns that share a text arena. `who` and `actor` share one, because both name people.
const GROUPS: [u8; 4] = [
    text_columns::WHO | text_columns::ACTOR,
    text_columns::CLIENT,
    text_columns::SERVER,
    text_columns::SCOPES,
];

/// All rows with their order by time, their interned texts, their orgs and their marks.
#[derive(Debug, Default)]
pub struct Rows {
    chunks: Vec<Chunk>,
    /// For each chunk, the number of rows that were cut. A chunk whose rows were all cut is freed. The places of other
    /// rows never change.
    gone: Vec<usize>,
    /// The place of the next row.
    next: usize,
    /// All rows in the order of (published, seq), oldest first.
    order: VecDeque<RowRef>,
    /// All rows in the order of seq.
    by_seq: Numbered,
    symbols: Symbols,
    /// By group, the texts of people, clients, servers and scopes.
    texts: [TextArena; 4],
    /// The texts of locations.
    locations: Locations,
    /// For each text, a bit for each column in which it occurs.
    used: Vec<u8>,
    orgs: Orgs,
    /// By number of an org, the rank of its label.
    org_ranks: Vec<u8>,
    marks: Marks,
}

impl Rows {
    /// Adds texts. They must be added before the rows that refer to them.
    pub fn learn(&mut self, symbols: &[(Sym, Symbol)]) {
        for (sym, symbol) in symbols {
            if self.symbols.joined(*sym) == symbol.as_str() {
                continue;
            }
            self.symbols.put(*sym, symbol);
            let used = self.used.get(sym.0 as usize).copied().unwrap_or(0);
            for (texts, _) in self.texts.iter_mut().zip(GROUPS).filter(|(_, columns)| used & columns != 0) {
                texts.replace(*sym, symbol.as_str());
            }
            if used & text_columns::FROM != 0 {
                self.locations.replace(*sym, symbol.as_str());
            }
        }
    }

    /// Records that a text occurs in a column, and adds it to the texts that can be searched.
    fn record_use(&mut self, sym: Sym, column: u8) {
        let index = sym.0 as usize;
        if self.used.len() <= index {
            self.used.resize(index + 1, 0);
        }
        let used = self.used[index];
        if used & column != 0 {
            return;
        }
        self.used[index] |= column;
        let text = self.symbols.joined(sym);
        let group = self.texts.iter_mut().zip(GROUPS).find(|(_, columns)| column & columns != 0);
        if let Some((texts, _)) = group.filter(|(_, columns)| used & columns == 0) {
            texts.put(sym, text);
        }
        if column == text_columns::FROM {
            self.locations.put(sym, text);
        }
    }

    /// Adds a row, or replaces the row with its number. Returns its place and whether it is new.
    ///
    /// Inserting at either end of the order, where most rows come, is cheap. Elsewhere, it moves at most half of the
    /// order.
    pub fn put(&mut self, row: &Row, marks: &[u32]) -> (RowRef, bool) {
        let (at, is_new) = self.put_unordered(row, marks);
        if is_new {
            self.insert_in_order(vec![at]);
        }
        (at, is_new)
    }

    /// Does the same as [`Rows::put`], except that a new row is not added to the order of time yet.
    fn put_unordered(&mut self, row: &Row, marks: &[u32]) -> (RowRef, bool) {
        for (column, sym) in texts(row).into_iter().enumerate() {
            self.record_use(sym, 1 << column);
        }
        if let Some(known) = self.find(row.seq) {
            let time_moved = self.key(known).0 != row.published_ms;
            // A row added with the same page is not in the order yet.
            let place = self.order_place(self.key(known)).ok().filter(|_| time_moved);
            place.and_then(|place| self.order.remove(place));
            self.chunks[known.0 as usize / CHUNK].set(known.0 as usize % CHUNK, row, marks);
            if place.is_some() {
                let place = self.order_place(self.key(known)).unwrap_or_else(|place| place);
                self.order.insert(place, known);
            }
            return (known, false);
        }
        let new = RowRef(u32::try_from(self.next).expect("fewer than u32::MAX rows"));
        if self.next.is_multiple_of(CHUNK) {
            self.chunks.push(Chunk::new());
            self.gone.push(0);
        }
        self.chunks[self.next / CHUNK].push(row, marks);
        self.next += 1;
        self.by_seq.add(new, |at| number_at(&self.chunks, at));
        (new, true)
    }

    /// Inserts new rows into the order of time.
    ///
    /// The rows between them and the nearer end are moved once for all of them, because the pages of files that overlap
    /// in time are inserted here.
    fn insert_in_order(&mut self, mut new: Vec<RowRef>) {
        new.sort_unstable_by_key(|at| self.key(*at));
        let (Some(first), Some(last)) = (new.first(), new.last()) else { return };
        let place = |at: RowRef| self.order_place(self.key(at)).unwrap_or_else(|place| place);
        let (from, to) = (place(*first), place(*last));
        if from >= self.order.len() - to {
            let after = self.order.split_off(from);
            let merged = self.merged(&new, &Vec::from(after));
            self.order.extend(merged);
        } else {
            let before: Vec<RowRef> = self.order.drain(..to).collect();
            for at in self.merged(&new, &before).into_iter().rev() {
                self.order.push_front(at);
            }
        }
    }

    /// Merges two runs of rows that are in the order of time.
    fn merged(&self, one: &[RowRef], other: &[RowRef]) -> Vec<RowRef> {
        let mut out = Vec::with_capacity(one.len() + other.len());
        let mut other = other;
        for at in one {
            let key = self.key(*at);
            let (before, after) = other.split_at(other.partition_point(|other| self.key(*other) < key));
            out.extend_from_slice(before);
            out.push(*at);
            other = after;
        }
        out.extend_from_slice(other);
        out
    }

    /// Adds the texts and rows of a page, and returns the rows that are new.
    pub fn take(&mut self, page: &RowPage) -> Vec<RowRef> {
        self.learn(&page.symbols);
        let kept =
            page.rows.iter().enumerate().map(|(index, row)| self.put_unordered(row, page.grants.of(index)));
        let new: Vec<RowRef> = kept.filter_map(|(at, new)| new.then_some(at)).collect();
        self.insert_in_order(new.clone());
        new
    }

    /// Removes the rows with numbers above `after`, up to and including `to`, that are not in `kept`, which is
    /// ascending.
    ///
    /// Returns the places of the removed rows. Only [`Rows::is_there`] may be called with them. Makes one pass over the
    /// range, and one over all rows if any row was removed.
    pub fn cut(&mut self, after: Seq, to: Seq, kept: &[Seq]) -> Vec<RowRef> {
        let number = |seq: Seq| u32::try_from(seq.0.max(0)).unwrap_or(u32::MAX);
        let mut kept = kept.iter().map(|seq| number(*seq)).peekable();
        let number_of = |at| number_at(&self.chunks, at);
        let is_cut = |at: &RowRef| {
            let seq = number_of(*at);
            while kept.next_if(|kept| *kept < seq).is_some() {}
            kept.peek() != Some(&seq)
        };
        let cut: Vec<RowRef> =
            self.by_seq.between(number(after), number(to), number_of).filter(is_cut).collect();
        if cut.is_empty() {
            return cut;
        }
        for at in &cut {
            self.chunks[at.0 as usize / CHUNK].flags[at.0 as usize % CHUNK] |= GONE;
        }
        let chunks = &self.chunks;
        self.order.retain(|at| is_there(chunks, *at));
        self.by_seq.retain(|at| is_there(chunks, at));
        for at in &cut {
            let chunk = at.0 as usize / CHUNK;
            self.gone[chunk] += 1;
            if self.gone[chunk] == CHUNK {
                self.chunks[chunk] = Chunk::default();
            }
        }
        cut
    }

    /// Returns whether the row at a place exists and was not cut.
    pub fn is_there(&self, at: RowRef) -> bool {
        is_there(&self.chunks, at)
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Returns the row at a place.
    pub fn get(&self, at: RowRef) -> Row {
        self.chunks[at.0 as usize / CHUNK].get(at.0 as usize % CHUNK)
    }

    /// Returns the marks of a row's scope grants, in the order of its scopes.
    pub fn grant_marks(&self, at: RowRef) -> &[u32] {
        let (chunk, at) = self.chunk_of(at);
        chunk.marks(at)
    }

    /// Returns the place of the row with a number, or `None` if there is no such row.
    pub fn find(&self, seq: Seq) -> Option<RowRef> {
        let wanted = u32::try_from(seq.0).ok()?;
        self.by_seq.find(wanted, |at| number_at(&self.chunks, at))
    }

    /// Returns the lowest and the highest number, or `None` if there are no rows.
    pub fn first_and_last(&self) -> Option<(Seq, Seq)> {
        let seq = |at| self.get(at).seq;
        let (first, last) = self.by_seq.first_and_last()?;
        Some((seq(first), seq(last)))
    }

    /// Returns the orgs of the rows.
    pub fn orgs(&self) -> &Orgs {
        &self.orgs
    }

    /// Returns the rank of an org among all orgs in the order of their labels. An unknown org comes last.
    pub(in crate::model) fn org_rank(&self, org: OrgId) -> u8 {
        self.org_ranks.get(org.index()).copied().unwrap_or(u8::MAX)
    }

    /// Replaces the orgs. Rows may come before their org is known.
    pub(in crate::model) fn set_orgs(&mut self, orgs: Orgs) {
        let mut by_label: Vec<OrgId> = orgs.iter().map(|(id, _)| id).collect();
        by_label.sort_by_key(|id| Caseless(orgs.label(*id)));
        self.org_ranks = vec![u8::MAX; by_label.len()];
        for (rank, id) in (0..=u8::MAX).zip(by_label) {
            self.org_ranks[id.index()] = rank;
        }
        self.orgs = orgs;
    }

    /// Which rows are marked.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Returns the marks in the order of their page: the newest event first, and rows that were not read yet last.
    pub fn ordered_marks(&self) -> Vec<(Seq, Option<RowRef>, &Mark)> {
        let mut all: Vec<_> = self.marks.iter().map(|(seq, mark)| (seq, self.find(seq), mark)).collect();
        all.sort_by_key(|(seq, at, _)| std::cmp::Reverse(at.map_or((0, seq.0 as u32), |at| self.key(at))));
        all
    }

    pub(in crate::model) fn marks_mut(&mut self) -> &mut Marks {
        &mut self.marks
    }

    /// Returns the interned texts.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Returns all rows, oldest first.
    pub fn order(&self) -> &VecDeque<RowRef> {
        &self.order
    }

    /// Returns the sort key of a row in the order of time: its publication time and number.
    pub fn key(&self, at: RowRef) -> (i64, u32) {
        let (chunk, at) = (&self.chunks[at.0 as usize / CHUNK], at.0 as usize % CHUNK);
        (chunk.published_ms.get(at), chunk.seq[at])
    }

    /// Returns the chunks, in the order of places. A chunk that was freed is empty, but its [`CHUNK`] places stay
    /// taken.
    pub(in crate::model) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter()
    }

    /// Returns the texts that name the scopes of the rows, each with every org in which it does. Makes one pass over
    /// two columns.
    pub(in crate::model) fn scope_texts(&self) -> HashSet<(OrgId, Sym)> {
        let mut found = HashSet::new();
        for chunk in &self.chunks {
            let there = (0..chunk.org.len()).filter(|at| chunk.flags[*at] & GONE == 0);
            let [_, _, _, _, scopes, _] = &chunk.texts;
            found.extend(there.map(|at| (OrgId(chunk.org[at]), scopes.get(at))));
        }
        found
    }

    /// Returns the chunk of a row, and the row's index in it.
    pub(in crate::model) fn chunk_of(&self, at: RowRef) -> (&Chunk, usize) {
        (&self.chunks[at.0 as usize / CHUNK], at.0 as usize % CHUNK)
    }

    /// Returns one more than the highest place that was ever assigned.
    pub(in crate::model) fn places(&self) -> usize {
        self.next
    }

    /// Returns the arenas of lower-case texts for some columns, each with the columns that it belongs to.
    pub(in crate::model) fn texts(&self, columns: u8) -> impl Iterator<Item = (&TextArena, u8)> {
        self.texts.iter().zip(GROUPS).filter(move |(_, group)| group & columns != 0)
    }

    /// Returns the texts of locations.
    pub(in crate::model) fn locations(&self) -> &Locations {
        &self.locations
    }

    /// Returns, for each text, a bit for each column in which it occurs: who, actor, client, server, scopes, from.
    pub(in crate::model) fn used(&self) -> &[u8] {
        &self.used
    }

    fn order_place(&self, key: (i64, u32)) -> Result<usize, usize> {
        self.order.binary_search_by_key(&key, |other| self.key(*other))
    }
}

fn number_at(chunks: &[Chunk], at: RowRef) -> u32 {
    chunks[at.0 as usize / CHUNK].seq[at.0 as usize % CHUNK]
}

fn is_there(chunks: &[Chunk], at: RowRef) -> bool {
    let chunk = chunks.get(at.0 as usize / CHUNK);
    chunk.and_then(|chunk| chunk.flags.get(at.0 as usize % CHUNK)).is_some_and(|flags| flags & GONE == 0)
}

#[cfg(test)]
pub(in crate::model) mod tests {
    use super::*;
    use crate::consent::{Doubt, Evidence, Kind, KnownOrg, OrgName, Outcome, Reach, Rev, Severity, Via};

    /// Returns orgs with these hosts and names. An empty name means none.
    pub(in crate::model) fn orgs<const N: usize>(hosts_and_names: [(&str, &str); N]) -> Orgs {
        let org = |(host, name): (&str, &str)| KnownOrg {
            key: host.into(),
            host: host.into(),
            name: (!name.is_empty()).then(|| OrgName::parse(name).expect("a name")),
        };
        Orgs::new(hosts_and_names.map(org).to_vec())
    }

    pub(in crate::model) fn row(seq: i64, published_ms: i64) -> Row {
        Row {
            seq: Seq(seq),
            org: OrgId(0),
            rev: Rev(0),
            published_ms,
            who: Sym(1),
            actor: Sym(0),
            client: Sym(2),
            server: Sym(3),
            scopes: Sym(4),
            from: Sym(5),
            kind: Kind::Grant,
            reach: Reach::Named,
            via: Via::POLL,
            outcome: Outcome::Success,
            severity: Severity::Info,
            evidence: Evidence::GrantDetail,
            late: false,
            doubt: None,
            hidden: 0,
        }
    }

    #[test]
    fn a_row_comes_back_as_it_went_in() {
        let mut rows = Rows::default();
        let mut odd = row(7, -5);
        odd.late = true;
        odd.evidence = Evidence::NotApplicable;
        odd.via = Via::HOOK;
        let alike = Row { seq: Seq(9), doubt: Some(Doubt::SharedId), ..odd };
        let (at, _) = rows.put(&alike, &[]);
        assert_eq!(rows.get(at), alike);
        odd.doubt = Some(Doubt::Unconfirmed);
        odd.hidden = 3;
        let (at, new) = rows.put(&odd, &[7, 8]);
        assert!(new);
        assert_eq!((rows.get(at), rows.grant_marks(at)), (odd, &[7, 8][..]));
        assert_eq!(rows.find(Seq(7)), Some(at));
        assert_eq!(rows.find(Seq(8)), None);
    }

    #[test]
    fn orgs_are_ranked_by_their_labels() {
        let mut rows = Rows::default();
        rows.set_orgs(orgs([("b.okta.com", "prod"), ("Z.okta.com", ""), ("a.okta.com", "acquired")]));
        assert_eq!([0, 1, 2, 3].map(|org| rows.org_rank(OrgId(org))), [1, 2, 0, u8::MAX]);
    }

    #[test]
    fn as_many_orgs_as_there_are_numbers_have_ranks() {
        for count in [255, 256, 257] {
            let mut rows = Rows::default();
            let org = |n: u32| KnownOrg::unnamed(&format!("{:03}.okta.com", 999 - n));
            rows.set_orgs(Orgs::new((0..count).map(org).collect()));
            let last = count.min(256) - 1;
            assert_eq!([OrgId(0), OrgId(last as u8)].map(|org| rows.org_rank(org)), [last as u8, 0]);
        }
    }

    #[test]
    fn order_is_by_time_whatever_the_order_of_arrival() {
        let mut rows = Rows::default();
        let came = [(5, 50), (6, 40), (3, 30), (4, 60), (1, 10), (2, 40)];
        for (seq, time) in came {
            rows.put(&row(seq, time), &[]);
        }
        let seqs = |rows: &Rows| -> Vec<i64> { rows.order().iter().map(|at| rows.get(*at).seq.0).collect() };
        assert_eq!(seqs(&rows), [1, 3, 2, 6, 5, 4]);
        // The result is the same for pages of any size.
        for size in 1..=came.len() {
            let mut rows = Rows::default();
            for page in came.chunks(size) {
                let rows_of_page = page.iter().map(|(seq, time)| row(*seq, *time)).collect();
                rows.take(&RowPage { rows: rows_of_page, ..RowPage::default() });
            }
            assert_eq!(seqs(&rows), [1, 3, 2, 6, 5, 4], "{size}");
        }
    }

    #[test]
    fn the_same_number_again_replaces_and_may_move() {
        let mut rows = Rows::default();
        rows.put(&row(1, 10), &[]);
        rows.put(&row(2, 20), &[]);
        let (_, new) = rows.put(&row(1, 30), &[]);
        assert!(!new);
        assert_eq!(rows.len(), 2);
        let seqs: Vec<i64> = rows.order().iter().map(|at| rows.get(*at).seq.0).collect();
        assert_eq!(seqs, [2, 1]);
    }

    #[test]
    fn a_cut_takes_out_what_is_not_kept_and_nothing_else() {
        let mut rows = Rows::default();
        for (seq, time) in [(5, 50), (6, 40), (3, 30), (4, 60), (1, 10), (2, 40)] {
            rows.put(&row(seq, time), &[]);
        }
        let first = rows.find(Seq(1)).expect("a row");
        assert!(rows.cut(Seq(2), Seq(5), &[Seq(3), Seq(4), Seq(5)]).is_empty());
        assert_eq!(rows.cut(Seq(0), Seq(4), &[Seq(2), Seq(4)]).len(), 2);
        let seqs: Vec<i64> = rows.order().iter().map(|at| rows.get(*at).seq.0).collect();
        assert_eq!((seqs, rows.len()), (vec![2, 6, 5, 4], 4));
        assert_eq!((rows.find(Seq(1)), rows.is_there(first)), (None, false));
        assert_eq!(rows.put(&row(7, 5), &[]).0, RowRef(6), "no place is assigned twice");
        assert_eq!((rows.cut(Seq(0), Seq(i64::MAX), &[]).len(), rows.is_empty()), (5, true));
        assert!(rows.cut(Seq(9), Seq(2), &[]).is_empty());
    }

    #[test]
    fn a_chunk_whose_rows_all_went_is_given_back() {
        let mut rows = Rows::default();
        let count = CHUNK as i64 + 10;
        for seq in 1..=count {
            rows.put(&row(seq, seq), &[]);
        }
        assert_eq!(rows.cut(Seq(0), Seq(CHUNK as i64 + 5), &[]).len(), CHUNK + 5);
        assert_eq!((rows.len(), rows.chunks[0].seq.capacity()), (5, 0));
        let (at, new) = rows.put(&row(count + 1, 3), &[]);
        assert!(new && rows.is_there(at) && !rows.is_there(RowRef(3)));
        assert_eq!(rows.order().front(), Some(&at));
    }
}
