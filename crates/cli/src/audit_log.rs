//! Where `serve --audit-log` appends: a file, or standard output.
//!
//! A thread of its own writes, so that a pipe that nobody reads holds nothing up but itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use keystead_app::App;
use tokio::sync::oneshot;

type Job = (Vec<u8>, oneshot::Sender<io::Result<()>>);

/// Writes whole lines, in order.
pub(crate) struct AuditLog {
    jobs: Sender<Job>,
}

impl AuditLog {
    /// Begins; `-` is standard output.
    ///
    /// # Errors
    /// A file that could never be appended to, rather than one that cannot be now.
    pub(crate) fn start(path: &Path) -> io::Result<Self> {
        if !is_stdout(path) && !is_special(path) {
            append(path, b"")?;
        }
        let (jobs, queue) = channel();
        let mut target =
            if is_stdout(path) { Target::Stdout { torn: false } } else { Target::File(path.to_owned()) };
        let work = move || work(&queue, |bytes| target.append(bytes));
        std::thread::Builder::new().name("audit-log".to_owned()).spawn(work)?;
        Ok(Self { jobs })
    }

    /// Ships until `stop` resolves.
    pub(crate) async fn ship(self, app: Arc<App>, stop: impl Future<Output = ()>) {
        let write = |bytes| {
            let (done, outcome) = oneshot::channel();
            let sent = self.jobs.send((bytes, done));
            async move {
                let gone = || io::Error::other("the thread that writes the audit log is gone");
                sent.map_err(|_| gone())?;
                outcome.await.map_err(|_| gone())?
            }
        };
        app.ship_audit_log(write, stop).await;
    }
}

/// Whether it is standard output, which then holds nothing else.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether it is a pipe or a device.
fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

fn work(queue: &Receiver<Job>, mut append: impl FnMut(&[u8]) -> io::Result<()>) {
    while let Ok((bytes, done)) = queue.recv() {
        _ = done.send(append(&bytes));
    }
}

enum Target {
    File(PathBuf),
    Stdout {
        /// A line may have been left unfinished.
        torn: bool,
    },
}

impl Target {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(path) => append(path, bytes),
            Self::Stdout { torn } => {
                let mut stdout = io::stdout().lock();
                if *torn {
                    stdout.write_all(b"\n")?;
                }
                *torn = true;
                stdout.write_all(bytes)?;
                stdout.flush()?;
                *torn = false;
                Ok(())
            }
        }
    }
}

/// Opened anew each time, so that a file that was rotated away is let go. What was written is on disk when this returns; what
/// was written in part is taken back or, failing that, stands on a line of its own.
fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    if is_special(path) {
        // Only ever written to: a pipe would count its own end as a reader.
        return options.open(path)?.write_all(bytes);
    }
    let mut file = options.read(true).open(path)?;
    let length = file.metadata()?.len();
    let written =
        end_line(&mut file, length).and_then(|()| file.write_all(bytes)).and_then(|()| file.sync_data());
    if written.is_err() {
        _ = file.set_len(length);
    }
    written
}

/// Ends a line that a crash left unfinished.
fn end_line(file: &mut File, length: u64) -> io::Result<()> {
    if length == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_for_its_owner_alone_and_is_made_anew_after_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        append(&path, b"1\n").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::rename(&path, folder.path().join("audit.jsonl.1")).unwrap();
        append(&path, b"2\n").unwrap();
        append(&path, b"3\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "2\n3\n");
    }

    #[test]
    fn a_line_that_a_crash_left_unfinished_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, "1\n{\"half").unwrap();
        append(&path, b"2\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n{\"half\n2\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let error = append(Path::new("/dev/full"), b"1\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
