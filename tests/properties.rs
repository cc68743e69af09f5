//! Properties of the model for any sequence of events: no panic at any size, the cursor stays on its row, and a replay
//! gives the same result.

use consentwatch::consent::{
    Evidence, Kind, OrgId, Outcome, Reach, Rev, Row, RowPage, Seq, Severity, Sym, Symbol, Via,
};
use consentwatch::model::{
    Among, BINDINGS, Chord, Effect, Filter, Key, Known, Mark, Marks, Mode, Model, Msg, Origin, Pane, RowRef,
    Zone, update,
};
use consentwatch::view::{self, Depth, Theme, ThemeKind};
use jiff::Timestamp;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn row(seq: i64, published_ms: i64, n: u32) -> Row {
    Row {
        seq: Seq(seq),
        org: OrgId(0),
        rev: Rev(0),
        published_ms,
        who: Sym(n % 5),
        actor: Sym(n % 3),
        client: Sym(5 + n % 4),
        server: Sym(9),
        scopes: Sym(10 + n % 3),
        from: Sym(13),
        kind: Kind::ALL[n as usize % 6],
        reach: Reach::Named,
        via: Via::POLL,
        outcome: Outcome::from_code((n % 4) as u8),
        severity: Severity::Info,
        evidence: Evidence::from_code((n % 7) as u8),
        late: n.is_multiple_of(9),
        doubt: None,
        hidden: 0,
    }
}

fn symbols() -> Vec<(Sym, Symbol)> {
    let texts: [&[&str]; 13] = [
        &["00u1", "ada@example.test", "Ada"],
        &["00u2", "", "\u{202e}evil\u{1b}[2J"],
        &["00u3", "李@example.test", "李明"],
        &["", "", "👩\u{200d}💻"],
        &["0oa1", "Figma"],
        &["0oa2", ""],
        &["0oa3", "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}"],
        &["0oa4", "x"],
        &["aus1", "default"],
        &["openid"],
        &["launch/patient", "openid", "orders.read"],
        &["a b", "c"],
        &["192.0.2.1", "Utrecht", "Netherlands", "64500", "example net", "yes"],
    ];
    (1..).zip(texts).map(|(n, fields)| (Sym(n), Symbol::of(fields))).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Key(Chord),
    Resize(u16, u16),
    Rows(Vec<(i64, u32)>),
    Older(Vec<(i64, u32)>),
    Change(i64, i64),
    Paste(String),
    Work,
    Click(u16, u16),
    Wheel(bool),
    /// A filter that is typed and applied.
    Filter(&'static str),
    /// Marks set by another screen, of rows that exist or not, some with a note.
    Marks(Vec<(i64, bool)>),
    Minute(i64),
}

const FILTERS: &[&str] =
    &["mark:*", "-mark:*", "mark:note or kind:grant", "mark:note", "ada", "(", "-ada mark:*"];

/// Returns whether a row matches one of [`FILTERS`], by rules written by hand for each.
fn passes(model: &Model, filter: &str, at: RowRef) -> bool {
    let row = model.rows.get(at);
    let mark = model.rows.marks().get(row.seq);
    let has_note = mark.is_some_and(|mark| mark.note.contains("note"));
    // Only the first text contains these letters.
    let is_ada = [row.who, row.actor].contains(&Sym(1));
    match filter {
        "mark:*" => mark.is_some(),
        "-mark:*" => mark.is_none(),
        "mark:note or kind:grant" => has_note || row.kind == Kind::Grant,
        "mark:note" => has_note,
        "ada" => is_ada,
        "-ada mark:*" => !is_ada && mark.is_some(),
        other => panic!("{other} is no filter that can be taken"),
    }
}

fn step() -> impl Strategy<Value = Step> {
    let chords: Vec<Chord> = BINDINGS.iter().flat_map(|b| b.chords.iter().copied()).collect();
    let keys = prop_oneof![
        8 => proptest::sample::select(chords),
        2 => any::<char>().prop_map(Chord::char),
        1 => Just(Chord::plain(Key::Backspace)),
    ];
    let rows = || proptest::collection::vec((0_i64..2000, any::<u32>()), 0..20);
    prop_oneof![
        8 => keys.prop_map(Step::Key),
        1 => (0_u16..220, 0_u16..60).prop_map(|(w, h)| Step::Resize(w, h)),
        3 => rows().prop_map(Step::Rows),
        1 => rows().prop_map(Step::Older),
        1 => (1_i64..50, 0_i64..2000).prop_map(|(seq, time)| Step::Change(seq, time)),
        1 => "\\PC{0,12}".prop_map(Step::Paste),
        3 => Just(Step::Work),
        1 => (0_u16..220, 0_u16..60).prop_map(|(column, row)| Step::Click(column, row)),
        1 => any::<bool>().prop_map(Step::Wheel),
        1 => proptest::sample::select(FILTERS).prop_map(Step::Filter),
        1 => proptest::collection::vec((9_900_i64..10_100, any::<bool>()), 0..20).prop_map(Step::Marks),
        1 => (0_i64..10_000).prop_map(Step::Minute),
    ]
}

/// The events that keep a list sorted.
fn sorted_step() -> impl Strategy<Value = Step> {
    let rows = || proptest::collection::vec((0_i64..2000, any::<u32>()), 0..100);
    prop_oneof![
        2 => rows().prop_map(Step::Rows),
        1 => rows().prop_map(Step::Older),
        1 => (1_i64..50, 0_i64..2000).prop_map(|(seq, time)| Step::Change(seq, time)),
        2 => Just(Step::Work),
        2 => proptest::sample::select(FILTERS).prop_map(Step::Filter),
        1 => proptest::collection::vec((9_900_i64..10_100, any::<bool>()), 0..20).prop_map(Step::Marks),
        1 => Just(Step::Key(Chord::char(' '))),
        1 => Just(Step::Key(Chord::char('k'))),
    ]
}

struct Play {
    model: Model,
    up: i64,
    down: i64,
    /// Whether the model has unfinished work that needs time slices.
    is_behind: bool,
}

impl Play {
    fn new() -> Self {
        let origin = Origin { org: "example.okta.com".into(), tag: String::new() };
        let mut model = Model::new(origin, Zone::default(), (80, 24), Timestamp::UNIX_EPOCH);
        drop(update(&mut model, Msg::Committed(RowPage { symbols: symbols(), ..RowPage::default() })));
        Self { model, up: 10_000, down: 10_000, is_behind: false }
    }

    fn take(&mut self, step: Step) -> Vec<Effect> {
        let is_work = matches!(step, Step::Work);
        let effects = self.update(step);
        self.is_behind = effects.contains(&Effect::Work) || (self.is_behind && !is_work);
        effects
    }

    /// Runs the model's time slices until it has no more work.
    fn catch_up(&mut self) {
        for _ in 0..1000 {
            if !self.is_behind {
                return;
            }
            drop(self.take(Step::Work));
        }
        panic!("it never comes to an end");
    }

    fn update(&mut self, step: Step) -> Vec<Effect> {
        let page = |rows: Vec<Row>| RowPage { rows, ..RowPage::default() };
        let msg = match step {
            Step::Key(chord) => Msg::Key(chord),
            Step::Resize(width, height) => Msg::Resize(width, height),
            Step::Paste(text) => Msg::Paste(text),
            Step::Work => Msg::Work,
            Step::Click(column, row) => Msg::Click(column, row),
            Step::Wheel(down) => Msg::Wheel { down },
            Step::Filter(text) => {
                let mut effects = Vec::new();
                for chord in [Chord::plain(Key::Esc), Chord::char('f'), Chord::ctrl('u')] {
                    effects.extend(update(&mut self.model, Msg::Key(chord)));
                }
                effects.extend(update(&mut self.model, Msg::Paste(text.to_owned())));
                effects.extend(update(&mut self.model, Msg::Key(Chord::plain(Key::Enter))));
                return effects;
            }
            Step::Marks(marks) => {
                let mark = |has_note: bool| Mark {
                    at: Timestamp::UNIX_EPOCH,
                    note: if has_note { "a note" } else { "" }.into(),
                };
                let marks = marks.into_iter().map(|(seq, has_note)| (Seq(seq), mark(has_note)));
                Msg::Marks(Box::new(Marks::new(marks, 2)))
            }
            Step::Minute(ms) => Msg::Minute(Timestamp::from_millisecond(ms).expect("a time")),
            Step::Rows(rows) => {
                let from = self.up;
                self.up += rows.len() as i64;
                Msg::Committed(page((from..).zip(rows).map(|(seq, (time, n))| row(seq, time, n)).collect()))
            }
            Step::Older(rows) => {
                self.down -= rows.len() as i64;
                let page = page((self.down..).zip(rows).map(|(seq, (time, n))| row(seq, time, n)).collect());
                Msg::Older { page, left: 3 }
            }
            Step::Change(seq, time) => {
                let seq = self.down + seq;
                let known = self.model.rows.find(Seq(seq)).is_some();
                Msg::Changed(page(if known { vec![row(seq, time, 7)] } else { Vec::new() }))
            }
        };
        let mut effects = update(&mut self.model, msg);
        // Rows that are to be marked are marked.
        for effect in effects.clone() {
            if let Effect::Mark(seq, note) = effect {
                let mark = note.map(|note| Mark { at: Timestamp::UNIX_EPOCH, note: note.into() });
                effects.extend(update(&mut self.model, Msg::Marked(seq, mark)));
            }
        }
        effects
    }

    /// Returns the listed rows, and the rows that match the filter when it is applied again.
    ///
    /// Returns `None` if the filter depends on more than rows and marks. While rows are being sorted, new rows may be
    /// listed later.
    fn listed_and_passing(&self) -> Option<(Vec<RowRef>, Vec<RowRef>)> {
        let query = self.model.filter.as_ref()?.query();
        if query.is_deep() || query.looks_at_standing() || (self.model.order.is_some() && self.is_behind) {
            return None;
        }
        let known = Known { rows: &self.model.rows, ledger: &self.model.ledger };
        let mut afresh = Vec::from(Filter::new(query.clone()).list(&known, Among::default()));
        let mut listed: Vec<RowRef> = self.model.list.shown().into_iter().flatten().copied().collect();
        afresh.sort_unstable();
        listed.sort_unstable();
        Some((listed, afresh))
    }

    /// Returns the rows that match the applied filter by the test's own rules, if it is one of [`FILTERS`].
    fn passing_by_rule(&self) -> Option<Vec<RowRef>> {
        let filter = self.model.filter.as_ref()?;
        let text = FILTERS.iter().find(|text| **text == filter.query().text())?;
        let rows = self.model.rows.order().iter().copied();
        let mut passing: Vec<RowRef> = rows.filter(|at| passes(&self.model, text, *at)).collect();
        passing.sort_unstable();
        Some(passing)
    }

    fn frame(&self) -> Buffer {
        let (width, height) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view::draw_cells(&self.model, &Theme::new(ThemeKind::Dark, Depth::True), &mut buffer);
        buffer
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_screen_stands(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut play, mut again) = (Play::new(), Play::new());
        for step in steps {
            // If nothing is listed, there is no row under the cursor.
            let listed = !play.model.list.is_empty(&play.model.rows);
            let before = play.model.list.cursor().filter(|_| listed).map(|at| play.model.rows.get(at).seq);
            let held = !play.model.list.is_following();
            let is_rows = matches!(step, Step::Rows(_) | Step::Older(_));
            let effects = play.take(step.clone());
            prop_assert_eq!(effects, again.take(step));
            let now = play.model.list.cursor().map(|at| play.model.rows.get(at).seq);
            if held && is_rows && before.is_some() {
                prop_assert_eq!(before, now, "the reader's row is the reader's");
            }
            let height = usize::from(play.model.regions().list.height);
            let window = play.model.list.window(&play.model.rows, height);
            prop_assert!(window.rows.len() <= height);
            if let Some(cursor) = window.cursor {
                prop_assert_eq!(window.rows.get(cursor).copied(), play.model.list.cursor());
            } else {
                prop_assert!(height == 0 || window.total == 0);
            }
            prop_assert_eq!(play.frame(), again.frame());
            if let Some(subject) = play.model.page.subject() {
                let pivot = &play.model.pivots[subject as usize];
                let (shown, cursor, _) = pivot.window(height);
                prop_assert!(shown.len() <= height);
                if height > 0 && !pivot.is_empty() {
                    prop_assert_eq!(cursor.map(|line| shown[line]), pivot.cursor());
                }
            }
            // The listed rows are those that match the filter, in any order. For the filters in the test, they also
            // match by the test's rules.
            if let Some((listed, afresh)) = play.listed_and_passing() {
                if let Some(passing) = play.passing_by_rule() {
                    prop_assert_eq!(&listed, &passing);
                }
                prop_assert_eq!(listed, afresh);
            }
        }
        play.catch_up();
        if let Some((listed, afresh)) = play.listed_and_passing() {
            prop_assert_eq!(listed, afresh, "also once an order was found");
        }
        // Each step opens at most one thing, and Esc closes the last opened one.
        for _ in 0..150 {
            drop(play.take(Step::Key(Chord::plain(Key::Esc))));
        }
        prop_assert_eq!((play.model.mode(), play.model.pane), (Mode::List, Pane::List));
    }

    /// Rows, marks and filters change a list that is sorted by a column, before and after sorting has finished.
    #[test]
    fn a_sorted_list_holds_what_the_filter_lets_through(
        sorts in 1..8_usize,
        steps in proptest::collection::vec(sorted_step(), 1..40),
    ) {
        let mut play = Play::new();
        for _ in 0..sorts {
            drop(play.take(Step::Key(Chord::char('O'))));
        }
        prop_assert!(play.model.order.is_some());
        for step in steps {
            drop(play.take(step));
            if let Some((listed, afresh)) = play.listed_and_passing() {
                if let Some(passing) = play.passing_by_rule() {
                    prop_assert_eq!(&listed, &passing);
                }
                prop_assert_eq!(listed, afresh);
            }
        }
        play.catch_up();
        let found = play.listed_and_passing();
        let is_plain = play.model.filter.as_ref().is_some_and(|filter| !filter.query().is_deep());
        prop_assert_eq!(found.is_some(), is_plain, "it is compared");
        if let Some((listed, afresh)) = found {
            prop_assert_eq!(listed, afresh);
        }
    }

    #[test]
    fn a_place_is_found_again(steps in proptest::collection::vec(step(), 1..60)) {
        let mut play = Play::new();
        for step in steps {
            drop(play.take(step));
        }
        drop(play.take(Step::Key(Chord::plain(Key::Esc))));
        let place = play.model.place();
        let mut again = Play::new();
        let words = place.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        drop(update(&mut again.model, Msg::Place(words.collect())));
        let rows = &play.model.rows;
        let mut all: Vec<Row> = rows.order().iter().map(|at| rows.get(*at)).collect();
        all.sort_by_key(|row| row.seq);
        let marks = rows.marks().clone();
        drop(update(&mut again.model, Msg::Marks(Box::new(marks))));
        drop(update(&mut again.model, Msg::Minute(play.model.now)));
        for (left, rows) in [(1, &all[all.len() / 2..]), (0, &all[..all.len() / 2])] {
            let page = RowPage { rows: rows.to_vec(), ..RowPage::default() };
            drop(update(&mut again.model, Msg::Older { page, left }));
        }
        let here = |model: &Model| model.list.cursor().map(|at| model.rows.get(at).seq);
        let filter = |model: &Model| model.filter.as_ref().map(|filter| filter.query().text().to_owned());
        prop_assert_eq!(filter(&play.model), filter(&again.model));
        prop_assert_eq!(play.model.page, again.model.page);
        prop_assert_eq!(play.model.shape.words(), again.model.shape.words());
        if !play.model.list.is_following() && play.model.order.is_none() && !play.model.list.is_empty(&play.model.rows) {
            prop_assert_eq!(here(&play.model), here(&again.model));
        }
        drop(again.frame());
    }
}
