//! The list at real widths: which cells are shown in full, which columns shrink, and that columns do not jump.
//!
//! The test uses only the screen: a column begins under its heading, and a cell that ends in `…` is cut.

use std::time::Duration;

use consentwatch::model::Msg;
use consentwatch::sim::Plan;

use crate::rig::{Rig, backlog};

/// The cells of the screen.
struct Seen(Vec<Vec<String>>);

impl Seen {
    fn of(rig: &Rig) -> Self {
        let buffer = rig.buffer();
        let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol().to_owned()).collect();
        Self((0..buffer.area.height).map(row).collect())
    }

    fn line(&self, y: usize) -> String {
        self.0[y].concat()
    }

    /// Returns the line of headings.
    fn head(&self) -> usize {
        (0..self.0.len()).find(|y| self.line(*y).starts_with(" TIME ")).expect("headings")
    }

    /// Returns the start of each heading with its word, and the end of the line.
    fn heads(&self) -> Vec<(usize, String)> {
        let cells = &self.0[self.head()];
        let is_start =
            |x: &usize| cells[x - 1] == " " && cells[*x].chars().all(char::is_uppercase) && cells[*x] != " ";
        // With an open detail, the headings end where its border begins.
        let end = cells.iter().position(|cell| cell == "─").unwrap_or(cells.len());
        let word =
            |x: usize| cells[x..end].iter().take_while(|cell| *cell != " ").cloned().collect::<String>();
        let starts: Vec<usize> = (1..end).filter(is_start).collect();
        starts.into_iter().map(|x| (x, word(x))).chain([(end + 1, String::new())]).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.heads().iter().any(|(_, word)| word == name)
    }

    /// Returns the cells of a column, top to bottom, without trailing spaces.
    fn column(&self, name: &str) -> Vec<String> {
        let heads = self.heads();
        let at =
            heads.iter().position(|(_, word)| word == name).unwrap_or_else(|| panic!("no column {name}"));
        let (from, to) = (heads[at].0, heads[at + 1].0 - 1);
        let is_row = |cells: &&Vec<String>| {
            cells[2..6].concat().chars().any(|c| c.is_ascii_digit() || c == ':')
                || cells[5..13].concat().contains(':')
        };
        let rows = self.0[self.head() + 1..].iter().take_while(is_row);
        rows.map(|cells| cells[from..to.min(cells.len())].concat().trim_end().to_owned()).collect()
    }

    /// Returns the percentage of cells of a column that are shown in full.
    fn whole(&self, name: &str) -> (usize, usize) {
        let cells = self.column(name);
        (cells.iter().filter(|cell| !cell.ends_with('…')).count(), cells.len())
    }
}

fn plan(seed: u64) -> Plan {
    Plan { seed, ..backlog(105) }
}

#[tokio::test]
async fn most_people_and_clients_can_be_read_whole_at_real_widths() {
    for has_names in [true, false] {
        for (width, height, goal) in [(140, 40, 95), (100, 30, 90), (80, 24, 75)] {
            let mut total = [(0, 0); 2];
            for seed in 1..=10 {
                let rig = if has_names {
                    Rig::start_with_names(plan(seed), width, height).await
                } else {
                    Rig::start(plan(seed), width, height).await
                };
                let seen = Seen::of(&rig);
                for (total, name) in total.iter_mut().zip(["WHO", "CLIENT"]) {
                    let (whole, all) = seen.whole(name);
                    assert!(all > 10, "{}", rig.text());
                    *total = (total.0 + whole, total.1 + all);
                }
            }
            for (whole, all) in total {
                assert!(whole * 100 >= all * goal, "{whole} of {all} at {width}x{height}, names {has_names}");
            }
        }
    }
}

#[tokio::test]
async fn no_column_has_room_that_its_rows_do_not_need_while_another_is_cut() {
    let mut rig = Rig::start_with_names(plan(3), 140, 40).await;
    for detail in ["", "<enter>"] {
        rig.press(detail);
        rig.settle().await;
        for width in (60..=160).chain([200, 240]) {
            rig.tell(Msg::Resize(width, 40));
            let seen = Seen::of(&rig);
            let heads = seen.heads();
            let is_cut = |name: &str| seen.column(name).iter().any(|cell| cell.contains('…'));
            let names: Vec<&str> =
                heads.iter().map(|(_, word)| word.as_str()).filter(|w| !w.is_empty()).collect();
            if !names.iter().any(|name| is_cut(name)) {
                continue;
            }
            for (name, pair) in names.iter().zip(heads.windows(2)) {
                let room = pair[1].0 - 1 - pair[0].0;
                let need = seen.column(name).iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
                // The count includes the heading, and letters of two columns count as one.
                let least = (need * 2).min(need + 12).max(name.len() + 1);
                let is_last = pair[1].1.is_empty();
                assert!(
                    is_last || room <= least,
                    "{width}: {name} has {room}, {need} needed\n{}",
                    rig.text()
                );
            }
        }
        rig.tell(Msg::Resize(140, 40));
    }
}

#[tokio::test]
async fn a_list_of_today_has_no_room_for_dates_and_one_of_before_has() {
    let mut rig = Rig::start(plan(1), 140, 40).await;
    let seen = Seen::of(&rig);
    assert_eq!((seen.heads()[0].0, seen.heads()[1].0), (1, 10), "{}", rig.text());
    rig.press("g");
    let seen = Seen::of(&rig);
    assert_eq!(seen.heads()[1].0, 14, "{}", rig.text());
    assert!(seen.column("TIME").iter().any(|time| time.contains("03 Mar")), "{}", rig.text());
}

#[tokio::test]
async fn a_domain_of_most_people_is_said_once() {
    let rig = Rig::start_with_names(plan(2), 120, 40).await;
    let seen = Seen::of(&rig);
    let head = seen.line(seen.head());
    assert!(head.contains("WHO @example.test "), "{head}");
    assert!(!seen.column("WHO").iter().any(|cell| cell.contains("@example.test")), "{}", rig.text());
    // With the mask, no domain is shown.
    let mut rig = rig;
    rig.press("p");
    assert!(!Seen::of(&rig).line(seen.head()).contains('@'), "{}", rig.text());
}

#[tokio::test]
async fn default_servers_fold_and_another_one_is_said_all_the_same() {
    let mut rig = Rig::start_with_names(plan(2), 160, 40).await;
    assert!(Seen::of(&rig).has("SERVER"), "{}", rig.text());
    rig.press("fserver:=\"default\"<enter>");
    rig.settle().await;
    assert!(!Seen::of(&rig).has("SERVER"), "{}", rig.text());
    rig.press("<esc>");
    assert!(Seen::of(&rig).has("SERVER"), "{}", rig.text());
}

#[tokio::test]
async fn widths_stay_while_rows_arrive_and_change_with_the_page() {
    for keys in ["", "k", "<enter>"] {
        let mut rig = Rig::start(plan(4), 140, 40).await;
        rig.press(keys);
        rig.settle().await;
        let heads = Seen::of(&rig).heads();
        for _ in 0..12 {
            rig.org.emit(5);
            rig.advance(Duration::from_secs(11)).await;
            let now = Seen::of(&rig).heads();
            assert_eq!(now, heads, "after {keys:?}\n{}", rig.text());
        }
        // Moving line by line does not change them either.
        rig.press("kkk");
        assert_eq!(Seen::of(&rig).heads(), heads, "after {keys:?}\n{}", rig.text());
    }
    // Dates are shown on pages whose rows need them, and not on others.
    let mut rig = Rig::start(plan(4), 140, 40).await;
    let today = Seen::of(&rig).heads();
    rig.press("<pgup><pgup><pgup>");
    assert_ne!(Seen::of(&rig).heads(), today, "{}", rig.text());
    rig.press("G");
    assert_eq!(Seen::of(&rig).heads(), today, "{}", rig.text());
}

#[tokio::test]
async fn a_width_set_by_hand_is_kept() {
    let mut rig = Rig::start_with_names(plan(2), 140, 40).await;
    rig.press("Cjjj+++++<esc>");
    let wide = Seen::of(&rig).heads();
    let width = |heads: &[(usize, String)]| {
        let at = heads.iter().position(|(_, word)| word == "WHO").expect("it is there");
        heads[at + 1].0 - heads[at].0
    };
    rig.press("<pgup><pgup>g");
    assert_eq!(width(&Seen::of(&rig).heads()), width(&wide), "{}", rig.text());
}

#[tokio::test]
async fn what_is_cut_can_be_read_whole_below_the_list_after_one_key() {
    for (width, height) in [(140, 40), (80, 24), (60, 24)] {
        let mut rig = Rig::start_with_names(plan(5), width, height).await;
        let followed = rig.text();
        assert!(followed.contains("to show it in full here"), "{followed}");
        for _ in 0..30 {
            rig.press("k");
            let row = rig.model.rows.get(rig.model.list.cursor().expect("a row"));
            let symbols = rig.model.rows.symbols();
            let ink = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let text = ink(&rig.text());
            let scopes: String = symbols.fields(row.scopes).collect();
            let person = symbols.field(row.who, 1).to_owned();
            let client = [symbols.field(row.client, 1), symbols.field(row.client, 0)]
                .into_iter()
                .find(|name| !name.is_empty())
                .unwrap_or_default()
                .to_owned();
            for part in [scopes, person, client] {
                let is_plain = part.chars().all(|c| c.is_ascii_graphic() || c == ' ');
                assert!(!is_plain || text.contains(&ink(&part)), "{part}\n{}", rig.text());
            }
        }
    }
}
