//! Tests of fetching older history, and of how that changes the coverage.

use super::*;
use crate::consent::HistoryMark;

/// Returns a mark whose times are in minutes after the first sample.
fn history(top: i64, whole: i64, goal: i64) -> HistoryMark {
    let at = |minutes: i64| start().checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
    HistoryMark {
        query: "grant".to_owned(),
        goal: at(goal),
        top: at(top),
        whole_from: at(whole),
        from: at(whole - 60),
        next: Some("/api/v1/logs?after=1".to_owned()),
    }
}

#[tokio::test]
async fn history_moves_the_beginning_only_when_it_is_whole_and_joins() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let put = async |mark: HistoryMark| {
        journal.append(Batch { history: Some(mark), ..Batch::default() }).await.unwrap();
        reader.coverage(OrgId(0)).unwrap().complete_since.map(|since| since.duration_since(start()).as_mins())
    };
    // Before the live poll caught up, nothing is complete and nothing can join it.
    assert_eq!(put(history(5, -60, -600)).await, None);
    journal.append(Batch { bookmark: Some(bookmark("n")), ..Batch::default() }).await.unwrap();
    assert_eq!(put(history(-1, -60, -600)).await, Some(0), "a minute lies between");
    assert_eq!(put(history(5, 5, -600)).await, Some(0), "its first stretch is not whole");
    assert_eq!(put(history(5, -60, -600)).await, Some(-60));
    let mark = history(5, -120, -600);
    assert_eq!(put(mark.clone()).await, Some(-120));
    assert_eq!(reader.history(OrgId(0)).unwrap(), Some(mark));
    assert_eq!(put(history(5, -600, -600)).await, Some(-600));
    assert_eq!(reader.history(OrgId(0)).unwrap(), None, "there is nothing to go on with");
    // A later start of the live poll does not shorten what is complete.
    journal.append(Batch { bookmark: Some(bookmark("m")), ..Batch::default() }).await.unwrap();
    assert_eq!(reader.coverage(OrgId(0)).unwrap().complete_since.unwrap(), history(5, -600, 0).whole_from);
}

#[tokio::test]
async fn history_closes_the_gaps_that_it_filled() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let at = |minutes: i64| start().checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
    for (from, to) in [(-90, -80), (-50, -30), (-20, 40), (-100, -99)] {
        let gap = Gap { from: at(from), to: at(to), why: "The cursor was no longer known.".to_owned() };
        journal.append(Batch { gap: Some(gap), ..Batch::default() }).await.unwrap();
    }
    let left = async |mark: HistoryMark| {
        journal.append(Batch { history: Some(mark), ..Batch::default() }).await.unwrap();
        let gaps = Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().gaps;
        let mins = |time: Timestamp| time.duration_since(start()).as_mins();
        gaps.into_iter().map(|gap| (mins(gap.from), mins(gap.to))).collect::<Vec<_>>()
    };
    assert_eq!(left(history(5, -40, -600)).await, [(-100, -99), (-90, -80), (-50, -40), (-20, 40)]);
    assert_eq!(left(history(45, -85, -600)).await, [(-100, -99), (-90, -85)]);
    assert_eq!(left(history(45, -95, -600)).await, [(-100, -99)]);
}

#[tokio::test]
async fn history_is_not_late_and_late_rows_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    journal.append(Batch { bookmark: Some(bookmark("n")), ..polled(500..501) }).await.unwrap();
    let late = || Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().late;
    let mark = Some(history(5, -60, -600));
    journal.append(Batch { history: mark.clone(), ..polled(0..20) }).await.unwrap();
    assert_eq!(late(), 0);
    journal.append(polled(10..30)).await.unwrap();
    assert_eq!(late(), 10, "those that history had brought came again, the others came late");
    // Events of the live poll do not count as late because history was fetched ahead of it.
    journal.append(Batch { history: mark, ..polled(900..901) }).await.unwrap();
    journal.append(polled(501..502)).await.unwrap();
    assert_eq!(late(), 10);
    let rows = Reader::open(dir.path()).unwrap().newest(99).unwrap().rows;
    assert_eq!(rows.iter().filter(|row| row.late).count(), 10);
    journal.close().await;
    let mut store = store(dir.path(), Settings { keep_rows: 5, ..Settings::default() });
    while store.prune_some(start()).unwrap() {}
    assert_eq!(Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().late, 3);
}
