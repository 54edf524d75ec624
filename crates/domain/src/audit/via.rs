//! Through what kind of proof a change was made.

use crate::{Error, Field, Via};

/// A kind of proof. The text is what the log keeps: never change one, only add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViaKind {
    /// A console session.
    Session,
    /// An API key.
    Key,
    /// A session that an impersonation key minted.
    Impersonation,
    /// An app that somebody connected.
    Connection,
    /// The operator's command line.
    Operator,
    /// Somebody who was just signing in.
    SignIn,
    /// Somebody who was just setting the deployment up.
    SetUp,
    /// Somebody who was just accepting an invitation.
    Invitation,
    /// Somebody who was just setting a new password by a link.
    PasswordReset,
}

impl From<Via> for ViaKind {
    fn from(via: Via) -> Self {
        match via {
            Via::Session(_) => Self::Session,
            Via::Key(_) => Self::Key,
            Via::Impersonation { .. } => Self::Impersonation,
            Via::Connection(_) => Self::Connection,
        }
    }
}

impl ViaKind {
    /// All of them: what the log can be filtered by.
    pub const ALL: [Self; 9] = [
        Self::Session,
        Self::Key,
        Self::Impersonation,
        Self::Connection,
        Self::Operator,
        Self::SignIn,
        Self::SetUp,
        Self::Invitation,
        Self::PasswordReset,
    ];

    /// Its name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Key => "key",
            Self::Impersonation => "impersonation",
            Self::Connection => "connection",
            Self::Operator => "operator",
            Self::SignIn => "sign_in",
            Self::SetUp => "set_up",
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Session => "Console",
            Self::Key => "API key",
            Self::Impersonation => "Impersonated session",
            Self::Connection => "Connected app",
            Self::Operator => "Command line",
            Self::SignIn => "Sign-in",
            Self::SetUp => "First set-up",
            Self::Invitation => "Invitation",
            Self::PasswordReset => "Password reset",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            Error::invalid(Field::Via, "There is no such way in. docs/audit-log.md lists them.")
        })
    }
}
