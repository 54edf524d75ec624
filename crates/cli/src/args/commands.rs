//! The operator's commands, and what each takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use keystead_domain::Expiration;
use keystead_domain::audit::PublicKey;

use super::{AddressSettings, PrefixSettings, SecretText, ServeSettings};

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationCommand {
    /// Make an organization and print the link that lets its first administrator in, once, within 7 days.
    Create {
        /// What it is called.
        name: String,
        /// The e-mail address of its first administrator.
        #[arg(long, value_name = "EMAIL")]
        administrator: String,
        #[command(flatten)]
        address: AddressSettings,
    },
    /// List the organizations.
    List {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Archive an organization: its people and keys are refused, at once. Nothing is deleted.
    Archive {
        /// Its name or id.
        #[arg(value_name = "NAME_OR_ID")]
        organization: String,
    },
    /// Bring an archived organization back, as it was.
    Restore {
        /// Its name or id.
        #[arg(value_name = "NAME_OR_ID")]
        organization: String,
    },
}

/// A user: an address, and where several organizations have a user of that address, in which.
#[derive(Debug, Args)]
pub(crate) struct UserChoice {
    /// Their e-mail address.
    pub(crate) email: String,
    #[command(flatten)]
    pub(crate) within: OrganizationChoice,
}

#[derive(Debug, Args)]
pub(crate) struct OrganizationChoice {
    /// The organization, by its name or id. Not needed where only one fits.
    #[arg(long, value_name = "NAME_OR_ID")]
    pub(crate) organization: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user; without a password, print a link that signs them in, once.
    Add {
        #[command(flatten)]
        user: UserChoice,
        /// What they may do: `administrator`, `member`, `site_administrator`, a role of keystead.toml, or the name or id of a role that
        /// their organization made.
        #[arg(long)]
        role: String,
        /// Their name; by default what stands before the @.
        #[arg(long)]
        name: Option<String>,
        /// Read their password from standard input.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        address: AddressSettings,
    },
    /// List users with their roles and groups.
    List {
        /// Only those of this organization, by its name or id.
        #[arg(long, value_name = "NAME_OR_ID")]
        organization: Option<String>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Give a user these roles instead of those that they were assigned, for all of their keys at once. What they inherit from groups
    /// stays.
    SetRoles {
        #[command(flatten)]
        user: UserChoice,
        /// The roles, by their ids or names, as for `user add`. Each is held everywhere.
        #[arg(value_name = "ROLE", required = true)]
        roles: Vec<String>,
    },
    /// Deactivate a user: their sessions end and their keys stop working, at once.
    Deactivate(UserChoice),
    /// Reactivate a user: those of their keys that are neither revoked nor expired work again.
    Reactivate(UserChoice),
    /// Delete a user, for good: their sessions end and their keys are revoked, at once.
    Delete {
        #[command(flatten)]
        user: UserChoice,
        /// Do it. Without this, nothing is done but to say what would be.
        #[arg(long)]
        yes: bool,
    },
    /// Print a link that signs a user in, once, within 24 h. One that was made earlier no longer works.
    SignInLink {
        #[command(flatten)]
        user: UserChoice,
        #[command(flatten)]
        address: AddressSettings,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key and print its token, alone, on standard output. It is shown this once.
    Create {
        /// The e-mail address of the user whose key it is: it can do what they can do.
        #[arg(long, value_name = "EMAIL")]
        user: String,
        #[command(flatten)]
        within: OrganizationChoice,
        /// The key's name, 1 to 100 characters.
        #[arg(long)]
        name: String,
        /// How long it stays valid.
        #[arg(long, value_name = "TIME", default_value = Expiration::default().code(),
            value_parser = Expiration::ALL.map(Expiration::code))]
        expires: String,
        #[command(flatten)]
        prefixes: PrefixSettings,
    },
    /// List a user's keys.
    List {
        /// The user's e-mail address.
        #[arg(long, value_name = "EMAIL")]
        user: String,
        #[command(flatten)]
        within: OrganizationChoice,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key: from then on it is refused everywhere.
    Revoke {
        /// The key's id, as `keystead key list` shows it.
        id: String,
    },
    /// End the sessions that an impersonation key has minted, at once and everywhere. The key stays, and can mint others.
    EndSessions {
        /// The key's id, as `keystead key list` shows it.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SigningKeyCommand {
    /// List the keys that sign impersonated sessions, and those that did.
    List {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Let the key that was published ahead sign from now on, and publish another ahead. Sessions that exist go on. A server does this by
    /// itself every 30 days.
    Rotate {
        /// Replace all keys instead: every session that they signed ends, at once. For when somebody may have read the keys.
        #[arg(long)]
        discard_old: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy a whole store into another database, with the keys that sign, and compare all rows. Stop the servers of both first. One that
    /// was interrupted goes on when it is run again. A store is named by a URL, as --database-url takes it; --secret is that of
    /// the nodes, whichever side is theirs. The password in a URL can be left out and given as PGPASSWORD.
    Copy {
        /// The store to copy. It stays as it is.
        #[arg(long, value_name = "URL")]
        from: SecretText,
        /// Where the copy is to be: an empty database, or a folder without a store.
        #[arg(long, value_name = "URL")]
        to: SecretText,
    },
    /// Let a store on PostgreSQL be served again after its database lost changes (a fail-over to a standby that had not got them), or
    /// was restored by PostgreSQL's own means. People sign in again, apps are connected again, and impersonated sessions end.
    Reopen {
        /// An audit log that was shipped (`serve --audit-log`, or a copy as JSON Lines): what was taken away by changes that the
        /// database does not have is taken away again. May be given several times.
        #[arg(long, value_name = "FILE")]
        replay: Vec<PathBuf>,
        /// Do it. Without this, nothing is done but to say what would be.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssuingCommand {
    /// Stop it: from then on nobody gets an API key, an impersonated session, or a code or token for an app, through any door. What was
    /// issued goes on working, people can still sign in, look, edit and revoke.
    Stop {
        /// Why, in one line of at most 500 characters: administrators see it in the console.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Start it again.
    Start,
    /// Print whether credentials are issued.
    Status {
        /// Print JSON instead of a line.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check every organization's log from its first event: exit code 1 if anything was changed, reordered, left out or cut off.
    Verify {
        /// A file of checkpoints that was kept elsewhere, as `keystead audit checkpoint` prints them: nothing up to them was cut
        /// off, or written anew.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// Check this copy (JSON Lines, of a whole log) instead of the store.
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
        /// A public key that you trust, as `keystead audit public-key` prints it. For a copy, by default the one in the data
        /// directory; else beside that one. May be given several times.
        #[arg(long, value_name = "HEX", value_parser = public_key)]
        public_key: Vec<PublicKey>,
    },
    /// Sign the end of every log, and print the checkpoints as JSON Lines, to be kept where nobody who can write to the store can
    /// change them.
    Checkpoint,
    /// Print a copy of an organization's log as JSON Lines; its last line is a signed checkpoint.
    Export {
        /// The organization's name, or its id.
        #[arg(long, value_name = "NAME_OR_ID")]
        organization: String,
    },
    /// Print the public key that checks what this deployment signs.
    PublicKey,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration that `serve` would get from the same options, variables and file, and print it.
    Check(Box<ServeSettings>),
    /// Print what can be configured, as Markdown.
    Reference,
}

fn public_key(text: &str) -> Result<PublicKey, &'static str> {
    text.parse()
}
