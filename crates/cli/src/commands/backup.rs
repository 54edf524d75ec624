//! `keystead backup`.

use std::cell::Cell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use keystead_app::operator::{Answer, Command};
use keystead_app::{BackupHead, Checked, Deployment, check_backup};
use tempfile::NamedTempFile;
use tokio::time::Instant;

use super::{ask, unexpected};
use crate::args::StoreSettings;
use crate::failure::Failure;
use crate::{out, printed};

/// How long something takes before the person who waits is told what it is, and how often after that.
const TELL_AFTER: Duration = Duration::from_secs(1);

pub(crate) async fn backup(store: &StoreSettings, file: &Path) -> Result<(), Failure> {
    let file = absolute(file)?;
    if fs::symlink_metadata(&file).is_ok() {
        return Err(is_there(&file));
    }
    let progress = progress();
    let unfinished = unfinished(&file)?;
    copy(store, unfinished.path()).await?;
    let (head, checked) = check_backup(unfinished.path(), progress).await.map_err(|error| {
        Failure::new("the copy is no good backup, and was removed").cause(&error).hint(
            "`keystead audit verify` checks the store's logs. If it finds nothing, check the disk that the copy was written to, \
             and try again. docs/backup.md says what can be done about a store that is damaged.",
        )
    })?;
    let bytes = unfinished.as_file().metadata().map_or(0, |metadata| metadata.len());
    // Onto a name that is free: whoever took it meanwhile keeps it.
    unfinished.persist_noclobber(&file).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => is_there(&file),
        _ => unwritable(&file, &error.error),
    })?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unwritable(&file, &error))?;
    printed(out::line(format_args!("Backed up to {} ({}).", file.display(), megabytes(bytes))))?;
    printed(out::line(summary(&head, &checked)))?;
    out::say(
        "It holds the key that signs the audit log, and what passwords are checked by: keep it as you keep the store.",
    );
    Ok(())
}

/// What a backup holds, in lines.
pub(super) fn summary(head: &BackupHead, checked: &Checked) -> String {
    let head = format!(
        "It is as of {} (Keystead {}): {} keys, {} users, feed number {}, schema {}.",
        head.made_at, head.version, checked.keys, checked.users, checked.feed, checked.schema
    );
    let logs = checked.logs.iter().map(|log| {
        let (name, id, last) = (&log.name, log.organization, log.end.sequence);
        format!("The audit log of {name:?} ({id}) ends with event {last}.")
    });
    std::iter::once(head).chain(logs).collect::<Vec<_>>().join("\n")
}

/// Tells the person at the terminal what is being done, once it takes long.
pub(super) fn progress() -> impl Fn(&str) {
    let began = Instant::now();
    move |what| {
        if began.elapsed() >= TELL_AFTER {
            out::say(what);
        }
    }
}

/// Has whoever owns the store copy it.
async fn copy(store: &StoreSettings, into: &Path) -> Result<(), Failure> {
    let total = fs::metadata(store.folder()?.join("keystead.db")).map_or(0, |metadata| metadata.len());
    let command = Command::BackUp { into: into.to_owned() };
    let mut asked = std::pin::pin!(ask(store, command, Deployment::default()));
    let told = Cell::new(0);
    let outcome = loop {
        tokio::select! {
            outcome = &mut asked => break outcome,
            () = tokio::time::sleep(TELL_AFTER) => {
                let copied = fs::metadata(into).map_or(0, |metadata| metadata.len());
                if copied != told.replace(copied) {
                    out::say(format_args!("Copied {} of about {}.", megabytes(copied), megabytes(total)));
                }
            }
        }
    };
    match outcome.map_err(|failure| failure.hint_if_none(
        "a server that runs on the store writes the copy itself: run this as the user who runs it, and choose a folder that it may write \
         to, with room for all of the store.",
    ))?.answer {
        Answer::BackedUp => Ok(()),
        _ => Err(unexpected()),
    }
}

/// From the root: a server has another working directory.
fn absolute(file: &Path) -> Result<PathBuf, Failure> {
    let (Some(name), Ok(path)) = (file.file_name(), std::path::absolute(file)) else {
        return Err(Failure::usage(format!("{} names no file", file.display()))
            .hint("say which file to make, such as keystead.backup."));
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = folder.canonicalize().map_err(|error| {
        Failure::new(format!("cannot write to the folder {}", folder.display()))
            .cause(&error)
            .hint("make it first, or choose another.")
    })?;
    Ok(folder.join(name))
}

/// An empty file beside the one to be, for its owner alone.
fn unfinished(file: &Path) -> Result<NamedTempFile, Failure> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    tempfile::Builder::new()
        .prefix(&format!("{name}."))
        .suffix(".unfinished")
        .tempfile_in(file.parent().unwrap_or(Path::new("/")))
        .map_err(|error| unwritable(file, &error))
}

fn is_there(file: &Path) -> Failure {
    Failure::new(format!("{} is there already", file.display()))
        .hint("a backup never writes over a file. Choose another name, such as one with the date in it.")
}

fn unwritable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}", file.display()))
        .cause(error)
        .hint("choose a file in a folder that you may write to, on a disk with room for all of the store.")
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
