//! The one error type of the rules. Doors turn it into their own shape (GraphQL code, HTTP status, page); the text is
//! written for the person who made the request and never carries a secret or another organization's data.

use jiff::SignedDuration;

/// The input field that a [`Error::Invalid`] is about, as the GraphQL contract names it (`extensions.field`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the fields'")]
pub enum Field {
    Actions,
    AdministratorEmail,
    After,
    AllowedAddresses,
    AllowedDomains,
    Attributes,
    BlockedAddresses,
    BlockedDomains,
    Checks,
    ClosedMessage,
    Confirm,
    ConfirmName,
    CurrentPassword,
    Description,
    Email,
    Emails,
    Expiration,
    First,
    From,
    Groups,
    Id,
    Ids,
    Message,
    Name,
    Organization,
    Password,
    Permission,
    Permissions,
    RequestId,
    Resource,
    Role,
    RoleAssignments,
    Scopes,
    Search,
    Status,
    TargetId,
    To,
    UserId,
    Users,
    Via,
    View,
    WithinDays,
}

impl Field {
    /// The field's name in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::AdministratorEmail => "administratorEmail",
            Self::After => "after",
            Self::AllowedAddresses => "allowedAddresses",
            Self::AllowedDomains => "allowedDomains",
            Self::Attributes => "attributes",
            Self::BlockedAddresses => "blockedAddresses",
            Self::BlockedDomains => "blockedDomains",
            Self::Checks => "checks",
            Self::ClosedMessage => "closedMessage",
            Self::Confirm => "confirm",
            Self::ConfirmName => "confirmName",
            Self::CurrentPassword => "currentPassword",
            Self::Description => "description",
            Self::Email => "email",
            Self::Emails => "emails",
            Self::Expiration => "expiration",
            Self::First => "first",
            Self::From => "from",
            Self::Groups => "groups",
            Self::Id => "id",
            Self::Ids => "ids",
            Self::Message => "message",
            Self::Name => "name",
            Self::Organization => "organization",
            Self::Password => "password",
            Self::Permission => "permission",
            Self::Permissions => "permissions",
            Self::RequestId => "requestId",
            Self::Resource => "resource",
            Self::Role => "role",
            Self::RoleAssignments => "roleAssignments",
            Self::Scopes => "scopes",
            Self::Search => "search",
            Self::Status => "status",
            Self::TargetId => "targetId",
            Self::To => "to",
            Self::UserId => "userId",
            Self::Users => "users",
            Self::Via => "via",
            Self::View => "view",
            Self::WithinDays => "withinDays",
        }
    }
}

/// Why a request was not carried out. Nothing was changed in any of these cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No credential, or one that does not work (any more).
    #[error("Sign in, or send an API key that works, and try again.")]
    Unauthenticated,
    /// The actor is known and may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing, or it belongs to somebody whose things the actor may not know of: both look alike (promise 6).
    #[error("There is no such {0}.")]
    NotFound(&'static str),
    /// A field's value is refused.
    #[error("{message}")]
    Invalid {
        /// Which field.
        field: Field,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The thing is in a state that does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// Too many attempts.
    #[error("Too many attempts. Try again in {} s.", retry_after.as_secs())]
    RateLimited {
        /// When the next attempt will be looked at; whole seconds, at least one.
        retry_after: SignedDuration,
    },
    /// The operator has stopped the issuing of credentials ([`Issuing`](crate::Issuing)).
    #[error(
        "The operator of this Keystead has stopped the issuing of credentials. Those that exist keep working; new ones can be had when \
         it is started again."
    )]
    IssuingStopped,
    /// Keystead cannot answer now, and refuses rather than guess.
    #[error("Keystead cannot answer now. Try again shortly.")]
    Unavailable,
    /// A fault of ours. The cause is in the log, never here.
    #[error("Something went wrong on our side. The server's log has the cause.")]
    Internal,
}

impl Error {
    /// A refused field value.
    pub fn invalid(field: Field, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    /// The same for a field that a door calls by another name than the rule that refused it.
    #[must_use]
    pub fn of_field(self, field: Field) -> Self {
        match self {
            Self::Invalid { message, .. } => Self::Invalid { field, message },
            other => other,
        }
    }

    /// A cursor that the list did not give out.
    pub(crate) fn no_such_place() -> Self {
        Self::invalid(Field::After, "That is not a place in this list. Start again from the first page.")
    }

    /// The stable code of the GraphQL contract (`extensions.code`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Invalid { .. } => "BAD_USER_INPUT",
            Self::Conflict(_) => "CONFLICT",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::IssuingStopped => "ISSUING_STOPPED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The HTTP status that says the same.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::Invalid { .. } => 422,
            Self::Conflict(_) => 409,
            Self::RateLimited { .. } => 429,
            Self::IssuingStopped | Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}
