//! Reads from the journal what is to be published next.

use std::io;

use crate::consent::{Label, OrgId, Rev};
use crate::journal::{Published, ReadError, Reader};
use crate::report::Coverage;
use crate::team::{State, TeamBookmark, TeamListening, TeamPage, TeamPoll, TeamRow, TeamSide, Through};

/// The most rows of a page.
const ROWS_MAX: usize = 500;
/// About how many bytes of events a page has before it is packed.
const BYTES: usize = 1_000_000;
/// The most labels that are read at a time.
const LABELS_MAX: usize = 1000;

/// What is to be published next.
pub(super) struct Next {
    /// The names, which come before the page.
    pub(super) labels: Vec<Label>,
    /// The page, or `None` if it has nothing.
    pub(super) page: Option<TeamPage>,
    /// How far the journal is published after all that.
    pub(super) published: Published,
    /// Whether there is more.
    pub(super) has_more: bool,
    /// What the state says of the journal, read in the same moment, if there is nothing more.
    pub(super) facts: Option<Facts>,
}

/// What the state of an org says of its journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Facts {
    pub(super) bookmark: Option<TeamBookmark>,
    pub(super) coverage: Coverage,
    pub(super) polled: Option<TeamPoll>,
    pub(super) listening: Option<TeamListening>,
}

impl Facts {
    /// Returns a state of the org with these facts.
    pub(super) fn state(&self, base: State) -> State {
        State {
            bookmark: self.bookmark.clone(),
            complete_since: self.coverage.complete_since,
            gaps: self.coverage.gaps.clone(),
            polled: self.polled,
            listening: self.listening,
            ..base
        }
    }
}

/// Reads what comes after what is published.
///
/// # Errors
/// The journal cannot be read.
pub(super) fn next(reader: &Reader, org: OrgId, published: &Published) -> Result<Next, ReadError> {
    reader.hold()?;
    let next = read(reader, org, published);
    reader.release()?;
    next
}

fn read(reader: &Reader, org: OrgId, published: &Published) -> Result<Next, ReadError> {
    let head = reader.head()?;
    let mut page = TeamPage::default();
    let mut now = published.clone();
    let (labels, last_label, has_more_labels) = reader.labels_changed(org, published.change, LABELS_MAX)?;
    let (rows, last_row, is_full) = reader.records_of(org, published.row, ROWS_MAX)?;
    let mut bytes = 0;
    let mut is_cut = false;
    for stored in &rows {
        let row = TeamRow::of(stored);
        bytes += row.size();
        page.rows.push(row);
        now.row = stored.seq;
        if bytes >= BYTES {
            is_cut = true;
            break;
        }
    }
    if !is_cut {
        now.row = last_row.unwrap_or(now.row);
    }
    let has_more_rows = is_cut || is_full;
    let mut has_more = has_more_rows;
    if !has_more_rows {
        // A row that is new is published as it is now, and need not come again.
        now.row = head.last.max(now.row);
        let (changed, last_change, has_more_changed) =
            reader.records_changed(org, published.change, ROWS_MAX)?;
        let is_all = !has_more_changed;
        page.rows.extend(changed.iter().filter(|stored| stored.seq <= published.row).map(TeamRow::of));
        let (sides, last_side, has_more_sides) = reader.sides_after(org, published.side, ROWS_MAX)?;
        page.sides =
            sides.into_iter().map(|side| TeamSide { raw: side.raw, received: side.received }).collect();
        now.side = last_side.unwrap_or(now.side);
        // Rows and names have one count of changes, so it rises only as far as both are read.
        now.change = match (is_all, has_more_labels) {
            (true, false) => head.change,
            (true, true) => last_label.unwrap_or(head.change),
            (false, false) => last_change.unwrap_or(head.change),
            (false, true) => min(last_label, last_change).unwrap_or(head.change),
        };
        has_more = !is_all || has_more_sides || has_more_labels;
    }
    page.through = through(&now);
    let is_empty = page.rows.is_empty() && page.sides.is_empty();
    let facts = if has_more { None } else { Some(facts(reader, org)?) };
    Ok(Next {
        labels: if has_more_rows { Vec::new() } else { labels },
        page: (!is_empty).then_some(page),
        published: now,
        has_more,
        facts,
    })
}

fn min(one: Option<Rev>, other: Option<Rev>) -> Option<Rev> {
    one.into_iter().chain(other).min()
}

fn facts(reader: &Reader, org: OrgId) -> Result<Facts, ReadError> {
    let coverage = reader.coverage(org)?;
    let polling = reader.polling(org)?;
    let bookmark = reader.bookmark(org)?.map(|mark| TeamBookmark {
        query: mark.query,
        next: mark.next,
        last_published: mark.last_published,
        since: mark.since,
        caught_up: mark.caught_up,
    });
    let polled = coverage.last_good_poll.map(|at| TeamPoll {
        at,
        caught_up: polling.last_good.is_some() && polling.caught_up == polling.last_good,
        interval_ms: polling.interval.map_or(0, |interval| interval.as_millis() as u64),
    });
    let listening = reader.last_listening(org)?.map(|period| TeamListening {
        since: period.since,
        until: period.until,
        verified: period.verified,
    });
    Ok(Facts { bookmark, coverage, polled, listening })
}

/// Returns a place as messages have it.
pub(super) fn through(published: &Published) -> Through {
    Through { row: published.row.0, change: published.change.0, side: published.side }
}

/// Returns the bodies of the messages for a page, each with the place after it. A page that is too large is cut in halves;
/// a row that is too large alone is left out and counted in `left_out`.
///
/// # Errors
/// The library has no memory left.
pub(super) fn bodies(
    page: TeamPage,
    before: Through,
    largest: usize,
    left_out: &mut u64,
) -> io::Result<Vec<(Vec<u8>, Through)>> {
    let body = page.to_body()?;
    if body.len() <= largest {
        return Ok(vec![(body, page.through)]);
    }
    let TeamPage { through, mut rows, mut sides } = page;
    if rows.len() + sides.len() <= 1 {
        *left_out += 1;
        return Ok(Vec::new());
    }
    let (rows_after, sides_after) =
        (rows.split_off(rows.len().div_ceil(2)), sides.split_off(sides.len().div_ceil(2)));
    // Until the second half is stored, nothing of the page is.
    let mut all = bodies(TeamPage { through: before, rows, sides }, before, largest, left_out)?;
    all.extend(bodies(
        TeamPage { through, rows: rows_after, sides: sides_after },
        before,
        largest,
        left_out,
    )?);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> TeamRow {
        TeamRow {
            raw: text.into(),
            part: 0,
            digest: None,
            via: 1,
            received: jiff::Timestamp::UNIX_EPOCH,
            person: None,
            evidence: 0,
            hook: None,
            hook_copy: None,
        }
    }

    #[test]
    fn a_page_that_is_too_large_comes_in_pieces_and_only_the_last_moves_the_place() {
        let noise = |seed: u64| {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                format!("{:08x}", state >> 32)
            };
            (0..200).map(|_| next()).collect::<String>()
        };
        let rows: Vec<TeamRow> = (0..7).map(|seed| row(&noise(seed))).collect();
        let huge: String = (10..60).map(noise).collect();
        let mut with_huge = rows.clone();
        with_huge.insert(3, row(&huge));
        let (before, through) =
            (Through { row: 1, ..Through::default() }, Through { row: 9, ..Through::default() });
        let mut left_out = 0;
        let page = TeamPage { through, rows: with_huge, sides: Vec::new() };
        let pieces = bodies(page, before, 4000, &mut left_out).unwrap();
        assert_eq!(left_out, 1);
        assert!(pieces.iter().all(|(body, _)| body.len() <= 4000));
        let read: Vec<TeamRow> =
            pieces.iter().flat_map(|(body, _)| TeamPage::of_body(body).unwrap().rows).collect();
        assert_eq!(read, rows);
        let places: Vec<Through> = pieces.iter().map(|(_, place)| *place).collect();
        assert_eq!(places.last(), Some(&through));
        assert!(places.iter().rev().skip(1).all(|place| *place == before), "{places:?}");
    }
}
