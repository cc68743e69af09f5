//! Rewrites the journal's file, because deleted data stays in its unused pages.

use std::path::Path;
use std::time::Duration;

use super::progress::{Cleaning, Pace};
use crate::journal::connection::BUSY_MS;
use crate::journal::error::AppendError;
use crate::journal::schema;
use crate::journal::write::store::Store;

/// How long the rewrite of the file waits for readers before it gives up and is tried again later.
const PATIENCE: Duration = Duration::from_millis(200);

impl Store {
    /// Rewrites the file without its unused pages and empties the WAL. The writer stores nothing meanwhile,
    /// for about a second per few hundred megabytes.
    pub(super) fn shrink(&mut self, cleaning: &mut Cleaning) -> Result<Pace, AppendError> {
        let number = |name| self.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let size = number("page_count")?.max(0) as u64 * number("page_size")?.max(0) as u64;
        // VACUUM needs room for a copy beside the file, and then for the same copy in the WAL.
        let needed = if cleaning.is_rewritten { 0 } else { size.saturating_mul(2) };
        let free = self.conn.path().and_then(|path| rustix::fs::statvfs(path).ok());
        let free = free.map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        #[cfg(test)]
        let free = cleaning.room.unwrap_or(free);
        if free < needed {
            cleaning.note = Some(no_room(needed, Some(free)));
            return Ok(Pace::Blocked);
        }
        self.conn.busy_timeout(PATIENCE)?;
        let written = self.rewrite(cleaning);
        self.conn.busy_timeout(Duration::from_millis(BUSY_MS))?;
        match written {
            Ok(true) => {}
            Ok(false) => return Ok(Pace::Later),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
                cleaning.note = Some(no_room(needed, None));
                return Ok(Pace::Blocked);
            }
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                return Ok(Pace::Later);
            }
            Err(error) => return Err(error.into()),
        }
        cleaning.advance();
        self.change(|tx, _| cleaning.save(tx))?;
        self.conn.execute_batch("PRAGMA secure_delete = OFF")?;
        Ok(Pace::Done)
    }

    /// Rewrites the file, once. Returns `false` if a reader kept the WAL from being emptied.
    fn rewrite(&self, cleaning: &mut Cleaning) -> rusqlite::Result<bool> {
        let empty = || self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if !cleaning.is_rewritten {
            if empty()? != 0 {
                return Ok(false);
            }
            // VACUUM writes its copy into the journal's folder, whose free space was checked, and not into the system's
            // temporary folder.
            let folder = self.conn.path().map(Path::new).and_then(Path::parent).and_then(Path::to_str);
            schema::put_temporary_files(&self.conn, folder.unwrap_or_default())?;
            let done = self.conn.execute_batch("VACUUM");
            schema::put_temporary_files(&self.conn, "")?;
            done?;
            cleaning.is_rewritten = true;
        }
        Ok(empty()? == 0)
    }
}

fn no_room(needed: u64, free: Option<u64>) -> String {
    let mega = |bytes: u64| bytes.div_ceil(1_000_000);
    let free =
        free.map_or_else(|| "the disk is full".to_owned(), |free| format!("the disk has {} MB", mega(free)));
    format!(
        "Secrets are hidden in every row, but copies may remain in unused pages of the journal's file. To remove them, the \
         file must be rewritten, which needs {} MB of free space; {free}. Make room; the program tries again every hour.",
        mega(needed)
    )
}
