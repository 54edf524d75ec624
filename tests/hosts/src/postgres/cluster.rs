//! A server's process and its data: made, started, stopped, crashed, paused.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Stdio;

use super::{Postgres, certificate, programs};
use crate::command::{Signal, children, run, runs, signal};

impl Postgres {
    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Gives the folder to the server's user.
    pub(super) fn hand_over_folder(&self) {
        if let Some((user, group)) = programs::owner() {
            chown(self.folder.path(), Some(user), Some(group)).expect("an owner");
        }
    }

    /// Makes the data of an empty server.
    pub(super) fn initialize(&self) {
        self.hand_over_folder();
        let password = self.folder.path().join("password");
        fs::write(&password, &self.password).expect("written");
        let mut initdb = self.program("initdb");
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
        initdb.args(["--locale-provider=icu", "--icu-locale=en-US", "--no-sync", "--no-instructions"]);
        run(initdb.arg("--pwfile").arg(&password).arg("--pgdata").arg(self.data()));
        fs::remove_file(&password).expect("removed");

        let mut settings = "max_connections = 300\nshared_buffers = 32MB\nwal_keep_size = 256MB\n".to_owned();
        if !self.setup.durable {
            settings.push_str("fsync = off\nfull_page_writes = off\n");
        }
        let configuration = self.data().join("postgresql.conf");
        let mut text = fs::read_to_string(&configuration).expect("read");
        write!(text, "\n{settings}").expect("appended");
        fs::write(&configuration, text).expect("written");

        let connections = if self.setup.tls { "hostssl" } else { "host" };
        let access = format!(
            "local all all scram-sha-256\n\
             {connections} all all 0.0.0.0/0 scram-sha-256\n\
             {connections} replication all 0.0.0.0/0 scram-sha-256\n"
        );
        fs::write(self.data().join("pg_hba.conf"), access).expect("written");
    }

    /// Starts it after [`Self::stop`] or [`Self::crash`], at the same port, and returns when it takes connections.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        if self.setup.tls {
            certificate::write(self.folder.path(), self.setup.place.address);
        }
        let folder = self.folder.path();
        // What these say holds whatever a primary's files say, that a standby has copied.
        let listen = match self.setup.place.namespace {
            Some(_) => "*".to_owned(),
            None => self.setup.place.address.to_string(),
        };
        let own = [
            format!("listen_addresses={listen}"),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", folder.display()),
            format!("ssl={}", if self.setup.tls { "on" } else { "off" }),
            format!("ssl_cert_file={}", folder.join(certificate::CERTIFICATE).display()),
            format!("ssl_key_file={}", folder.join(certificate::KEY).display()),
        ];
        let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
        let mut command = self.server_program();
        command.arg("-D").arg(self.data());
        for setting in own {
            command.args(["-c", &setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let mut server = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let number = server.id().to_string();
        self.wait_for("PostgreSQL to start", || {
            let ended = server.try_wait().expect("its state");
            assert!(ended.is_none(), "PostgreSQL ended at its start");
            // What is there of an earlier one has another number.
            let status = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
            let (first, last) = (status.lines().next(), status.lines().last());
            (first == Some(&number) && last.map(str::trim) == Some("ready")).then_some(())
        });
        self.server = Some(server);
    }

    /// Stops it: connections are ended, everything is written, and it returns when the process is gone.
    pub fn stop(&mut self) {
        self.resume();
        signal(Signal::INT, &[self.process()]);
        self.reap();
    }

    /// [`Self::stop`], then [`Self::start_again`].
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Kills all its processes at once (`kill -9`), which writes nothing and tells no client.
    pub fn crash(&mut self) {
        // Stopped first, so that none of them sees another end.
        self.pause();
        let server = self.process();
        let workers = children(server);
        signal(Signal::KILL, &[&[server], workers.as_slice()].concat());
        self.paused = false;
        self.reap();
        self.wait_for("the end of PostgreSQL's processes", || {
            (!workers.iter().any(|worker| runs(*worker))).then_some(())
        });
    }

    /// Stops all its processes where they are (SIGSTOP): its connections stay open and nobody answers.
    pub fn pause(&mut self) {
        let server = self.process();
        // The first one first, since it starts the others.
        signal(Signal::STOP, &[server]);
        signal(Signal::STOP, &children(server));
        self.paused = true;
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&mut self) {
        if self.paused {
            let server = self.process();
            signal(Signal::CONT, &children(server));
            signal(Signal::CONT, &[server]);
            self.paused = false;
        }
    }

    fn process(&self) -> u32 {
        self.server.as_ref().expect("it runs").id()
    }

    /// Waits for the process that is ending.
    fn reap(&mut self) {
        let mut server = self.server.take().expect("it runs");
        self.wait_for("PostgreSQL to end", || server.try_wait().expect("its end"));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.folder.remove();
        if let Some(server) = &mut self.server {
            // The folder is removed after the server's end.
            let _ = server.wait();
        }
    }
}
