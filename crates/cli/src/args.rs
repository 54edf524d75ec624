//! The command line. The one definition of every setting: its flag, its variable, its key in `keystead.toml`, its default and
//! its meaning are all read from here (see [`config`](crate::config)).
//!
//! A setting is an option with a variable. It is a secret if its variable's value is hidden.

mod commands;
mod impersonation;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use jiff::SignedDuration;
use keystead_domain::{LeaseTerms, Role};
use keystead_token::Prefix;
use tracing_subscriber::EnvFilter;

pub(crate) use commands::{
    AuditCommand, ConfigCommand, IssuingCommand, KeyCommand, OrganizationCommand, SigningKeyCommand,
    StoreCommand, UserChoice, UserCommand,
};
pub(crate) use impersonation::ImpersonationSettings;

/// Keystead gives a product its API keys: the page where people make and revoke them, and the service that checks them.
#[derive(Debug, Parser)]
#[command(name = "keystead", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) store: StoreSettings,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    Serve(Box<ServeSettings>),
    /// Make, list, archive and restore organizations.
    #[command(subcommand)]
    Organization(OrganizationCommand),
    /// Add, list, deactivate, reactivate and delete users, set their roles, and make links that sign them in.
    #[command(subcommand)]
    User(UserCommand),
    /// Create, list and revoke API keys, and end the sessions that they minted.
    #[command(subcommand)]
    Key(KeyCommand),
    /// List and rotate the keys that sign impersonated sessions.
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
    /// Stop the issuing of all credentials at once, on all nodes: for when somebody may have got in.
    #[command(subcommand)]
    Issuing(IssuingCommand),
    /// Check, sign and copy audit logs.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Copy the store into one file, whole and as of one moment, also while a server runs on it. The copy is checked before it gets
    /// its name. It holds secrets: keep it as you keep the store.
    Backup {
        /// The file, which must not be there yet.
        file: PathBuf,
    },
    /// Bring the store back from a backup, into a folder that has none. People sign in again, apps are connected again, and impersonated
    /// sessions end.
    Restore {
        /// The backup.
        file: PathBuf,
        /// An audit log that was shipped (`serve --audit-log`, or a copy as JSON Lines): what was taken away after the backup is taken
        /// away again. May be given several times. Without it, keys that were revoked after the backup work again.
        #[arg(long, value_name = "FILE")]
        replay: Vec<PathBuf>,
    },
    /// Copy a whole store into another database, or bring back one that lost changes.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Check the configuration, or print what can be configured.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask a running server whether it may serve: exit code 0 if so. For containers.
    Healthcheck {
        /// The server's address; by default where --listen says.
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        #[command(flatten)]
        address: AddressSettings,
    },
    /// Print the version.
    Version,
}

/// Where the store is. Belongs to every command.
#[derive(Debug, Args)]
pub(crate) struct StoreSettings {
    /// The configuration file; by default keystead.toml in the working directory, if there is one.
    #[arg(long, global = true, value_name = "PATH", env = "KEYSTEAD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The folder that holds the store. It is made if need be, for its owner alone.
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "KEYSTEAD_DATA_DIR",
        default_value = "keystead-data"
    )]
    pub(crate) data_dir: PathBuf,
    /// The store as a URL, in place of the data directory: `sqlite:` and the path of a folder, or `postgres://user:password@host/database`
    /// for one that many nodes share. There, `?sslmode=verify-full&sslrootcert=/path/to/ca.pem` says that the connection is encrypted
    /// and the server's certificate checked; without it, a connection is encrypted if the server can do it (`sslmode=prefer`).
    #[arg(long, global = true, value_name = "URL", env = "KEYSTEAD_DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<SecretText>,
    /// A secret of at least 32 characters, the same on all nodes that share a PostgreSQL database, and kept elsewhere than its backups:
    /// the keys that sign are sealed with it there. `openssl rand -hex 32` makes one. A store in SQLite needs none.
    #[arg(long, global = true, value_name = "SECRET", env = "KEYSTEAD_SECRET", hide_env_values = true)]
    pub(crate) secret: Option<SecretText>,
    /// The roles of the configuration file, which no option can give.
    #[arg(skip)]
    pub(crate) roles: Vec<Role>,
}

/// Where the server is reached.
#[derive(Debug, Args)]
pub(crate) struct AddressSettings {
    /// The address and port to listen on. Port 0 lets the system choose one.
    #[arg(long, value_name = "ADDRESS", env = "KEYSTEAD_LISTEN", default_value = "127.0.0.1:8080",
        value_parser = listen_address)]
    pub(crate) listen: SocketAddr,
    /// The address that people and programs use, such as `https://keys.example.com`: links and cookies are made for it. By
    /// default `http://` and the address that the server listens on.
    #[arg(long, value_name = "URL", env = "KEYSTEAD_PUBLIC_URL", value_parser = origin)]
    pub(crate) public_url: Option<String>,
}

/// What new tokens start with.
#[derive(Debug, Args)]
pub(crate) struct PrefixSettings {
    /// What the tokens of new API keys start with: a lower-case letter and at most 15 lower-case letters or digits. Keys that
    /// exist keep theirs.
    #[arg(long, value_name = "PREFIX", env = "KEYSTEAD_KEY_PREFIX", default_value = "ks")]
    pub(crate) key_prefix: Prefix,
    /// What the tokens of new impersonation keys start with, so that a leaked one is recognized as the graver find.
    #[arg(long, value_name = "PREFIX", env = "KEYSTEAD_IMPERSONATION_KEY_PREFIX", default_value = "ksi")]
    pub(crate) impersonation_key_prefix: Prefix,
}

/// How e-mail is sent. Without these settings none is.
#[derive(Debug, Args)]
pub(crate) struct MailSettings {
    /// The SMTP server that sends e-mail: `smtps://user:password@mail.example.com` for TLS from the start, or
    /// `smtp://user:password@mail.example.com?tls=required` for STARTTLS; without `?tls=…`, in clear. A port may follow the
    /// host; by default 465, 587 or, in clear, 25. In a user or a password, characters such as `/`, `#`, `?` and `@` are written
    /// as `%2F`, `%23`, `%3F` and `%40`. Goes together with --mail-from; without both, no e-mail is sent.
    #[arg(long, value_name = "URL", env = "KEYSTEAD_SMTP_URL", hide_env_values = true)]
    pub(crate) smtp_url: Option<SecretText>,
    /// The mailbox that e-mail is from, such as `keystead@example.com` or `Keystead <keystead@example.com>`.
    #[arg(long, value_name = "MAILBOX", env = "KEYSTEAD_MAIL_FROM")]
    pub(crate) mail_from: Option<String>,
}

/// How the server runs.
#[derive(Debug, Args)]
pub(crate) struct ServeSettings {
    #[command(flatten)]
    pub(crate) address: AddressSettings,
    #[command(flatten)]
    pub(crate) prefixes: PrefixSettings,
    #[command(flatten)]
    pub(crate) mail: MailSettings,
    #[command(flatten)]
    pub(crate) impersonation: ImpersonationSettings,
    /// A reverse proxy in front of Keystead, as an address or a network such as `10.0.0.0/8`: where a request came from is then read
    /// from its `X-Forwarded-For`, counted from the right. May be given several times; in the variable, separated by commas; in
    /// the file, a list. Without it, everybody behind a proxy looks like one address, and is slowed down like one.
    #[arg(long, value_name = "NETWORK", env = "KEYSTEAD_TRUSTED_PROXY", value_delimiter = ',', value_parser = network)]
    pub(crate) trusted_proxy: Vec<IpNet>,
    /// A network, or an address, from which Keystead also reads what apps say about themselves when they ask to be connected, on any
    /// port: for apps of your own that the Internet cannot reach. May be given several times; in the variable, separated by commas;
    /// in the file, a list. Without it, Keystead asks public addresses on port 443 only. Whoever opens the authorization page
    /// chooses the address, so name no network with servers that act when they are asked.
    #[arg(long, value_name = "NETWORK", env = "KEYSTEAD_CLIENT_METADATA_NETWORK", value_delimiter = ',',
        value_parser = network)]
    pub(crate) client_metadata_network: Vec<IpNet>,
    /// Leave out the creation of API keys over the Model Context Protocol: AI tools can then look at keys, edit and revoke them, and no
    /// token ever passes through a model.
    #[arg(long, env = "KEYSTEAD_NO_MCP_KEY_CREATION", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        value_name = "BOOL", default_value = "false", default_missing_value = "true",
        value_parser = BoolishValueParser::new())]
    pub(crate) no_mcp_key_creation: bool,
    /// What people call this node, among those that share a store on PostgreSQL; by default the name of the machine.
    #[arg(long, value_name = "NAME", env = "KEYSTEAD_NODE_NAME", value_parser = node_name)]
    pub(crate) node_name: Option<String>,
    /// How long at most a revocation waits for a node that does not answer, such as `2s`: between 500ms and 10s. So long a node without
    /// its database goes on to accept keys. All nodes of a store have the same; it is kept there, at first as 2s, and changed by
    /// the first node that starts when no other runs.
    #[arg(long, value_name = "DURATION", env = "KEYSTEAD_REVOCATION_WAIT", value_parser = revocation_wait)]
    pub(crate) revocation_wait: Option<LeaseTerms>,
    /// How long the server goes on answering once it is told to stop (SIGTERM, Ctrl-C), such as `5s`: at most 1 minute. All the while
    /// `/readyz` says no and answers end their connections, so that proxies and clients have found another node when it stops. It
    /// must be longer than a proxy takes to notice. Whoever says it twice is not kept waiting.
    #[arg(long, value_name = "DURATION", env = "KEYSTEAD_DRAIN", default_value = "0s", value_parser = drain)]
    pub(crate) drain: Duration,
    /// Try Keystead out: an organization with some people and keys, in a temporary folder that is removed at the end. A
    /// configured store is left alone.
    #[arg(long, env = "KEYSTEAD_DEMO", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        value_name = "BOOL", default_value = "false", default_missing_value = "true",
        value_parser = BoolishValueParser::new())]
    pub(crate) demo: bool,
    /// Another address on which `/metrics` is served without a credential. Keep it to yourself. Without it, metrics are on the
    /// main address only, for holders of `organizations:manage`.
    #[arg(long, value_name = "ADDRESS", env = "KEYSTEAD_METRICS_LISTEN", value_parser = listen_address)]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Another address on which Envoy's `ext_authz` is answered over gRPC, as `/verify` answers over HTTP. Keep it to your proxies: it
    /// is not encrypted.
    #[arg(long, value_name = "ADDRESS", env = "KEYSTEAD_EXT_AUTHZ_LISTEN", value_parser = listen_address)]
    pub(crate) ext_authz_listen: Option<SocketAddr>,
    /// Where each event of the audit log is appended as a line of JSON once it is committed: a file, or `-` for standard output. A
    /// file that was moved away is made anew.
    #[arg(long, value_name = "PATH", env = "KEYSTEAD_AUDIT_LOG")]
    pub(crate) audit_log: Option<PathBuf>,
    /// What is logged, on standard error: `error`, `warn`, `info`, `debug` or `trace`, also for parts of the program, such as
    /// `info,sqlx=debug`.
    #[arg(long, value_name = "FILTER", env = "KEYSTEAD_LOG", default_value = "info", value_parser = log_filter)]
    pub(crate) log: String,
    /// How it is logged: lines for people, or an object of JSON a line.
    #[arg(long, value_name = "FORMAT", env = "KEYSTEAD_LOG_FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A secret, or a URL that may hold a password. Never printed, so it is also never refused by the command line's parser, which
/// would quote it.
#[derive(Clone)]
pub(crate) struct SecretText(String);

impl SecretText {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "it takes an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned())
}

fn origin(text: &str) -> Result<String, String> {
    keystead_server::Settings::new(text).map(|settings| settings.public_url().to_owned())
}

/// A network, or one address as the network that holds nothing else.
fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical())).ok();
    text.parse().ok().or_else(one).ok_or_else(|| {
        "it takes an IP address such as 127.0.0.1, or a network such as 10.0.0.0/8 or fd00::/8".to_owned()
    })
}

fn node_name(text: &str) -> Result<String, String> {
    let fits = (1..=100).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| "it takes 1 to 100 bytes of text".to_owned())
}

fn revocation_wait(text: &str) -> Result<LeaseTerms, String> {
    let length = text.parse::<SignedDuration>().ok().and_then(|length| length.try_into().ok());
    length.and_then(LeaseTerms::new).ok_or_else(|| "it takes a time from 500ms to 10s, such as 2s".to_owned())
}

fn drain(text: &str) -> Result<Duration, String> {
    let length = text.parse::<SignedDuration>().ok().and_then(|length| Duration::try_from(length).ok());
    length
        .filter(|length| *length <= Duration::from_mins(1))
        .ok_or_else(|| "it takes a time of at most 1m, such as 5s".to_owned())
}

fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|_| "it takes a level, such as info, or levels of parts, such as info,sqlx=debug".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
