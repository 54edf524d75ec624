//! How a command reaches the server that owns the store: a Unix socket in the store's folder, for its owner alone.
//!
//! A connection carries one line of JSON, a [`Command`], and one line back, a [`Reply`]. Who owns the store is known by its lock, not
//! by the socket: one that a crash left behind answers nobody and is replaced at the next start.

use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keystead_app::App;
use keystead_app::operator::{Answer, Command};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::failure::Failure;

const NAME: &str = "keystead.sock";
/// The longest path of a socket that every system can bind (macOS: 103 bytes, Linux: 107).
const PATH_BYTES: usize = 100;
/// The longest request: some ten thousand checkpoints of audit logs.
const REQUEST_BYTES: u64 = 8 * 1024 * 1024;
/// The longest answer: a list of some hundred thousand keys.
const ANSWER_BYTES: u64 = 64 * 1024 * 1024;
/// Until a request is read, or an answer taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// Until an answer comes; hashing a password may have to wait for its turn.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Until an answer comes about all that the store or its audit logs hold, every row of which may have to be read.
const LONG_WORK_WITHIN: Duration = Duration::from_hours(1);
/// Connections at once; the next waits.
const CONNECTIONS: usize = 16;

/// What the server answers.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reply {
    /// Where the server is reached, for links.
    pub(crate) public_url: String,
    /// What came of the command.
    pub(crate) answer: Answer,
}

/// The socket of a running server. Gone when dropped.
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

/// Refuses a folder whose socket could not be bound, before anything is made in it.
pub(crate) fn check_path(folder: &Path) -> Result<(), Failure> {
    let path = folder.join(NAME);
    if path.as_os_str().len() <= PATH_BYTES {
        return Ok(());
    }
    Err(Failure::new(format!("the path of the control socket is too long: {}", path.display())).hint(format!(
        "choose a shorter --data-dir: the system allows about {PATH_BYTES} bytes. A path relative to the working directory will do."
    )))
}

impl Control {
    /// Listens in the store's folder. The caller owns the store, so that a socket that is there is a dead one.
    pub(crate) fn bind(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixSocket::new_stream()?;
        socket.bind(&path)?;
        // Between binding and listening nobody can connect, so that it is never open to others.
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener: socket.listen(64)?, path })
    }

    /// Answers commands until `stop` resolves, then finishes those under way.
    pub(crate) async fn run(self, app: Arc<App>, public_url: String, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &places) => accepted,
                () = &mut stop => break,
            };
            let Some((stream, place)) = accepted else { continue };
            let (app, public_url) = (Arc::clone(&app), public_url.clone());
            tokio::spawn(async move {
                if let Err(error) = converse(stream, &app, public_url).await {
                    tracing::debug!(%error, "a command's connection ended badly");
                }
                drop(place);
            });
        }
        let everyone = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        _ = timeout(PATIENCE / 2, places.acquire_many(everyone)).await;
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.path);
    }
}

async fn accept(
    listener: &UnixListener,
    places: &Arc<Semaphore>,
) -> Option<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a command's connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn converse(mut stream: UnixStream, app: &App, public_url: String) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let request = timeout(PATIENCE, line(read, REQUEST_BYTES)).await??;
    let answer = match serde_json::from_str(&request) {
        Ok(command) => app.operate(command).await,
        // Not quoted: it may hold a password.
        Err(_) => Answer::Refused {
            code: "BAD_USER_INPUT".to_owned(),
            message: "The server does not know that command. Are it and this program of the same version?"
                .to_owned(),
        },
    };
    let mut reply = serde_json::to_vec(&Reply { public_url, answer })?;
    reply.push(b'\n');
    timeout(PATIENCE, write.write_all(&reply)).await?
}

/// Asks the server that owns the store in a folder. `None`: there is no server that listens.
///
/// # Errors
/// There is one, and it could not be asked.
pub(crate) async fn ask(folder: &Path, command: &Command) -> io::Result<Option<Reply>> {
    let mut stream = match UnixStream::connect(folder.join(NAME)).await {
        Ok(stream) => stream,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut request = serde_json::to_vec(command)?;
    request.push(b'\n');
    let (read, mut write) = stream.split();
    timeout(PATIENCE, write.write_all(&request)).await??;
    let long = matches!(command, Command::Audit(_) | Command::BackUp { .. });
    let within = if long { LONG_WORK_WITHIN } else { ANSWER_WITHIN };
    let reply = timeout(within, line(read, ANSWER_BYTES)).await??;
    Ok(Some(serde_json::from_str(&reply)?))
}

/// Nothing there, or nobody behind it; a path that is too long for a socket has none, either.
fn is_absent(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionRefused, InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | ConnectionRefused | InvalidInput | NotADirectory)
}

/// One line of at most `limit` bytes.
async fn line(read: impl tokio::io::AsyncRead + Unpin, limit: u64) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(read.take(limit)).read_line(&mut line).await?;
    if line.ends_with('\n') { Ok(line) } else { Err(ErrorKind::UnexpectedEof.into()) }
}
