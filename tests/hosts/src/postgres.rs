//! PostgreSQL servers: Debian's programs, in a temporary folder.

mod certificate;
mod cluster;
mod databases;
mod programs;
mod standby;

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::process::Child;
use std::sync::OnceLock;
use std::{fmt, fs};

pub use standby::Replication;

use crate::command::wait_for;
use crate::folder::Folder;

/// The network that a server listens in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The network namespace it runs in, by its name in `ip netns`; `None` is this process's.
    pub namespace: Option<String>,
    /// The address that is in its URLs.
    pub address: IpAddr,
}

impl Place {
    /// This host's loopback interface.
    pub fn loopback() -> Self {
        Self { namespace: None, address: Ipv4Addr::LOCALHOST.into() }
    }
}

/// How a server is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Whether a commit is on the disk when it returns. If not, what is committed survives a crash of the server, yet would not
    /// survive one of the machine.
    pub durable: bool,
    /// Whether it takes connections over TLS, and no others.
    pub tls: bool,
    /// Where it listens.
    pub place: Place,
}

/// A running PostgreSQL server with an ICU locale, so that text without `COLLATE` is not ordered as in C. Dropped, it ends and
/// its folder is removed.
///
/// It asks everybody for a password, over SCRAM, that is made when it starts.
pub struct Postgres {
    setup: Setup,
    port: u16,
    password: String,
    /// `None` while it is stopped.
    server: Option<Child>,
    paused: bool,
    /// The name under which a primary knows it, if it follows one.
    standby_name: Option<String>,
    folder: Folder,
}

impl Postgres {
    /// One for all tests of this process, without `fsync`; it ends with the process.
    ///
    /// Give each test a [`Self::database`] of its own.
    pub fn shared_fast() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start_fast)
    }

    /// Starts one whose commits are on the disk when they return, as in production.
    pub fn start() -> Self {
        Self::start_with(Setup { durable: true, tls: false, place: Place::loopback() })
    }

    /// Starts one that does not wait for the disk: the same in all but [`Setup::durable`].
    pub fn start_fast() -> Self {
        Self::start_with(Setup { durable: false, tls: false, place: Place::loopback() })
    }

    /// Starts one.
    pub fn start_with(setup: Setup) -> Self {
        let mut postgres = Self::stopped(setup, random_hex());
        postgres.initialize();
        postgres.start_again();
        postgres.make_client_role();
        postgres
    }

    /// One without data.
    fn stopped(setup: Setup, password: String) -> Self {
        // In a namespace of its own nobody else takes the port; failover can then move the address.
        let port = if setup.place.namespace.is_some() { 5432 } else { free_port(setup.place.address) };
        let folder = Folder::new();
        Self { setup, port, password, server: None, paused: false, standby_name: None, folder }
    }

    /// Where it listens.
    pub fn place(&self) -> &Place {
        &self.setup.place
    }

    /// The port that it listens at, on every address of its namespace or else on that of its place.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it logged since it was made.
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Waits for something that this server does, and says what it logged if that never comes.
    fn wait_for<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> T {
        let _log = LogIfPanicking(self);
        wait_for(what, look)
    }
}

/// Shows no password.
impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut postgres = formatter.debug_struct("Postgres");
        postgres.field("setup", &self.setup).field("port", &self.port).finish_non_exhaustive()
    }
}

struct LogIfPanicking<'a>(&'a Postgres);

impl Drop for LogIfPanicking<'_> {
    #[expect(clippy::print_stderr, reason = "tests show what they print if they fail")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("PostgreSQL's log: {}", self.0.log());
        }
    }
}

fn free_port(address: IpAddr) -> u16 {
    let listener = TcpListener::bind((address, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// 128 bits that nobody can guess.
#[expect(clippy::disallowed_methods, reason = "no test can repeat a password, and none should")]
fn random_hex() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("random bytes");
    format!("{:032x}", u128::from_be_bytes(bytes))
}
