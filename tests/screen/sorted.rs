//! A list sorted by a column. The loop sorts when it has nothing else to do.

use std::time::Duration;

use consentwatch::consent::{Row, Seq, Sym};
use consentwatch::model::{Column, Order};

use crate::rig::{Rig, backlog};

const POLL: Duration = Duration::from_secs(11);

/// Returns the listed rows, top to bottom.
fn listed(rig: &Rig) -> Vec<Row> {
    let rows = &rig.model.rows;
    rig.model.list.shown().into_iter().flatten().map(|at| rows.get(*at)).collect()
}

/// Returns the rows of the screen sorted by scopes by the test's own rule: rows without scopes last, equal rows by
/// time.
fn by_scopes(rig: &Rig) -> Vec<Seq> {
    let rows = &rig.model.rows;
    let mut all: Vec<Row> = rows.order().iter().map(|at| rows.get(*at)).collect();
    all.sort_by_key(|row| {
        let scopes = rows.symbols().joined(row.scopes);
        (row.scopes == Sym(0), scopes.to_lowercase(), scopes.to_owned(), row.published_ms, row.seq)
    });
    all.iter().map(|row| row.seq).collect()
}

fn seqs(rows: &[Row]) -> Vec<Seq> {
    rows.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn the_loop_finds_the_order_of_a_column_and_new_rows_go_where_they_belong() {
    let mut rig = Rig::start(backlog(300), 140, 40).await;
    while rig.model.order.as_ref().is_none_or(|order| order.column() != Column::Scopes) {
        rig.press("O");
    }
    assert_eq!(rig.model.order.as_ref().and_then(Order::percent), None, "it was found");
    assert_eq!(seqs(&listed(&rig)), by_scopes(&rig));
    assert_ne!(by_scopes(&rig), by_scopes(&rig).into_iter().rev().collect::<Vec<_>>());
    // The cursor stays on its row.
    rig.press("kkkkk");
    let here = rig.model.list.cursor();
    // A few new rows are inserted one by one, many are sorted again, and one may be late.
    for count in [1, 7, 200] {
        let before = listed(&rig).len();
        rig.org.emit(count);
        rig.org.emit_late(Duration::from_hours(19));
        rig.advance(POLL).await;
        assert_eq!(listed(&rig).len(), before + count + 1);
        assert_eq!(seqs(&listed(&rig)), by_scopes(&rig), "after {count} more");
        assert_eq!(rig.model.list.cursor(), here);
    }
    // The screen shows the list: the line under the cursor has the row's scopes.
    let window = rig.model.list.window(&rig.model.rows, usize::from(rig.model.regions().list.height));
    let cells: Vec<String> = rig.text().lines().map(str::to_owned).collect();
    let top = usize::from(rig.model.regions().list.y);
    let symbols = rig.model.rows.symbols();
    let mut compared = 0;
    for (line, at) in window.rows.iter().enumerate() {
        let scopes = symbols.joined(rig.model.rows.get(*at).scopes);
        if let Some(first) =
            scopes.split(|c: char| c.is_control() || c == ' ').next().filter(|first| first.len() < 12)
        {
            assert!(cells[top + line].contains(first), "{scopes:?} in {}", cells[top + line]);
            compared += 1;
        }
    }
    assert!(compared > 5, "{compared} lines were compared:\n{}", rig.text());
}
