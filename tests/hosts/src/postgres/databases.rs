//! What is done inside a server: databases, statements, settings, connections.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Postgres, certificate};
use crate::command::{output, run};

/// Whom clients log in as: no superuser, as in production.
const CLIENT: &str = "keystead";

impl Postgres {
    pub(super) fn make_client_role(&self) {
        self.sql("postgres", &format!("CREATE ROLE {CLIENT} LOGIN PASSWORD '{}'", self.password));
    }

    /// Makes an empty database that clients own, and returns its URL: `postgres://user:password@address:port/name`.
    pub fn database(&self) -> String {
        self.create_database("template0")
    }

    /// Makes a copy of a database that nobody is connected to, given by its URL, and returns the copy's URL.
    pub fn copy_of(&self, url: &str) -> String {
        self.create_database(database_name(url))
    }

    fn create_database(&self, template: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {CLIENT} TEMPLATE {template}"));
        self.url(&name)
    }

    /// Removes a database, and ends the connections to it.
    pub fn drop_database(&self, url: &str) {
        self.sql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", database_name(url)));
    }

    /// The URL at this server of a database with that name, or of the one that has that URL at another server.
    pub fn url(&self, name_or_url: &str) -> String {
        let name = database_name(name_or_url);
        let tls = match self.certificate() {
            Some(certificate) => format!("?sslmode=verify-full&sslrootcert={}", certificate.display()),
            None => String::new(),
        };
        format!(
            "postgres://{CLIENT}:{}@{}:{}/{name}{tls}",
            self.password, self.setup.place.address, self.port
        )
    }

    /// The file of the certificate to trust, in PEM, if it speaks TLS.
    pub fn certificate(&self) -> Option<std::path::PathBuf> {
        self.setup.tls.then(|| self.folder.path().join(certificate::CERTIFICATE))
    }

    /// Runs statements as a superuser in a database, given by its name or URL, and returns the rows of the last one: a line each,
    /// columns between `|`.
    ///
    /// It does not use the network, so it works in a namespace that is cut off.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        run(&mut self.psql(database, statements))
    }

    /// Runs statements as [`Self::sql`] does; the error is what `psql` says.
    pub fn try_sql(&self, database: &str, statements: &str) -> Result<String, String> {
        let output = output(&mut self.psql(database, statements));
        let text = if output.status.success() { &output.stdout } else { &output.stderr };
        let text = String::from_utf8_lossy(text).trim_end().to_owned();
        if output.status.success() { Ok(text) } else { Err(text) }
    }

    fn psql(&self, database: &str, statements: &str) -> Command {
        let mut psql = self.program("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.arg("--host").arg(self.folder.path()).args(["--port", &self.port.to_string()]);
        psql.args(["--username=postgres", "--dbname", database_name(database), "--command", statements]);
        psql
    }

    /// Sets one of the server's settings until further notice, and returns when new connections have it; those that are open have
    /// it from their next statement on. One that needs a restart waits for it.
    pub fn set(&mut self, setting: &str, value: &str) {
        let loaded = || self.sql("postgres", "SELECT pg_conf_load_time()");
        let before = loaded();
        let value = value.replace('\'', "''");
        self.sql("postgres", &format!("ALTER SYSTEM SET {setting} = '{value}'"));
        self.sql("postgres", "SELECT pg_reload_conf()");
        self.wait_for("PostgreSQL to load its settings", || (loaded() != before).then_some(()));
    }

    /// Ends all connections to a database; their clients may connect again.
    pub fn disconnect(&self, url: &str) {
        let name = database_name(url);
        self.sql(
            "postgres",
            &format!(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{name}'"
            ),
        );
    }

    /// Ends all connections to a database and refuses new ones, until [`Self::let_in`].
    pub fn cut_off(&self, url: &str) {
        let name = database_name(url);
        self.sql("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        self.disconnect(url);
    }

    /// Takes connections to a database again.
    pub fn let_in(&self, url: &str) {
        let name = database_name(url);
        self.sql("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    }
}

/// The database in a URL; a name is its own.
fn database_name(url: &str) -> &str {
    let path = url.rsplit_once('@').map_or(url, |(_, after)| after);
    let name = path.split_once('/').map_or(path, |(_, name)| name);
    name.split_once('?').map_or(name, |(name, _)| name)
}
