//! Turns the journal's content and changes into messages, in the same way at the start, live and when catching up.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::select_all;
use tokio::sync::{mpsc, watch};

use crate::consent::{Beside, Consent, KnownOrg, OrgId, Orgs, Rev, RowPage, Seq, Stored};
use crate::journal::{Head, ReadError, Reader};
use crate::model::{Msg, Notice};
use crate::okta;
use crate::report::{Answer, Board, Coverage, Part, Pulse};

/// Reads rows from a journal: the newest first, then new rows as they come, and older rows in between.
#[derive(Debug)]
pub struct Source {
    reader: Reader,
    head: watch::Receiver<Head>,
    in_use: Vec<OrgInUse>,
    /// Whether rows of other orgs are left out.
    only_in_use: bool,
    seen: Head,
    oldest: Seq,
    listed: u64,
    phase: Phase,
    /// The change up to which the journal was checked for removed rows.
    asked: Rev,
    /// The number that changed with the last commit whose coverage was read.
    version: Option<i64>,
    /// The same for the orgs.
    orgs_version: Option<i64>,
    sorting: Option<Sorting>,
    answers: Option<mpsc::Receiver<Answer>>,
    /// An answer received by `moved` that `pull` has not yet handled.
    received: Option<Answer>,
    orgs: Orgs,
    labels: OrgLabels,
}

/// An org that this process works for.
#[derive(Debug)]
struct OrgInUse {
    org: KnownOrg,
    /// The number in the journal. While the journal does not know the org, it is one that no journal gives.
    id: OrgId,
    board: watch::Receiver<Board>,
    told_board: Option<Board>,
    told_coverage: Option<Coverage>,
}

/// The labels of a journal's orgs by number, to be put into consents. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct OrgLabels(Arc<RwLock<Vec<Option<Arc<str>>>>>);

impl OrgLabels {
    pub(super) fn of(orgs: &Orgs) -> Self {
        let labels = Self::default();
        labels.set(orgs);
        labels
    }

    fn set(&self, orgs: &Orgs) {
        let label = |org: &KnownOrg| Some(org.label()).filter(|label| !label.is_empty()).map(Arc::from);
        let labels = orgs.all().iter().map(label).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = labels;
    }

    /// Reads a stored consent again, with the label of its org.
    pub(super) fn restored(&self, stored: &Stored) -> Consent {
        let mut consent = okta::restore(stored);
        let labels = self.0.read().unwrap_or_else(PoisonError::into_inner);
        consent.org = labels.get(stored.org.index()).cloned().flatten();
        consent
    }
}

/// The search for the rows that are left after a cut.
#[derive(Clone, Copy, Debug)]
struct Sorting {
    after: Seq,
    to: Seq,
    /// How many rows were listed when the search began. `left` counts those found so far.
    listed: u64,
    left: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Starting,
    Older,
    Done,
}

/// Rows read for the first frame.
const FIRST: usize = 1000;
/// New or changed rows read at a time, which takes 1.3 ms.
const LIVE: usize = 1000;
/// Older rows read at a time, which takes some 10 ms. A key press waits at most this long.
const OLDER: usize = 4000;

/// The most events shown beside a consent.
const BESIDE_MAX: usize = 200;

/// A source of rows for a screen.
pub trait Supply {
    /// Adds messages that are due and returns whether more can be read at once.
    fn pull(&mut self, msgs: &mut Vec<Msg>) -> bool;

    /// Waits until there is something new.
    fn moved(&mut self) -> impl Future<Output = ()>;

    /// Returns a reader of whole consents for use on another thread. Does no disk access itself.
    fn records(&self) -> Box<dyn Records>;
}

/// Reads whole consents. Each call may wait for a disk.
pub trait Records: Send {
    /// Opens the underlying storage if it is not open yet. Call it early if reads are rare: open storage can be read
    /// even after its folder is removed.
    fn open(&mut self) {}

    /// Reads one consent. Returns `None` if it is gone.
    ///
    /// # Errors
    /// Returns a sentence for people if the consent cannot be read.
    fn record(&mut self, seq: Seq) -> Result<Option<Consent>, String>;

    /// Reads the other events of a row's session and transaction. Events that cannot be read are left out, since
    /// reading the record itself reports that the journal or the file fails.
    fn beside(&mut self, seq: Seq, session: Option<&str>, transaction: Option<&str>) -> Beside;
}

impl Supply for Source {
    fn pull(&mut self, msgs: &mut Vec<Msg>) -> bool {
        Self::pull(self, msgs)
    }

    fn moved(&mut self) -> impl Future<Output = ()> {
        Self::moved(self)
    }

    fn records(&self) -> Box<dyn Records> {
        Box::new(JournalRecords { dir: self.reader.dir(), reader: None, labels: self.labels.clone() })
    }
}

/// Reads whole consents from a journal.
struct JournalRecords {
    dir: PathBuf,
    /// Opened on the thread that reads.
    reader: Option<Reader>,
    labels: OrgLabels,
}

impl JournalRecords {
    fn reader(&mut self) -> Result<&Reader, String> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::open(&self.dir).map_err(|error| {
                tracing::warn!(%error, "The journal was not opened to read consents.");
                format!("This consent cannot be read: {error}. Page 6 shows the state of the journal.")
            })?,
        };
        Ok(self.reader.insert(reader))
    }
}

impl Records for JournalRecords {
    fn open(&mut self) {
        // A later read returns the error.
        self.reader().ok();
    }

    fn record(&mut self, seq: Seq) -> Result<Option<Consent>, String> {
        let labels = self.labels.clone();
        match self.reader()?.record(seq) {
            Ok(stored) => Ok(stored.map(|stored| labels.restored(&stored))),
            Err(error) => Err(error.fault().to_string()),
        }
    }

    fn beside(&mut self, seq: Seq, session: Option<&str>, transaction: Option<&str>) -> Beside {
        let Ok(reader) = self.reader() else { return Beside::default() };
        let found = reader.beside(seq, session, transaction, BESIDE_MAX);
        if let Err(error) = &found {
            tracing::warn!(%error, "What belongs to a consent's session could not be read.");
        }
        found.unwrap_or_default()
    }
}

impl Source {
    /// Creates a source that has read no rows yet. `in_use` are the orgs that this process works for, at least one, each
    /// with the status of its parts.
    pub fn new(
        reader: Reader,
        head: watch::Receiver<Head>,
        in_use: Vec<(KnownOrg, watch::Receiver<Board>)>,
    ) -> Self {
        let in_use = in_use.into_iter().map(|(org, board)| OrgInUse {
            org,
            id: OrgId::default(),
            board,
            told_board: None,
            told_coverage: None,
        });
        let mut source = Self {
            reader,
            head,
            in_use: in_use.collect(),
            only_in_use: false,
            seen: Head::default(),
            oldest: Seq(0),
            listed: 0,
            phase: Phase::Starting,
            asked: Rev(0),
            version: None,
            orgs_version: None,
            sorting: None,
            answers: None,
            received: None,
            orgs: Orgs::default(),
            labels: OrgLabels::default(),
        };
        source.set_orgs(Orgs::default());
        source.refresh();
        source
    }

    /// Leaves out the rows of orgs that this process does not work for, if `only` is true.
    #[must_use]
    pub fn only_these_orgs(mut self, only: bool) -> Self {
        self.only_in_use = only;
        self
    }

    /// Reads the orgs of the journal again if another process has written to it. Must come after rows were read and before
    /// their orgs are looked up: the orgs of a row are stored before the row.
    pub(super) fn refresh(&mut self) -> bool {
        let version = self.reader.data_version().ok();
        if version.is_some() && version == self.orgs_version {
            return false;
        }
        match self.reader.orgs() {
            Ok(known) => {
                self.orgs_version = version;
                self.set_orgs(known)
            }
            // What is known stays. The rows are of the same database, so their error is reported.
            Err(error) => {
                tracing::warn!(%error, "The orgs of the journal could not be read.");
                false
            }
        }
    }

    /// Sets the orgs of the journal, with the names of the configuration. Returns whether they have changed.
    fn set_orgs(&mut self, known: Orgs) -> bool {
        let ours: Vec<KnownOrg> = self.in_use.iter().map(|org| org.org.clone()).collect();
        let count = known.len();
        let (orgs, numbers) = known.with(&ours);
        let mut has_changed = orgs != self.orgs;
        for (place, (org, id)) in self.in_use.iter_mut().zip(numbers).enumerate() {
            let is_known = id.index() < count;
            let id = if is_known { id } else { OrgId(u8::MAX - u8::try_from(place).unwrap_or(u8::MAX)) };
            has_changed |= std::mem::replace(&mut org.id, id) != id;
        }
        if has_changed {
            self.labels.set(&Orgs::new(orgs.all()[..count].to_vec()));
            self.orgs = orgs;
            for org in &mut self.in_use {
                (org.told_board, org.told_coverage) = (None, None);
            }
        }
        has_changed
    }

    /// Returns the orgs of the journal.
    pub fn orgs(&self) -> &Orgs {
        &self.orgs
    }

    /// Returns the numbers of the orgs that this process works for, in the order of the plan.
    pub fn in_use(&self) -> impl Iterator<Item = OrgId> {
        self.in_use.iter().map(|org| org.id)
    }

    /// Returns the labels of the orgs that this process works for, in the order of the plan.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.in_use.iter().map(|org| org.org.label())
    }

    /// Returns whether rows of an org are listed.
    pub(super) fn lists(&self, org: OrgId) -> bool {
        !self.only_in_use || self.in_use.iter().any(|own| own.id == org)
    }

    /// Returns the label of an org to put before what is said of it, or `None` if this process works for one org only.
    pub(super) fn heading(&self, org: OrgId) -> Option<&str> {
        let own = self.in_use.iter().find(|own| own.id == org).filter(|_| self.in_use.len() > 1);
        own.map(|own| own.org.label())
    }

    /// Reads what the journal covers of an org.
    pub(super) fn coverage(&self, org: OrgId) -> Result<Coverage, ReadError> {
        self.reader.coverage(org)
    }

    /// Reads the newest row and change.
    pub(super) fn journal_head(&self) -> Result<Head, ReadError> {
        self.reader.head()
    }

    /// Reads a stored consent again, with the label of its org.
    pub(super) fn restored(&self, stored: &Stored) -> Consent {
        self.labels.restored(stored)
    }

    /// Sets the channel of sentences for the notice line.
    #[must_use]
    pub fn hearing(mut self, answers: mpsc::Receiver<Answer>) -> Self {
        self.answers = Some(answers);
        self
    }

    /// Adds messages that are due and returns whether more can be read at once. A read error becomes the journal's
    /// state on the boards.
    pub fn pull(&mut self, msgs: &mut Vec<Msg>) -> bool {
        let received = self.received.take().or_else(|| self.answers.as_mut()?.try_recv().ok());
        let notice = |answer: Answer| {
            if answer.is_bad { Notice::bad(answer.text) } else { Notice::plain(answer.text) }
        };
        msgs.extend(received.map(notice).map(Msg::Notice));
        let pulled = self.try_pull(msgs);
        let damage = if pulled.is_ok() { damaged_words(&self.reader.damaged()) } else { None };
        for org in &mut self.in_use {
            let mut board = org.board.borrow_and_update().clone();
            if board.notes.damage.is_empty() {
                board.notes.damage.extend(damage.clone());
            }
            if let Err(error) = &pulled {
                board.set(Part::Journal, Pulse::Down(error.fault()));
            }
            if org.told_board.as_ref() != Some(&board) {
                org.told_board = Some(board.clone());
                msgs.push(Msg::Board(org.id, Box::new(board)));
            }
        }
        pulled.unwrap_or(false)
    }

    fn tell_orgs(&self, msgs: &mut Vec<Msg>) {
        msgs.push(Msg::Orgs(self.orgs.clone()));
        msgs.push(Msg::OrgsInUse(self.in_use.iter().map(|org| (org.id, org.org.clone())).collect()));
    }

    fn try_pull(&mut self, msgs: &mut Vec<Msg>) -> Result<bool, ReadError> {
        let head = *self.head.borrow_and_update();
        if self.phase == Phase::Starting {
            // Rows are shown and filtered by their org.
            self.tell_orgs(msgs);
            self.start(head, msgs)?;
        } else if head.last > self.seen.last {
            let page = self.reader.after(self.seen.last, LIVE)?;
            // An announced row that cannot be read has been cut already, so continue from the head.
            self.seen.last = page.rows.last().map_or(head.last, |row| row.seq);
            self.listed += page.rows.len() as u64;
            self.tell_new_orgs(msgs);
            msgs.push(Msg::Committed(self.listed_of(page)));
        } else if head.change > self.seen.change {
            let mut page = self.reader.changed(self.seen.change, LIVE)?;
            let last = page.rows.iter().map(|row| row.rev).max();
            let to = match last {
                Some(rev) if page.rows.len() == LIVE => rev,
                _ => head.change,
            };
            // Names that were resolved since then are sent even if no row changed.
            page.symbols.extend(self.reader.renamed(self.seen.change, to)?);
            self.seen.change = to;
            self.tell_new_orgs(msgs);
            // An empty page still means that side events were added.
            msgs.push(Msg::Changed(self.listed_of(page)));
        } else if self.phase == Phase::Older {
            let page = self.reader.before(self.oldest, OLDER)?;
            self.listed += page.rows.len() as u64;
            self.oldest = page.rows.first().map_or(self.oldest, |row| row.seq);
            let left = self.left(page.rows.len() == OLDER)?;
            msgs.push(Msg::Older { page: self.listed_of(page), left });
        } else if let Some(sorting) = self.sorting {
            self.sort(sorting, msgs)?;
        } else if self.seen.change > self.asked {
            // A cut is a change that belongs to no row.
            self.asked = self.seen.change;
            if self.reader.has_cut(self.seen.last, self.listed)? {
                let (to, listed) = (self.seen.last, self.listed);
                self.sorting = Some(Sorting { after: Seq(0), to, listed, left: 0 });
            }
        }
        // What is covered changes only with a commit. Reading it for each org takes some time.
        let version = self.reader.data_version()?;
        let is_same = self.version == Some(version);
        if !is_same {
            // An org that was added to a journal without rows is no change of a row.
            self.tell_new_orgs(msgs);
        }
        for org in self.in_use.iter_mut().filter(|org| !is_same || org.told_coverage.is_none()) {
            let coverage = self.reader.coverage(org.id)?;
            if org.told_coverage.as_ref() != Some(&coverage) {
                org.told_coverage = Some(coverage.clone());
                msgs.push(Msg::Coverage(org.id, coverage));
            }
        }
        self.version = Some(version);
        Ok(!self.at_rest())
    }

    /// Tells the orgs if another process added one or renamed one. That is a change of the journal.
    fn tell_new_orgs(&mut self, msgs: &mut Vec<Msg>) {
        if self.refresh() {
            self.tell_orgs(msgs);
        }
    }

    /// Leaves out the rows that are not listed. They are counted before, because removed rows are found by their number.
    fn listed_of(&self, page: RowPage) -> RowPage {
        if page.rows.iter().all(|row| self.lists(row.org)) {
            return page;
        }
        let RowPage { rows, grants, symbols } = page;
        let mut listed = RowPage { symbols, ..RowPage::default() };
        for (at, row) in rows.into_iter().enumerate().filter(|(_, row)| self.lists(row.org)) {
            listed.grants.push(grants.of(at).iter().copied());
            listed.rows.push(row);
        }
        listed
    }

    /// Reads the newest thousand rows. The head was read before them, so no row is missed.
    fn start(&mut self, head: Head, msgs: &mut Vec<Msg>) -> Result<(), ReadError> {
        let page = self.reader.newest(FIRST)?;
        self.seen = Head { last: page.rows.last().map_or(Seq(0), |row| row.seq), change: head.change };
        self.oldest = page.rows.first().map_or(Seq(0), |row| row.seq);
        self.asked = head.change;
        self.listed = page.rows.len() as u64;
        let left = self.left(page.rows.len() == FIRST)?;
        msgs.push(Msg::Older { page: self.listed_of(page), left });
        Ok(())
    }

    /// Returns how many older rows remain to be read, at least 1 if `may_have_more`. Only a page that is not full is
    /// the last one: listed rows may have been cut since, so their count does not prove it.
    fn left(&mut self, may_have_more: bool) -> Result<u64, ReadError> {
        self.phase = if may_have_more { Phase::Older } else { Phase::Done };
        if !may_have_more {
            return Ok(0);
        }
        Ok(self.reader.counts()?.rows.saturating_sub(self.listed).max(1))
    }

    /// Finds which of the next rows are left after a cut, and reports them.
    fn sort(&mut self, sorting: Sorting, msgs: &mut Vec<Msg>) -> Result<(), ReadError> {
        let Sorting { after, to: end, listed, left } = sorting;
        let kept = self.reader.present(after, end, OLDER)?;
        let to = if kept.len() == OLDER { kept.last().copied().unwrap_or(end) } else { end };
        let left = left + kept.len() as u64;
        if to < end {
            self.sorting = Some(Sorting { after: to, left, ..sorting });
        } else {
            self.listed = self.listed - listed + left;
            self.sorting = None;
        }
        if (kept.len() as i64) < to.0 - after.0 {
            msgs.push(Msg::Cut { after, to, kept });
        }
        Ok(())
    }

    /// Waits until the journal or the status of a part changes.
    pub async fn moved(&mut self) {
        let head_gone = async |result: Result<(), _>| {
            // The sender is gone, so no change will come. Something else ends the loop.
            if result.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let hear = async |answers: &mut Option<mpsc::Receiver<_>>| match answers {
            Some(answers) => answers.recv().await,
            None => None,
        };
        let any_board = async |orgs: &mut Vec<OrgInUse>| {
            if orgs.is_empty() {
                return std::future::pending().await;
            }
            select_all(orgs.iter_mut().map(|org| Box::pin(org.board.changed()))).await.0
        };
        tokio::select! {
            Some(received) = hear(&mut self.answers) => self.received = Some(received),
            result = self.head.changed() => head_gone(result).await,
            result = any_board(&mut self.in_use) => head_gone(result).await,
        }
    }

    /// Returns whether all announced changes were reported, all older rows were read and all cut rows were found.
    pub fn at_rest(&self) -> bool {
        let head = *self.head.borrow();
        let has_all = head.last <= self.seen.last && head.change <= self.seen.change;
        self.phase == Phase::Done && has_all && self.sorting.is_none() && self.seen.change <= self.asked
    }

    /// Returns the reader, for access to more than a row's line.
    pub fn reader(&mut self) -> &mut Reader {
        &mut self.reader
    }

    /// Reads whole rows above a number, at most `n`, in rising order.
    pub(super) fn records_after(&mut self, seq: Seq, n: usize) -> Result<Vec<Stored>, ReadError> {
        let records = self.reader.records_after(seq, n)?;
        self.refresh();
        Ok(records)
    }

    /// Returns the current status of the parts of each org in use, and marks it as seen.
    pub fn boards(&mut self) -> Vec<Board> {
        self.in_use.iter_mut().map(|org| org.board.borrow_and_update().clone()).collect()
    }

    /// Returns the newest row and change, and marks them as seen.
    pub fn head(&mut self) -> Head {
        *self.head.borrow_and_update()
    }

    /// Returns the revision before all changes.
    pub fn no_change() -> Rev {
        Rev(0)
    }
}

/// Returns a sentence about the damaged rows found so far, or `None` if there are none.
pub(super) fn damaged_words(damaged: &[Seq]) -> Option<String> {
    let shown: Vec<String> = damaged.iter().take(10).map(ToString::to_string).collect();
    let more = if damaged.len() > shown.len() { " …" } else { "" };
    let rows = match damaged.len() {
        0 => return None,
        1 => "1 row of the journal is".to_owned(),
        count => format!("{count} rows of the journal are"),
    };
    Some(format!(
        "{rows} damaged on the disk, number {}{more}. A damaged row is empty in the list and left out elsewhere. The \
         process that writes the journal fetches it again, if Okta still keeps it (90 days). consentwatch doctor \
         --check checks every row.",
        shown.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::consent::{KnownOrg, Via};
    use crate::journal::OrgEntry;
    use crate::journal::{self, Batch, Journal, Opened, Settings};
    use crate::model::{Model, Origin, Zone, update};

    fn batch(numbers: std::ops::RangeInclusive<u32>) -> Batch {
        let received = "2026-05-06T08:00:00Z".parse().unwrap();
        let event = |number: u32| {
            format!(
                r#"{{"uuid":"5b1f0c9e-3333-4333-8333-{number:012}","eventType":"app.oauth2.as.consent.grant",
                    "published":"2026-05-06T07:{:02}:{:02}.000Z"}}"#,
                number / 60 % 60,
                number % 60,
            )
        };
        let page = format!("[{}]", numbers.map(event).collect::<Vec<_>>().join(","));
        let consents = okta::page(page.as_bytes(), received, Via::POLL).unwrap().consents;
        Batch { consents, ..Batch::default() }
    }

    fn pull(source: &mut Source, model: &mut Model) {
        let mut more = true;
        while more {
            let mut msgs = Vec::new();
            more = source.pull(&mut msgs);
            for msg in msgs {
                drop(update(model, msg));
            }
        }
        assert!(source.at_rest());
    }

    fn shown(model: &Model) -> (usize, i64) {
        let window = model.list.window(&model.rows, 100_000);
        (window.total, window.rows.first().map_or(0, |at| model.rows.get(*at).seq.0))
    }

    async fn an_hour(clock: &Clock, journal: &Journal, until: Rev) {
        let mut head = journal.head();
        clock.advance(Duration::from_hours(1));
        let gone = |head: &Head| head.change >= until;
        tokio::time::timeout(Duration::from_secs(20), head.wait_for(gone)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_cut_reaches_a_running_list() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-05-06T08:00:00Z".parse().unwrap());
        let keep = Settings { keep_rows: 100, ..Settings::default() };
        let Opened::Writer(journal) = journal::open(dir.path(), keep, clock.clone()).unwrap() else {
            panic!("held")
        };
        journal.append(batch(1..=1000)).await.unwrap();
        let (_board, board) = watch::channel(Board::default());
        let org = OrgEntry::of_folder(dir.path(), clock.clone()).org;
        let mut source = Source::new(Reader::open(dir.path()).unwrap(), journal.head(), vec![(org, board)]);
        let mut model = Model::new(Origin::default(), Zone::default(), (80, 24), clock.now());
        pull(&mut source, &mut model);
        assert_eq!(shown(&model), (1000, 1));
        // Rows that come between the cut and its discovery do not hide it.
        an_hour(&clock, &journal, Rev(2)).await;
        journal.append(batch(1001..=2000)).await.unwrap();
        pull(&mut source, &mut model);
        assert_eq!(shown(&model), (1100, 901));
        an_hour(&clock, &journal, Rev(4)).await;
        pull(&mut source, &mut model);
        assert_eq!(shown(&model), (100, 1901));
        journal.append(batch(2001..=2001)).await.unwrap();
        pull(&mut source, &mut model);
        assert_eq!(shown(&model), (101, 1901));
        journal.close().await;
    }

    #[tokio::test]
    async fn what_is_open_is_read_although_its_folder_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("org");
        let clock = Clock::manual("2026-05-06T08:00:00Z".parse().unwrap());
        let Opened::Writer(journal) = journal::open(&dir, Settings::default(), clock).unwrap() else {
            panic!("held")
        };
        journal.append(batch(1..=3)).await.unwrap();
        let (_board, board) = watch::channel(Board::default());
        let org = KnownOrg { key: "org".into(), ..KnownOrg::unnamed("example.okta.com") };
        let source = Source::new(Reader::open(&dir).unwrap(), journal.head(), vec![(org, board)]);
        let (mut early, mut late) = (source.records(), source.records());
        early.open();
        std::fs::rename(&dir, parent.path().join("elsewhere")).unwrap();
        let consent = early.record(Seq(2)).unwrap().unwrap();
        assert_eq!(consent.org.as_deref(), Some("example.okta.com"));
        let why = late.record(Seq(2)).unwrap_err();
        assert!(
            why.contains("cannot be read") && why.contains("no journal") && !why.contains("started"),
            "{why}"
        );
        journal.close().await;
    }
}
