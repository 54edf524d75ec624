//! Where PostgreSQL's programs are, and as whom they run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs, os::unix::fs::MetadataExt as _};

use super::{Place, Postgres};
use crate::command::bounded;

/// Where Debian keeps them, by major version; most are not on the `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Whom Debian's package has made, as PostgreSQL refuses to run as root.
const USER: &str = "postgres";

impl Postgres {
    /// One of PostgreSQL's programs, run to its end as the user that owns the folder.
    pub(super) fn program(&self, name: &str) -> Command {
        let mut command = bounded("env");
        // Nothing of who runs the tests is meant for these servers.
        for variable in ["PGHOST", "PGPORT", "PGDATABASE", "PGSERVICE", "PGPASSFILE", "PGSSLMODE"] {
            command.arg(format!("--unset={variable}"));
        }
        command.env("PGPASSWORD", &self.password).env("PGCONNECT_TIMEOUT", "30");
        command.args(enter(&self.setup.place)).args(unprivileged()).arg(path(name));
        self.at_home(&mut command);
        command
    }

    /// The server itself, which nothing stands in front of: the process's number is the server's.
    pub(super) fn server_program(&self) -> Command {
        let mut words = enter(&self.setup.place);
        words.extend(unprivileged());
        words.push(path("postgres").display().to_string());
        let mut command = Command::new(&words[0]);
        self.at_home(command.args(&words[1..]));
        command
    }

    /// The home of who runs the tests may have certificates, which others may not read.
    fn at_home(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
    }
}

/// The identity that a file must have for these programs to read it, if that is not this process's.
pub(super) fn owner() -> Option<(u32, u32)> {
    let is_root = fs::metadata("/proc/self").expect("this process").uid() == 0;
    is_root.then(|| {
        let users = fs::read_to_string("/etc/passwd").expect("a list of users");
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let user = fields.into_iter().find(|fields| fields[0] == USER);
        let user = user.unwrap_or_else(|| panic!("there is no user {USER}. {INSTALL}"));
        (user[2].parse().expect("a user's number"), user[3].parse().expect("a group's number"))
    })
}

/// What to run a program with, so that it is in the namespace.
fn enter(place: &Place) -> Vec<String> {
    let Some(namespace) = &place.namespace else { return Vec::new() };
    ["ip", "netns", "exec", namespace].map(str::to_owned).into()
}

/// What to run a program with, so that it is not root's.
fn unprivileged() -> Vec<String> {
    let Some((user, group)) = owner() else { return Vec::new() };
    let user = format!("--reuid={user}");
    ["setpriv".to_owned(), user, format!("--regid={group}"), "--clear-groups".to_owned()].into()
}

const INSTALL: &str = "Run `cargo xtask test --only install`, or install Debian's `postgresql`";

fn path(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        newest_of_debian()
            .or_else(on_path)
            .unwrap_or_else(|| panic!("there is no PostgreSQL server. {INSTALL}"))
    });
    folder.join(name)
}

fn newest_of_debian() -> Option<PathBuf> {
    let versions = fs::read_dir(DEBIAN).ok()?.flatten();
    let versions = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let folders = versions.map(|version| (version, Path::new(DEBIAN).join(version.to_string()).join("bin")));
    let folders = folders.filter(|(_, folder)| has_server(folder));
    folders.max().map(|(_, folder)| folder)
}

fn on_path() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).find(|folder| has_server(folder))
}

fn has_server(folder: &Path) -> bool {
    folder.join("postgres").is_file() && folder.join("initdb").is_file()
}
