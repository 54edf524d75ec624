//! What the command line says when something does not work: what, why, and what to do about it.

use std::error::Error;
use std::fmt::{self, Display};
use std::process::ExitCode;

use keystead_app::{BackupError, CopyError, OpenError, StoreError};

/// An error for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    usage: bool,
}

impl Failure {
    /// What did not work, or was refused.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hint: None, usage: false }
    }

    /// How Keystead was called, or configured, is at fault.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { usage: true, ..Self::new(message) }
    }

    /// What to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What to do about it, if nothing closer to the cause is known.
    pub(crate) fn hint_if_none(self, hint: impl Into<String>) -> Self {
        if self.hint.is_some() { self } else { self.hint(hint) }
    }

    /// Why, as far as it is known. A cause that the message quotes already is left out.
    pub(crate) fn cause(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if !self.message.contains(&text) && !self.causes.contains(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// 1: refused or failed; 2: wrong usage.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.usage { 2 } else { 1 })
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            write!(f, "\n  caused by: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let hint = match &error {
            OpenError::InUse(_) => {
                "stop that process first, or choose another folder with --data-dir. One process owns a store at a time."
            }
            OpenError::Directory { .. } => {
                "choose a folder that you can write to with --data-dir (or KEYSTEAD_DATA_DIR), or change who owns this one."
            }
            OpenError::SigningKey { .. } => {
                "make it readable for the user that runs Keystead and for nobody else (chmod 600). If it is damaged, bring it back from a \
                 backup, or move it away to get another."
            }
            OpenError::Newer { .. } | OpenError::Load(StoreError::Outdated { .. }) => {
                "run the newer Keystead that made it, or restore the backup that was taken before the update."
            }
            OpenError::Credentials(_) => {
                "check the user and the password in --database-url (KEYSTEAD_DATABASE_URL)."
            }
            OpenError::NoDatabase(_) => {
                "make the database first (createdb), or check its name in --database-url."
            }
            OpenError::Standby => {
                "name the primary server in --database-url: a standby may not know of the last revocations."
            }
            OpenError::OtherSecret => {
                "set --secret (KEYSTEAD_SECRET or KEYSTEAD_SECRET_FILE) to what the other nodes have. docs/operating.md says what to do \
                 if that is lost."
            }
            OpenError::OtherLease { .. } => {
                "start it with the --revocation-wait (KEYSTEAD_REVOCATION_WAIT) of the others, or without; to change it, stop all nodes first."
            }
            OpenError::Load(StoreError::Halted(_)) => {
                "nothing may be served from it. `keystead store reopen` says what can be done; docs/many-nodes.md says more."
            }
            OpenError::Load(StoreError::Clock(_)) => {
                "set the clocks of both machines by NTP: keys expire by them."
            }
            OpenError::OlderNodes(_) => {
                "upgrade one release after the other: stop those nodes, then start this one. A node that crashed is forgotten within an \
                 hour."
            }
            OpenError::Unfinished | OpenError::Load(StoreError::Unfinished) => {
                "run the same `keystead store copy` once more: it goes on where it stopped. To give it up, remove the folder or the \
                 database."
            }
            OpenError::NoRandomness => "check that this system has a source of random bytes.",
            OpenError::OldSqlite(_) => "build Keystead with the SQLite that it brings along.",
            OpenError::Database(_) | OpenError::Load(_) | OpenError::Migration(_) => {
                "nothing was changed. Check that the disk is healthy and not full, and that nothing else writes to the \
                 folder; then try again, or restore a backup."
            }
        };
        Self::new(error.to_string()).cause(&error).hint(hint)
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let hint = match &error {
            BackupError::Open(error) if matches!(**error, OpenError::InUse(_)) => {
                "a server runs there, or another restore. Restore into a folder of its own with --data-dir, then stop the server \
                 and start it on that folder."
            }
            BackupError::Open(_) => {
                "nothing was restored. What it says of the store is about the one in the backup."
            }
            BackupError::Io { .. } => {
                "nothing was left behind. Check that it is there, who owns it, and that the disk is not full."
            }
            BackupError::NotABackup => {
                "choose a file that `keystead backup` made. One that was copied must have been copied to its end."
            }
            BackupError::Damaged(_) => {
                "nothing was restored. Fetch the backup once more from where it is kept, or take the one before it."
            }
            BackupError::Newer { .. } => "restore it with the Keystead that made it, or a newer one.",
            BackupError::AuditLog { .. } => {
                "somebody changed it in the store before the backup was made: `keystead audit verify` says the same of that store. \
                 Take an older backup, and keep the store for whoever looks into it. docs/backup.md says what else can be done."
            }
            BackupError::NotALog(_) => {
                "--replay takes JSON Lines: what `serve --audit-log` or `keystead audit export` wrote."
            }
            BackupError::HasStore(_) => {
                "a restore never writes over a store. Move that folder away, or choose another one with --data-dir."
            }
            BackupError::NotOnSqlite => "use pg_dump, or the continuous archiving of PostgreSQL.",
            BackupError::OtherKey(_) => "move the key away, or choose an empty folder with --data-dir.",
            BackupError::Store(_) | BackupError::Database(_) | BackupError::Stopped => {
                "nothing was left behind. Check that the disk is healthy and not full, then try again."
            }
        };
        Self::new(error.to_string()).cause(&error).hint(hint)
    }
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        let hint = match &error {
            CopyError::From(OpenError::InUse(_)) | CopyError::Serving(_) => {
                "stop all servers of that store first, and keep them stopped: what they do after the copy is not in it."
            }
            CopyError::From(OpenError::Newer { .. }) | CopyError::To(OpenError::Newer { .. }) => {
                "run the newer Keystead that made it."
            }
            CopyError::From(OpenError::Unfinished) => {
                "it is itself a copy that is not complete: complete it first."
            }
            CopyError::From(OpenError::OtherSecret) => {
                "set --secret (KEYSTEAD_SECRET or KEYSTEAD_SECRET_FILE) to what the nodes have."
            }
            CopyError::From(_) | CopyError::To(_) => "nothing was copied. Check the URLs in --from and --to.",
            CopyError::NoStore => "check the URL in --from.",
            CopyError::Older { .. } => {
                "bring it up to date first: any command that opens it does, such as `keystead organization list`."
            }
            CopyError::HasStore | CopyError::OtherCopy => {
                "a copy never writes over anything. Choose an empty database or another folder with --to."
            }
            CopyError::Unreadable { .. } => {
                "somebody, or a fault, damaged the store to copy. `keystead audit verify` and a backup help to find out more."
            }
            CopyError::Differs { .. } => {
                "nobody serves from it. Remove it, check the disk and the database, and copy anew into an empty place."
            }
            CopyError::Store(StoreError::Halted(_)) => {
                "the database lost changes that had been answered, so nothing may be copied from it. docs/many-nodes.md says more."
            }
            CopyError::Database(_) | CopyError::Store(_) => "run it once more: it goes on where it stopped.",
        };
        Self::new(error.to_string()).cause(&error).hint(hint)
    }
}
