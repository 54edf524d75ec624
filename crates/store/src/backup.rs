//! A backup: one file with everything that a restore needs.
//!
//! It is the database as SQLite's `VACUUM INTO` copies it, whole and as of one moment, and behind it two lines: what goes with it
//! (when and by which version it was made, and the key that signs the audit log), and a seal with the SHA-256 of all before it. So it
//! is one file, which SQLite's own tools can look into, since SQLite goes by the length in its header; and a bit that turned anywhere
//! is found, also in the text of a row, where SQLite's own check sees nothing. The key stands outside of the database, so that no
//! page of a restored one holds it.
//!
//! The keys that sign sessions are not in it: a restore makes new ones, because it cannot know which were replaced since.

mod check;
mod error;
mod put;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use jiff::Timestamp;
use keystead_domain::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

pub use check::{Checked, LoggedEnd, check_database};
pub use error::BackupError;
pub use put::Restoring;

use crate::load::Source;
use crate::signing_key::SIGNING_KEY;
use crate::{PrivateFile, Store};

/// How the seal begins; the number is the form's.
const MAGIC: &str = "keystead-backup 1 ";
/// The seal: the magic, the length of the database in 20 digits, a blank, the digest in 64 digits, a line feed.
const SEAL_BYTES: usize = MAGIC.len() + 20 + 1 + 64 + 1;
/// The longest line of what goes with the database.
const HEAD_BYTES: u64 = 64 * 1024;

/// What goes with the database.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupHead {
    /// When it was begun: what was answered as done before is in it.
    pub made_at: Timestamp,
    /// The version of Keystead that made it.
    pub version: String,
    /// The seed of the key that signs audit logs, as hexadecimal digits. A secret.
    pub(crate) audit_signing_key: String,
    /// Bytes of the database; the seal says it.
    #[serde(skip)]
    pub database_bytes: u64,
}

impl Store {
    /// Copies the store, as it is when this is called or later, into a file that is there and empty. Nobody is kept from writing
    /// meanwhile. What is in the file after an error is no backup.
    ///
    /// # Errors
    /// The copy cannot be written, or the store not read. PostgreSQL has its own means.
    pub async fn back_up(&self, into: &Path, made_at: Timestamp) -> Result<(), BackupError> {
        let text = into.to_str().ok_or_else(|| {
            BackupError::io(into, io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8"))
        })?;
        let Source::Sqlite(database) = &self.bulk else { return Err(BackupError::NotOnSqlite) };
        let folder = database.parent().unwrap_or(Path::new("."));
        let key = PrivateFile::new(folder, SIGNING_KEY)
            .read()
            .map_err(|error| BackupError::Open(Box::new(error)))?;
        let options =
            SqliteConnectOptions::new().filename(database).read_only(true).disable_statement_logging();
        let mut connection = options.connect().await?;
        // One statement sees one moment; writers go on beside it.
        sqlx::query("VACUUM INTO $1").bind(text).execute(&mut connection).await?;
        connection.close().await?;
        let head = BackupHead {
            made_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            audit_signing_key: key.unwrap_or_default().trim_end().to_owned(),
            database_bytes: 0,
        };
        let into = into.to_owned();
        let sealed = tokio::task::spawn_blocking(move || {
            seal(&into, &head).map_err(|cause| BackupError::io(&into, cause))
        });
        sealed.await.map_err(|_| BackupError::Stopped)?
    }
}

/// Writes the two lines behind the database, and sees to it that all of it is on disk.
fn seal(path: &Path, head: &BackupHead) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut digest = Sha256::new();
    let database_bytes = io::copy(&mut file, &mut Digesting(&mut digest))?;
    let head = serde_json::to_string(head).map_err(io::Error::other)?;
    let told = format!("{head}\n{MAGIC}{database_bytes:020} ");
    digest.update(&told);
    writeln!(file, "{told}{}", hex::encode(&digest.finalize()))?;
    file.sync_all()
}

/// Checks a backup as a whole: its seal, and what [`check_database`] looks at. `progress` is told what is being done.
///
/// # Errors
/// It is no backup, or not as it was written.
pub async fn check_backup(
    path: &Path,
    progress: impl Fn(&str),
) -> Result<(BackupHead, Checked), BackupError> {
    progress("Checking that the backup is whole.");
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || unpack(&file, &mut io::sink()));
    let head = read.await.map_err(|_| BackupError::Stopped)??;
    let checked = check_database(path, &head, progress).await?;
    Ok((head, checked))
}

/// Reads a backup from its first byte to its last, writes its database to `database`, and says what goes with it.
pub(crate) fn unpack(path: &Path, database: &mut impl io::Write) -> Result<BackupHead, BackupError> {
    let io = |cause| BackupError::io(path, cause);
    let mut file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let (database_bytes, sealed) =
        read_seal(&mut file, length).map_err(io)?.ok_or(BackupError::NotABackup)?;
    let head_bytes =
        length.checked_sub(database_bytes + SEAL_BYTES as u64).filter(|bytes| *bytes <= HEAD_BYTES);
    let head_bytes = head_bytes.ok_or(BackupError::NotABackup)?;

    file.rewind().map_err(io)?;
    let mut digest = Sha256::new();
    let mut both = Both(&mut digest, database);
    io::copy(&mut (&mut file).take(database_bytes), &mut both).map_err(io)?;
    let mut rest = Vec::new();
    (&mut file).take(head_bytes + (SEAL_BYTES - 65) as u64).read_to_end(&mut rest).map_err(io)?;
    digest.update(&rest);
    if hex::encode(&digest.finalize()) != sealed {
        return Err(BackupError::Damaged("its SHA-256 is not the one that it was sealed with".to_owned()));
    }
    let head = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let head: BackupHead = serde_json::from_slice(head).map_err(|_| BackupError::NotABackup)?;
    Ok(BackupHead { database_bytes, ..head })
}

/// The length of the database and the digest that the seal says; `None` if there is no seal.
fn read_seal(file: &mut File, length: u64) -> io::Result<Option<(u64, String)>> {
    let Some(at) = length.checked_sub(SEAL_BYTES as u64) else { return Ok(None) };
    file.seek(SeekFrom::Start(at))?;
    let mut seal = [0; SEAL_BYTES];
    file.read_exact(&mut seal)?;
    let read = || {
        let text = std::str::from_utf8(&seal).ok()?.strip_prefix(MAGIC)?.strip_suffix('\n')?;
        let (length, digest) = text.split_once(' ')?;
        Some((length.parse().ok().filter(|length| *length <= at)?, digest.to_owned()))
    };
    Ok(read())
}

/// A digest as something to write to.
struct Digesting<'a>(&'a mut Sha256);

impl io::Write for Digesting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A digest of what is written.
struct Both<'a, W>(&'a mut Sha256, &'a mut W);

impl<W: io::Write> io::Write for Both<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.1.write(bytes)?;
        self.0.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}
