//! What the journal has to say, as messages. One path for the start, the live feed and catching up.

use tokio::sync::watch;

use crate::consent::{Rev, Seq};
use crate::journal::{Head, ReadError, Reader};
use crate::model::Msg;
use crate::okta;
use crate::report::{Board, Coverage, Part, Pulse};

/// Pulls rows out of a journal, newest first at the start, then upwards as they come and downwards behind that.
#[derive(Debug)]
pub struct Source {
    reader: Reader,
    head: watch::Receiver<Head>,
    board: watch::Receiver<Board>,
    told_board: Option<Board>,
    told_coverage: Option<Coverage>,
    seen: Head,
    oldest: Seq,
    listed: u64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Starting,
    Older,
    Done,
}

/// Rows of the first frame.
const FIRST: usize = 1000;
/// Rows of one look while they come; 1.3 ms of reading.
const LIVE: usize = 1000;
/// Rows of one look behind the first frame: keys wait at most this long, some 10 ms.
const OLDER: usize = 4000;

impl Source {
    /// Begins before the first row.
    pub fn new(reader: Reader, head: watch::Receiver<Head>, board: watch::Receiver<Board>) -> Self {
        Self {
            reader,
            head,
            board,
            told_board: None,
            told_coverage: None,
            seen: Head::default(),
            oldest: Seq(0),
            listed: 0,
            phase: Phase::Starting,
        }
    }

    /// Adds what is due as messages and returns whether there is more at once. What cannot be read becomes the
    /// journal's state on the board.
    pub fn pull(&mut self, msgs: &mut Vec<Msg>) -> bool {
        match self.try_pull(msgs) {
            Ok(more) => {
                let board = self.board.borrow_and_update().clone();
                self.tell_board(board, msgs);
                more
            }
            Err(error) => {
                let mut board = self.board.borrow_and_update().clone();
                board.set(Part::Journal, Pulse::Down(error.fault()));
                self.tell_board(board, msgs);
                false
            }
        }
    }

    fn tell_board(&mut self, board: Board, msgs: &mut Vec<Msg>) {
        if self.told_board.as_ref() != Some(&board) {
            self.told_board = Some(board.clone());
            msgs.push(Msg::Board(Box::new(board)));
        }
    }

    fn try_pull(&mut self, msgs: &mut Vec<Msg>) -> Result<bool, ReadError> {
        let head = *self.head.borrow_and_update();
        let mut more = false;
        if self.phase == Phase::Starting {
            self.start(head, msgs)?;
            more = true;
        } else if head.last > self.seen.last {
            let page = self.reader.after(self.seen.last, LIVE)?;
            // A row that is announced and cannot be seen was cut again; the head is then where we are.
            self.seen.last = page.rows.last().map_or(head.last, |row| row.seq);
            self.listed += page.rows.len() as u64;
            more = self.seen.last < head.last;
            msgs.push(Msg::Committed(page));
        } else if head.change > self.seen.change {
            let page = self.reader.changed(self.seen.change, LIVE)?;
            let last = page.rows.iter().map(|row| row.rev).max();
            self.seen.change = match last {
                Some(rev) if page.rows.len() == LIVE => rev,
                _ => head.change,
            };
            more = self.seen.change < head.change;
            msgs.push(Msg::Changed(page));
        } else if self.phase == Phase::Older {
            let page = self.reader.before(self.oldest, OLDER)?;
            self.listed += page.rows.len() as u64;
            let left = match page.rows.first() {
                Some(row) => {
                    self.oldest = row.seq;
                    self.reader.counts()?.rows.saturating_sub(self.listed)
                }
                None => 0,
            };
            if left == 0 {
                self.phase = Phase::Done;
            }
            more = self.phase == Phase::Older;
            msgs.push(Msg::Older { page, left });
        }
        let coverage = self.reader.coverage()?;
        if self.told_coverage.as_ref() != Some(&coverage) {
            self.told_coverage = Some(coverage.clone());
            msgs.push(Msg::Coverage(coverage));
        }
        Ok(more)
    }

    /// The newest thousand. The head is read before them, so nothing falls between.
    fn start(&mut self, head: Head, msgs: &mut Vec<Msg>) -> Result<(), ReadError> {
        let page = self.reader.newest(FIRST)?;
        self.seen = Head { last: page.rows.last().map_or(Seq(0), |row| row.seq), change: head.change };
        self.oldest = page.rows.first().map_or(Seq(0), |row| row.seq);
        self.listed = page.rows.len() as u64;
        let left = self.reader.counts()?.rows.saturating_sub(self.listed);
        self.phase = if left == 0 { Phase::Done } else { Phase::Older };
        msgs.push(Msg::Older { page, left });
        Ok(())
    }

    /// Waits until the journal or a part says something new.
    pub async fn moved(&mut self) {
        let head_gone = async |result: Result<(), _>| {
            // A sender that is gone says nothing any more; the loop ends for other reasons.
            if result.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            result = self.head.changed() => head_gone(result).await,
            result = self.board.changed() => head_gone(result).await,
        }
    }

    /// Whether everything announced has been told and every older row is read.
    pub fn at_rest(&self) -> bool {
        let head = *self.head.borrow();
        self.phase == Phase::Done && head.last <= self.seen.last && head.change <= self.seen.change
    }

    /// Reads one consent whole.
    pub fn record(&self, seq: Seq) -> Msg {
        match self.reader.record(seq) {
            Ok(stored) => Msg::Record(seq, stored.map(|stored| Box::new(okta::restore(&stored)))),
            Err(error) => Msg::RecordFailed(seq, error.fault().to_string()),
        }
    }

    /// The reader, for whoever needs more of a row than its line.
    pub fn reader(&mut self) -> &mut Reader {
        &mut self.reader
    }

    /// The states of the parts as they are now.
    pub fn board(&mut self) -> Board {
        self.board.borrow_and_update().clone()
    }

    /// The newest row and change as they are now.
    pub fn head(&mut self) -> Head {
        *self.head.borrow_and_update()
    }

    /// Where nothing was seen yet: before all changes.
    pub fn no_change() -> Rev {
        Rev(0)
    }
}
