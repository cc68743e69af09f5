//! What the user arranges and the screen keeps: marks, notes, columns, and the last position.

use std::time::Duration;

use consentwatch::consent::{ExportFormat, Seq};
use consentwatch::model::{Chord, Effect, Extent, Key, Keymap, Mode, Msg, Notice, SaveOrder, Saved, update};
use consentwatch::report::Part;
use consentwatch::run::{KeptNotes, NoteStore as _};

use crate::golden;
use crate::rig::{Rig, backlog};

const SIZES: [(u16, u16); 3] = [(140, 40), (80, 24), (40, 10)];

fn at_every_size(name: &str, rig: &mut Rig) {
    for (width, height) in SIZES {
        rig.tell(Msg::Resize(width, height));
        golden::check(&format!("{name}-{width}x{height}"), &rig.frame());
    }
}

fn here(rig: &Rig) -> Seq {
    rig.model.rows.get(rig.model.list.cursor().expect("a row")).seq
}

fn listed(rig: &Rig) -> usize {
    rig.model.list.len(&rig.model.rows)
}

#[tokio::test]
async fn marks_and_notes_are_seen_filtered_and_gone_to() {
    let mut rig = Rig::start(backlog(120), 140, 40).await;
    rig.press("kkk mask<esc>");
    assert_eq!(rig.model.rows.marks().len(), 1, "a note that is given up changes nothing");
    let first = here(&rig);
    rig.press("kkkkkmcalled the\u{202e} owner<enter>");
    let second = here(&rig);
    rig.press("<enter>");
    at_every_size("marked", &mut rig);
    assert!(rig.text().contains("called the<U+202E> owner") || rig.model.size.0 < 80, "{}", rig.text());
    rig.tell(Msg::Resize(140, 40));
    rig.press("<esc>fmark:*<enter>");
    assert_eq!(listed(&rig), 2);
    for (filter, count) in [("mark:owner", 1), ("mark:nobody", 0), ("-mark:*", 118), ("mark:~^call", 1)] {
        rig.press(&format!("f<^u>{filter}<enter>"));
        assert_eq!(listed(&rig), count, "{filter}");
    }
    // A row without its mark is no longer in the list of marked rows.
    rig.press("f<^u>mark:*<enter>g");
    assert_eq!(here(&rig), second);
    rig.press(" ");
    assert!(rig.text().contains("This row has a note"), "{}", rig.text());
    rig.press("m<^u><enter>");
    assert_eq!((listed(&rig), here(&rig)), (1, first));
    rig.press(" ");
    assert_eq!(listed(&rig), 0);
    rig.press("<esc>'");
    assert!(rig.text().contains("Nothing is marked"), "{}", rig.text());
}

#[tokio::test]
async fn the_page_of_marks_goes_where_they_are() {
    let mut rig = Rig::start(backlog(120), 80, 24).await;
    rig.press("M");
    assert!(rig.text().contains("Nothing is marked"), "{}", rig.text());
    rig.press("<esc>gmthe very first<enter>G mthe last<enter>kkkkk ");
    let middle = here(&rig);
    rig.press("M");
    assert_eq!(rig.model.mode(), Mode::Marks);
    rig.press("j");
    at_every_size("marks", &mut rig);
    rig.press("<enter>");
    assert_eq!((rig.model.mode(), here(&rig)), (Mode::List, middle));
    rig.press("'");
    assert_eq!(here(&rig), Seq(rig.model.rows.len() as i64), "{}", rig.text());
    rig.press("'");
    let first = here(&rig);
    rig.press("\"\"");
    assert_eq!(here(&rig), middle);
    // The cursor moves to a row even if the filter hides it.
    rig.press("fkind:admin<enter>Mjj<enter>");
    assert_eq!(here(&rig), first, "{}", rig.text());
    assert!(rig.text().contains("The filter hid this row"), "{}", rig.text());
}

#[tokio::test]
async fn marks_live_through_a_restart_and_a_journal_made_anew() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    rig.press("kkk mto ask<enter>kk ");
    let marked = |rig: &Rig| {
        let marks = rig.model.rows.marks();
        let notes: Vec<String> = marks.iter().map(|(_, mark)| mark.note.to_string()).collect();
        (notes, marks.elsewhere)
    };
    let both = (vec![String::new(), "to ask".to_owned()], 0);
    assert_eq!(marked(&rig), both);
    let rig = rig.restart(|_| {}).await;
    assert_eq!(marked(&rig), both);
    let mut rig = Box::pin(rig.restart(|folder| {
        for file in ["journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"] {
            std::fs::remove_file(folder.join(file)).ok();
        }
    }))
    .await;
    assert_eq!(marked(&rig), both, "found again as the log was read again");
    // Another screen sets and removes marks, and this one shows it.
    let mut other = KeptNotes::open(&rig.folder.path().join("org"));
    let answer = other.mark(here(&rig), Some("from elsewhere".to_owned()), rig.clock.now());
    assert!(matches!(answer, Msg::Marked(..)), "{answer:?}");
    rig.advance(Duration::from_secs(2)).await;
    assert_eq!(rig.model.rows.marks().get(here(&rig)).map(|mark| &*mark.note), Some("from elsewhere"));
}

#[tokio::test]
async fn damaged_marks_are_told_and_the_screen_goes_on() {
    let rig = Rig::start(backlog(60), 80, 24).await;
    let mut rig = Box::pin(rig.restart(|folder| {
        for file in ["notes.sqlite3-wal", "notes.sqlite3-shm"] {
            std::fs::remove_file(folder.join(file)).ok();
        }
        std::fs::write(folder.join("notes.sqlite3"), "not what it was").expect("written");
    }))
    .await;
    assert!(rig.text().contains("is damaged or"), "{}", rig.text());
    rig.press("k ");
    assert!(rig.model.notice.as_ref().is_some_and(Notice::is_bad));
    assert!(rig.model.rows.marks().is_empty());
    rig.press("6");
    assert!(rig.text().contains("marks     not stored"), "{}", rig.text());
    assert!(rig.model.sources.first().board.get(Part::Journal).fault().is_none(), "the journal is well");
}

fn save(rig: &mut Rig, filters: &[(&str, &str)]) {
    let saved = filters.iter().map(|(name, query)| Saved { name: (*name).into(), query: (*query).into() });
    rig.model.workspace.saved = saved.collect();
}

#[tokio::test]
async fn the_palette_finds_and_gives_commands() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    save(&mut rig, &[("admins", "kind:admin")]);
    rig.press(":nm");
    assert!(rig.text().contains("next_mark"), "{}", rig.text());
    rig.press("<^u>mar<down>");
    at_every_size("palette", &mut rig);
    rig.press("<^u>half<down>");
    assert!(rig.text().contains("half_up"), "{}", rig.text());
    rig.press("<up><up><^u>order<enter>");
    assert!(rig.model.prompt.is_none() && rig.model.list.is_newest_first());
    rig.press(":admins<enter>");
    assert_eq!(rig.model.filter.as_ref().map(|filter| filter.query().text()), Some("kind:admin"));
    rig.press("<esc>:zzzz<enter>");
    assert!(rig.text().contains("No command matches"), "{}", rig.text());
    rig.press(":quit<esc>");
    assert!(rig.model.prompt.is_none());
    // Pasted text is inserted and runs no command.
    rig.press(":");
    rig.tell(Msg::Paste("quit\r\n\u{1b}[2J".to_owned()));
    assert_eq!(rig.model.prompt.as_ref().map(|prompt| prompt.text.as_str()), Some("quit   [2J"));
    // The palette offers the commands of the current page.
    rig.press("<esc>6:");
    assert!(rig.text().contains("Commands: ") && !rig.text().contains("go_to_time"), "{}", rig.text());
    rig.press("help<enter>");
    assert_eq!(rig.model.mode(), Mode::Help);
}

#[tokio::test]
async fn the_page_of_keys_is_searched() {
    let mut rig = Rig::start(backlog(5), 80, 24).await;
    rig.press("?/mark row");
    at_every_size("help-find", &mut rig);
    rig.press("<enter>");
    assert!(
        rig.text().contains("next marked row") && !rig.text().contains("one line down"),
        "{}",
        rig.text()
    );
    rig.press("/<^u>nothing of the kind<enter>");
    assert!(rig.text().contains("No key matches"), "{}", rig.text());
    rig.press("/<esc>");
    assert!(rig.text().contains("one line down"), "{}", rig.text());
}

#[tokio::test]
async fn keys_that_were_changed_are_those_of_dispatch_help_and_hints() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    let before = here(&rig);
    let key = |key: &str| vec![key.to_owned()];
    let changes = [("up", key("w")), ("help", key("x")), ("quit", key("Q"))];
    let changes = changes.iter().map(|(name, keys)| (*name, keys.as_slice()));
    rig.model.workspace.keymap = Keymap::changed(changes).expect("good keys");
    rig.press("k");
    assert_eq!(here(&rig), before);
    rig.press("w");
    assert_ne!(here(&rig), before);
    assert!(rig.text().contains(" x help") && rig.text().contains("Q quit"), "{}", rig.text());
    rig.press("H");
    assert!(!rig.text().contains("Q quit"), "{}", rig.text());
    rig.press("x");
    assert!(rig.text().contains(" w             one line up"), "{}", rig.text());
}

#[tokio::test]
async fn saved_filters_are_picked_and_used_ones_come_back() {
    let mut rig = Rig::start(backlog(120), 80, 24).await;
    rig.press("<^f>");
    assert!(rig.text().contains("No filter is saved"), "{}", rig.text());
    save(
        &mut rig,
        &[("admins, both ways", "kind:admin"), ("broken by time", "("), ("revoked", "kind:revoke")],
    );
    at_every_size("filters", &mut rig);
    rig.tell(Msg::Resize(140, 40));
    rig.press("jj<enter>");
    assert_eq!((rig.model.mode(), listed(&rig) < 120), (Mode::List, true));
    rig.press("<^f>j<enter>");
    assert!(rig.text().contains("The filter broken by time cannot be used"), "{}", rig.text());
    let filter = |rig: &Rig| rig.model.filter.as_ref().map(|filter| filter.query().text().to_owned());
    assert_eq!(filter(&rig).as_deref(), Some("kind:revoke"));
    rig.press("f<^u>via:poll<enter>f<^u>kind:grant<enter>f<^u>vi<up><up>");
    assert_eq!(filter(&rig).as_deref(), Some("via:poll"));
    rig.press("<down><down>");
    assert_eq!(rig.model.prompt.as_ref().map(|prompt| prompt.text.as_str()), Some("vi"));
    rig.press("<up><up><up><up><up><enter>");
    assert_eq!(filter(&rig).as_deref(), Some("kind:revoke"));
    // They are kept for the next start of the screen.
    let mut rig = rig.restart(|_| {}).await;
    assert_eq!(rig.model.workspace.history, ["kind:revoke", "kind:grant", "via:poll"]);
    // The applied filter is restored, so the next older one is the one before it.
    rig.press("f<up><enter>");
    assert_eq!(filter(&rig).as_deref(), Some("kind:grant"));
}

#[tokio::test]
async fn the_place_is_found_again() {
    let mut rig = Rig::start(backlog(120), 140, 40).await;
    rig.press("fkind:grant<enter>kkkkk<enter>CJJ<esc>iH");
    let (row, count, frame) = (here(&rig), listed(&rig), rig.text());
    let mut rig = rig.restart(|_| {}).await;
    assert_eq!((here(&rig), listed(&rig), rig.model.list.is_following()), (row, count, false));
    // The row's position in the window is not kept.
    for words in ["filter: kind:grant", "Consent ", "a column"] {
        assert!(rig.text().contains(words) && frame.contains(words), "{words}\n{}", rig.text());
    }
    assert!(!rig.text().contains("? help"));
    rig.press("f<up>");
    assert!(rig.text().contains("filter: kind:grant"), "{}", rig.text());
}

#[tokio::test]
async fn columns_are_chosen_ordered_and_sized_while_the_list_shows_it() {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    let header = |rig: &Rig| {
        let text = rig.text();
        let line = text.lines().nth(1).unwrap_or_default();
        // The heading also contains the domain that most people share.
        let heads = line.split_whitespace().filter(|word| !word.starts_with('@'));
        heads.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(header(&rig), "TIME KIND WHO CLIENT SERVER SCOPES STATE FROM VIA");
    // The hidden column AGE is shown first, and KIND is hidden.
    rig.press("Cj<enter>K");
    assert_eq!(rig.model.mode(), Mode::Columns);
    assert!(header(&rig).starts_with("AGE TIME KIND WHO"), "{}", header(&rig));
    rig.press("jj<enter>");
    assert!(header(&rig).starts_with("AGE TIME WHO"), "{}", header(&rig));
    // A width is changed starting from the visible one.
    rig.press("j--");
    let who = rig.model.shape.entries()[3].width;
    assert!(who.is_some_and(|width| (16..30).contains(&width)), "{who:?}");
    at_every_size("columns", &mut rig);
    rig.tell(Msg::Resize(140, 40));
    rig.press("=<esc>");
    assert_eq!(rig.model.shape.entries()[3].width, None);
    let words = rig.model.shape.words();
    // They are kept after a restart, even with `--fresh`. A key restores those of the configuration.
    let rig = rig.restart(|_| {}).await;
    assert_eq!(rig.model.shape.words(), words);
    let mut rig = rig.restart_fresh().await;
    assert_eq!(rig.model.shape.words(), words);
    rig.press("Cd<esc>");
    assert_eq!(header(&rig), "TIME KIND WHO CLIENT SERVER SCOPES STATE FROM VIA");
    // The last column cannot be hidden.
    rig.press("C");
    for _ in 0..12 {
        rig.press("<enter>j");
    }
    assert_eq!(rig.model.shape.entries().iter().filter(|entry| entry.is_shown).count(), 1);
    // If the configured columns have changed, they replace the stored ones.
    rig.model.workspace.columns_from = rig.model.shape.clone();
    let kept = rig.model.place();
    let mut other = rig.restart_fresh().await;
    other.tell(Msg::Place(kept.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()));
    assert_eq!(header(&other), "TIME KIND WHO CLIENT SERVER SCOPES STATE FROM VIA");
}

#[tokio::test]
async fn the_screen_comes_back_where_it_was_left() {
    let mut rig = Rig::start(backlog(1300), 80, 24).await;
    // A row older than the newest thousand, which are read first.
    rig.press("HoGf<^u>via:poll<enter><pgup>");
    let (place, count) = (here(&rig), listed(&rig));
    let seen = rig.text();
    let rig = rig.restart(|_| {}).await;
    assert_eq!((here(&rig), listed(&rig)), (place, count));
    assert!(!rig.model.list.is_following() && rig.model.list.is_newest_first());
    assert!(rig.model.workspace.hides_hints);
    assert_eq!(rig.text().lines().next(), seen.lines().next());
    let remake = |folder: &std::path::Path| {
        for file in ["journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"] {
            std::fs::remove_file(folder.join(file)).ok();
        }
    };
    let of = |rig: &Rig| rig.model.rows.key(rig.model.list.cursor().expect("a row")).0;
    let at = of(&rig);
    let rig = rig.restart(remake).await;
    assert_eq!(of(&rig), at, "in a journal made anew it is the same event");
    let mut rig = rig.restart_fresh().await;
    assert!(rig.model.filter.is_none() && rig.model.list.is_following() && !rig.model.list.is_newest_first());
    // Following the newest row is restored too, and so are the other pages. The mask stays on.
    rig.press("p3");
    let mut rig = rig.restart(|_| {}).await;
    assert!(rig.model.list.is_following() && rig.model.mask.is_on());
    assert_eq!(rig.model.mode(), Mode::Pivot);
    rig.press("15");
    let mut rig = rig.restart(|_| {}).await;
    assert_eq!(rig.model.mode(), Mode::Readiness);
    rig.press("p6");
    let rig = rig.restart(|_| {}).await;
    assert_eq!((rig.model.mode(), rig.model.mask.is_on()), (Mode::Sources, false));
}

#[tokio::test]
async fn a_place_that_is_gone_becomes_the_nearest_in_time() {
    let mut rig = Rig::start(backlog(200), 80, 24).await;
    rig.press("gjjj");
    let key = rig.model.rows.key(rig.model.list.cursor().expect("a row"));
    let rig = rig
        .restart(|folder| {
            let conn = rusqlite::Connection::open(folder.join("journal.sqlite3")).expect("the journal");
            conn.execute("DELETE FROM event WHERE ts = ?1", [key.0]).expect("cut");
        })
        .await;
    assert!(!rig.model.list.is_following());
    let cursor = rig.model.list.cursor().expect("a row");
    assert_ne!(rig.model.rows.key(cursor), key);
    let line = rig.model.list.window(&rig.model.rows, 200).cursor;
    assert!(line.is_some_and(|line| line <= 4), "{line:?}");
}

#[tokio::test]
async fn what_is_copied_is_said_and_can_be_shown_instead() {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    rig.press("k<enter>");
    for (keys, what) in [("yw", "who"), ("yj", "the event"), ("yy", "the line")] {
        rig.press(keys);
        assert!(rig.text().contains(&format!("Copied {what}, ")), "{}", rig.text());
    }
    let copied = rig.copied();
    assert_eq!(copied.len(), 3);
    assert!(copied[1].starts_with('{') && copied[2].split('\t').count() == 8);
    rig.press("pyw");
    assert!(rig.copied()[3].starts_with("person-"), "{:?}", rig.copied());
    rig.press("yv");
    assert!(rig.text().contains("person-"), "{}", rig.text());
    rig.press("<esc>y<esc>");
    assert_eq!(rig.copied().len(), 4);
}

#[tokio::test]
async fn the_mouse_goes_where_it_points() {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    rig.tell(Msg::Wheel { down: false });
    assert!(!rig.model.list.is_following());
    let before = here(&rig);
    rig.tell(Msg::Click(20, 5));
    assert_ne!(here(&rig), before);
    rig.tell(Msg::Click(20, 5));
    assert!(rig.model.opened.is_some());
    rig.tell(Msg::Click(120, 10));
    assert_eq!(rig.model.mode(), Mode::Detail);
    // On a page of choices, a click selects a line, and a second one chooses it.
    save(&mut rig, &[("admins", "kind:admin"), ("revoked", "kind:revoke")]);
    rig.press("<^f>");
    rig.tell(Msg::Click(3, 0));
    rig.tell(Msg::Click(3, 30));
    assert_eq!(rig.model.workspace.at, 0);
    rig.tell(Msg::Click(3, 2));
    assert_eq!((rig.model.workspace.at, rig.model.mode()), (1, Mode::Filters));
    rig.tell(Msg::Click(3, 2));
    assert_eq!(rig.model.filter.as_ref().map(|filter| filter.query().text()), Some("kind:revoke"));
    rig.press("C");
    rig.tell(Msg::Click(3, 2));
    assert_eq!(rig.model.workspace.at, 0, "beside the page nothing happens");
    let page = rig.model.choices_page();
    rig.tell(Msg::Click(page.x + 3, page.y + 3));
    rig.tell(Msg::Click(page.x + 3, page.y + 3));
    assert!(!rig.model.shape.entries()[2].is_shown);
    rig.press("<esc>:");
    rig.tell(Msg::Wheel { down: true });
    assert_eq!(rig.model.workspace.at, 1);
    rig.press("<esc>");
    for (column, row) in [(0, 0), (500, 500), (139, 39), (20, 37)] {
        rig.tell(Msg::Click(column, row));
    }
}

/// Presses a key and returns the file that the model requests.
fn ordered(rig: &mut Rig, key: Key) -> SaveOrder {
    let effects = update(&mut rig.model, Msg::Key(Chord::plain(key)));
    let [Effect::Save(order)] = effects.as_slice() else { panic!("no file is asked for: {effects:?}") };
    order.clone()
}

#[tokio::test]
async fn every_format_can_be_reached_on_a_small_screen() {
    let mut rig = Rig::start(backlog(5), 40, 10).await;
    rig.press("S");
    let chosen = |rig: &Rig| {
        rig.text().lines().find_map(|line| line.strip_prefix('▌').map(str::to_owned)).unwrap_or_default()
    };
    for format in ExportFormat::ALL {
        assert!(chosen(&rig).starts_with(format.ending()), "{format:?}: {}", chosen(&rig));
        rig.press("j");
    }
    // A click selects the line under it, even if the list of formats is scrolled.
    for row in [1, 4, 8] {
        rig.press("gjjjjjj");
        let line = rig.text().lines().nth(usize::from(row)).expect("a line").to_owned();
        rig.tell(Msg::Click(5, row));
        assert_eq!(Some(chosen(&rig).as_str()), line.strip_prefix(' '), "row {row}");
    }
}

#[tokio::test]
async fn what_is_saved_is_what_was_chosen() {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    rig.press("fkind:revoke<enter>");
    let order = ordered(&mut rig, Key::Char('s'));
    let listed = listed(&rig);
    assert_eq!((order.format, order.seqs.len()), (ExportFormat::Snapshot, listed));
    assert_eq!(order.filter.as_deref(), Some("kind:revoke"));
    assert!(rig.text().contains("saving 0 %"), "{}", rig.text());
    rig.tell(Msg::Saved(Notice::plain("12 consents written.")));
    assert!(rig.text().contains("12 consents written."));
    rig.press("k mwhy<enter>OSj<tab><tab>");
    at_every_size("save", &mut rig);
    let order = ordered(&mut rig, Key::Enter);
    assert_eq!((order.format, order.extent, order.seqs.len()), (ExportFormat::Jsonl, Extent::Marked, 1));
    assert_eq!(order.notes.values().collect::<Vec<_>>(), ["why"]);
    // A file is in the order of time, independent of the order on the screen.
    rig.tell(Msg::Saved(Notice::plain(String::new())));
    rig.press("<esc>S");
    let order = ordered(&mut rig, Key::Enter);
    let times: Vec<i64> = order
        .seqs
        .iter()
        .map(|seq| rig.model.rows.get(rig.model.rows.find(*seq).expect("a row")).published_ms)
        .collect();
    assert!(times.is_sorted());
}

#[tokio::test]
async fn a_file_is_written_while_the_screen_goes_on() {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    rig.press("fkind:revoke<enter>s");
    rig.until("the file", |rig| rig.text().contains("consents written to")).await;
    let files: Vec<_> = std::fs::read_dir(rig.folder.path().join("snapshots"))
        .expect("the folder")
        .map(|entry| std::fs::read(entry.expect("a file").path()).expect("its bytes"))
        .collect();
    let [file] = &files[..] else { panic!("{} files", files.len()) };
    let snapshot: serde_json::Value = serde_json::from_slice(file).expect("JSON");
    assert_eq!(snapshot["consents"].as_array().map(Vec::len), Some(listed(&rig)));
    assert_eq!(snapshot["filter"], "kind:revoke");
}

/// Presses a key with Control and returns the model's effects.
fn control(rig: &mut Rig, c: char) -> Vec<Effect> {
    update(&mut rig.model, Msg::Key(Chord::ctrl(c)))
}

#[tokio::test]
async fn nothing_keeps_a_person_from_leaving() {
    let mut rig = Rig::start(backlog(20), 80, 24).await;
    // The prompt for what to copy accepts only characters.
    rig.press("y");
    assert_eq!(control(&mut rig, 'c'), [Effect::Interrupt]);
    ordered(&mut rig, Key::Char('s'));
    let quit = |rig: &mut Rig| update(&mut rig.model, Msg::Key(Chord::char('q')));
    assert_eq!(quit(&mut rig), []);
    assert!(rig.text().contains("A file is being written"), "{}", rig.text());
    assert_eq!(control(&mut rig, 'c'), [Effect::Interrupt]);
    rig.tell(Msg::Saved(Notice::plain("written")));
    assert_eq!(quit(&mut rig), [Effect::Quit]);
}

#[tokio::test]
async fn a_filter_that_goes_gives_its_look_up_up() {
    let mut rig = Rig::start(backlog(20), 80, 24).await;
    rig.press("fmessage:x");
    assert_eq!(rig.model.whole_reads.left(), Some((20, 20)));
    let effects = update(&mut rig.model, Msg::Key(Chord::plain(Key::Esc)));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::ForgetLookUp(_))), "{effects:?}");
    assert_eq!(rig.model.whole_reads.left(), None);
    // A journal that cannot be read is reported, and not treated as no match.
    rig.press("fmessage:x<enter>");
    let number = 11;
    let trouble = Some("The journal cannot be read.".to_owned());
    rig.tell(Msg::LookedUp { number, found: Vec::new(), looked: 1, trouble });
    assert!(rig.text().contains("The journal cannot be read."), "{}", rig.text());
}

#[tokio::test]
async fn a_storm_of_keys_is_one_look() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    rig.press("f");
    for c in "kind:revoke".chars() {
        assert_eq!(update(&mut rig.model, Msg::Key(Chord::char(c))), [Effect::Work]);
    }
    assert!(rig.model.filter.is_none(), "keys that wait come first");
    rig.press("<enter>");
    let revoked = listed(&rig);
    assert!(revoked < 60 && rig.model.filter.is_some());
    // The end of a long line is visible, with the error in it.
    rig.press(&format!("f<^u>{} or (", "x".repeat(300)));
    let text = rig.text();
    let foot = text.lines().rev().find(|line| line.contains("filter:")).unwrap_or_default();
    assert!(foot.contains("xx or (") && foot.contains("at "), "{foot}");
}
