//! The `WebDriver` program that starts and drives Chromium: one for all tests of a binary that run at the same time.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The program to start, when it is not `chromedriver` on the `PATH`.
const VARIABLE: &str = "KEYSTEAD_TEST_CHROMEDRIVER";

/// How long it may take to close its browsers before it is killed.
const SLOWEST_SHUTDOWN: Duration = Duration::from_secs(5);

static SHARED: Mutex<Weak<Chromedriver>> = Mutex::new(Weak::new());

/// A running chromedriver; the last handle that is dropped ends it and every browser that it started.
pub(crate) struct Chromedriver {
    process: Child,
    port: u16,
    /// Where the browsers keep their profiles, a fresh one each; they leave some of it behind.
    _temporary: TempDir,
}

impl Chromedriver {
    /// The running one, or else a new one.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *shared = Arc::downgrade(&started);
            started
        })
    }

    fn start() -> Self {
        let program = std::env::var_os(VARIABLE).unwrap_or_else(|| "chromedriver".into());
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new(&program);
        command.arg("--port=0").env("TMPDIR", temporary.path()).stdout(Stdio::piped());
        let process = command.spawn();
        let mut process = process.unwrap_or_else(|error| {
            panic!("cannot start {}: {error}. Run `cargo xtask test --only install`", program.display())
        });
        let output = BufReader::new(process.stdout.take().expect("its output is piped"));
        let port = output.lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let port = port.expect("chromedriver says which port it took");
        Self { process, port, _temporary: temporary }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn ask_to_end(&self) -> std::io::Result<()> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        connection.set_read_timeout(Some(SLOWEST_SHUTDOWN))?;
        connection.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        connection.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let asked = Instant::now();
        if self.ask_to_end().is_ok() {
            while asked.elapsed() < SLOWEST_SHUTDOWN {
                if matches!(self.process.try_wait(), Ok(Some(_))) {
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
