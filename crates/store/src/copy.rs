//! Copying a whole store into another database.
//!
//! Rows go over in the order of their primary keys, some hundred in a transaction. So what is there is always a beginning of each
//! table, and a copy that was killed goes on behind the last row that it finds. At the end all rows are read from both sides and
//! compared, and only then the copy may be served from.

mod error;
mod rows;
mod source;
mod tables;
mod target;

use keystead_domain::{SealedKeys, hex};
use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, Row as _};

pub use error::CopyError;
pub use source::CopySource;
pub use target::CopyTarget;

use crate::SealedName;
use rows::Value;
use tables::{AT_ONCE, TABLES, Table};

/// How far a copy is.
#[derive(Debug, Clone, Copy)]
pub struct CopyProgress {
    /// The table that it is at.
    pub table: &'static str,
    /// Whether its rows are copied already, and are compared.
    pub compares: bool,
    /// Rows that this is done with.
    pub done: u64,
    /// All of them.
    pub of: u64,
}

/// A table that is the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// The SHA-256 of all of them, as hexadecimal digits.
    pub sha256: String,
}

impl CopyTarget {
    /// Copies what it does not have yet, and compares all of it. `progress` is told after every
    /// some hundred rows.
    ///
    /// # Errors
    /// What was copied stays, for the next time.
    pub async fn copy(
        &mut self,
        source: &mut CopySource,
        mut progress: impl FnMut(CopyProgress),
    ) -> Result<Vec<CopiedTable>, CopyError> {
        for table in TABLES {
            let of = count(&mut source.connection, table).await?;
            let mut done = count(&mut self.connection, table).await?;
            let mut last = rows::last_key(&mut self.connection, table).await?;
            loop {
                let page = rows::page(&mut source.connection, table, last.as_deref()).await?;
                let Some(row) = page.last() else { break };
                self.insert(table, &page).await?;
                last = Some(key(table, row).to_vec());
                done += page.len() as u64;
                progress(CopyProgress { table: table.name, compares: false, done, of });
            }
        }
        let mut copied = Vec::new();
        for table in TABLES {
            copied.push(self.compare(source, table, &mut progress).await?);
        }
        Ok(copied)
    }

    async fn compare(
        &mut self,
        source: &mut CopySource,
        table: &Table,
        progress: &mut impl FnMut(CopyProgress),
    ) -> Result<CopiedTable, CopyError> {
        let of = count(&mut source.connection, table).await?;
        let mut digests = [Sha256::new(), Sha256::new()];
        let (mut done, mut after) = (0, None);
        loop {
            let ours = rows::page(&mut source.connection, table, after.as_deref()).await?;
            let theirs = rows::page(&mut self.connection, table, after.as_deref()).await?;
            for number in 0..ours.len().max(theirs.len()) {
                let (one, other) = (ours.get(number), theirs.get(number));
                if let (false, Some(row)) = (one == other, one.or(other)) {
                    return Err(CopyError::Differs { table: table.name, key: rows::told(key(table, row)) });
                }
                for (digest, row) in digests.iter_mut().zip([one, other]) {
                    rows::add(digest, row.map_or(&[][..], Vec::as_slice));
                }
            }
            done += ours.len() as u64;
            progress(CopyProgress { table: table.name, compares: true, done, of });
            match ours.last() {
                Some(row) if ours.len() == AT_ONCE => after = Some(key(table, row).to_vec()),
                _ => break,
            }
        }
        let [sha256, theirs] = digests.map(|digest| hex::encode(&digest.finalize()));
        if sha256 != theirs || done != of {
            return Err(CopyError::Differs { table: table.name, key: "at its end".to_owned() });
        }
        Ok(CopiedTable { name: table.name, rows: done, sha256 })
    }

    /// Makes a store of the copy, which has been compared. `sealed` are the keys that sign, for nodes that share it.
    ///
    /// # Errors
    /// Somebody served from the source meanwhile; or it cannot be written.
    pub async fn finish(
        mut self,
        mut source: CopySource,
        sealed: &[(SealedName, SealedKeys)],
    ) -> Result<(), CopyError> {
        source.check_nodes().await?;
        self.complete(&source, sealed).await?;
        self.close().await
    }
}

fn key<'a>(table: &Table, row: &'a [Value]) -> &'a [Value] {
    &row[..table.key]
}

async fn count(connection: &mut AnyConnection, table: &Table) -> Result<u64, CopyError> {
    let row = sqlx::query(table.count).fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
}
